//! The least mean utilisation of all windows of some length, the windows that have it, and how the
//! others are distributed.
//!
//! The mean over a window is a line in the window's start wherever neither of its ends meets a
//! change: so only the starts at which one does are looked at, in order, with a pointer for each
//! end.

use super::Point;

/// Utilisation over time, ready for questions.
#[derive(Debug)]
pub struct Curve {
    series: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    points: Vec<Point>,
    /// The integral up to each point, in nanoseconds of the program.
    sums: Vec<f64>,
}

/// A window with a low utilisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    /// Where it begins, in nanoseconds since the trace's beginning.
    pub t: i64,
    /// How long it is, in nanoseconds: what was asked for, or the whole series if that is shorter.
    pub window: i64,
    /// The mean utilisation in it.
    pub util: f64,
    /// Which series it is of.
    pub series: usize,
}

impl Curve {
    /// The curve of some series; those that take no time have no say.
    pub fn new(series: Vec<Vec<Point>>) -> Curve {
        let lasting =
            |points: &Vec<Point>| points.first().zip(points.last()).is_some_and(|(a, b)| a.t < b.t);
        let series = series.into_iter().filter(lasting).map(Series::new).collect();
        Curve { series }
    }

    /// The same between two moments.
    pub fn of_range(series: Vec<Vec<Point>>, t0: i64, t1: i64) -> Curve {
        let cut = |points: Vec<Point>| {
            let mut kept: Vec<Point> = Vec::new();
            for (i, point) in points.iter().enumerate() {
                let until = points.get(i + 1).map_or(point.t, |next| next.t);
                if until > t0 && point.t < t1 {
                    kept.push(Point { t: point.t.max(t0), util: point.util });
                }
            }
            let end = points.last().map_or(t1, |last| last.t.min(t1));
            if !kept.is_empty() {
                kept.push(Point { t: end, util: 0.0 });
            }
            kept
        };
        Curve::new(series.into_iter().map(cut).collect())
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The length of the longest series, in nanoseconds.
    pub fn duration(&self) -> i64 {
        self.series.iter().map(Series::duration).max().unwrap_or(0)
    }

    /// The mean over everything.
    pub fn mean(&self) -> Option<f64> {
        let all: f64 = self.series.iter().map(|s| s.duration() as f64).sum();
        let sum: f64 = self.series.iter().filter_map(|s| s.sums.last()).sum();
        (all > 0.0).then(|| sum / all)
    }

    /// The least mean utilisation in any window of `window` nanoseconds, 0 to 1. A series that is
    /// shorter counts as a whole.
    pub fn mmu(&self, window: i64) -> f64 {
        if window <= 0 {
            return 0.0;
        }
        let mut least = 1.0f64;
        for series in &self.series {
            series.windows(window, |_, util| least = least.min(util));
        }
        least
    }

    /// At most `n` windows of that length with the lowest utilisation, the worst first; those of
    /// one series do not overlap.
    pub fn worst(&self, window: i64, n: usize) -> Vec<Worst> {
        let mut found: Vec<Worst> = Vec::new();
        if window <= 0 {
            return found;
        }
        while found.len() < n {
            let mut worst: Option<Worst> = None;
            for (row, series) in self.series.iter().enumerate() {
                let window = window.min(series.duration());
                series.windows(window, |t, util| {
                    let overlaps =
                        |w: &Worst| w.series == row && t < w.t + w.window && w.t < t + window;
                    if worst.is_none_or(|w| util < w.util) && !found.iter().any(overlaps) {
                        worst = Some(Worst { t, window, util, series: row });
                    }
                });
            }
            match worst {
                Some(worst) if worst.util < 1.0 => found.push(worst),
                _ => break,
            }
        }
        found
    }

    /// The utilisation that a share of all windows of that length does not exceed, for each of the
    /// shares, 0 to 1. The share 0 gives the minimum.
    pub fn quantiles(&self, window: i64, shares: &[f64]) -> Vec<f64> {
        let mut edges: Vec<(f64, f64, f64)> = Vec::new(); // at, change of the density, weight there
        let mut weight = 0.0;
        for series in &self.series {
            let mut before: Option<(i64, f64)> = None;
            series.windows(window, |t, util| {
                if let Some((from, was)) = before {
                    let ns = (t - from) as f64;
                    weight += ns;
                    let (low, high) = (was.min(util), was.max(util));
                    if low == high {
                        edges.push((low, 0.0, ns));
                    } else {
                        edges.push((low, ns / (high - low), 0.0));
                        edges.push((high, -ns / (high - low), 0.0));
                    }
                }
                before = Some((t, util));
            });
        }
        edges.sort_by(|a, b| a.0.total_cmp(&b.0));
        let least = self.mmu(window);
        let at_share = |share: f64| {
            let wanted = weight * share;
            let (mut sum, mut density, mut at) = (0.0, 0.0, 0.0);
            for &(x, change, here) in &edges {
                let next = sum + (x - at) * density;
                if next >= wanted && density > 0.0 {
                    return at + (wanted - sum) / density;
                }
                if next + here >= wanted {
                    return x;
                }
                (sum, density, at) = (next + here, density + change, x);
            }
            at
        };
        shares.iter().map(|&s| if weight > 0.0 { at_share(s).max(least) } else { least }).collect()
    }
}

impl Series {
    fn new(points: Vec<Point>) -> Series {
        let mut sums = Vec::with_capacity(points.len());
        let (mut sum, mut before) = (0.0, None::<Point>);
        for &point in &points {
            if let Some(before) = before {
                sum += before.util * (point.t - before.t) as f64;
            }
            sums.push(sum);
            before = Some(point);
        }
        Series { points, sums }
    }

    fn first(&self) -> i64 {
        self.points.first().map_or(0, |p| p.t)
    }

    fn duration(&self) -> i64 {
        self.points.last().map_or(0, |p| p.t) - self.first()
    }

    /// Calls `each` with the start of every window that matters, in order, and the mean in it.
    fn windows(&self, window: i64, mut each: impl FnMut(i64, f64)) {
        let window = window.min(self.duration());
        if window <= 0 {
            return;
        }
        let t = |row: usize| self.points.get(row).map_or(i64::MAX, |p| p.t);
        let integral = |row: usize, at: i64| {
            let point = self.points[row];
            self.sums[row] + point.util * (at - point.t) as f64
        };
        let end = self.first() + self.duration() - window;
        let (mut left, mut right, mut at) = (0, 0, self.first());
        loop {
            while t(left + 1) <= at {
                left += 1;
            }
            while t(right + 1) <= at.saturating_add(window) {
                right += 1;
            }
            each(at, (integral(right, at + window) - integral(left, at)) / window as f64);
            if at >= end {
                return;
            }
            at = t(left + 1).min(t(right + 1).saturating_sub(window)).min(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The mean in a window, nanosecond by nanosecond.
    fn mean(points: &[Point], from: i64, window: i64) -> f64 {
        let util = |t: i64| points.iter().rev().find(|p| p.t <= t).map_or(0.0, |p| p.util);
        (from..from + window).map(util).sum::<f64>() / window as f64
    }

    fn all(points: &[Point], window: i64) -> Vec<(i64, f64)> {
        let (first, last) = (points[0].t, points[points.len() - 1].t);
        let window = window.min(last - first);
        (first..=last - window).map(|t| (t, mean(points, t, window))).collect()
    }

    fn series() -> impl Strategy<Value = Vec<Point>> {
        let steps = prop::collection::vec((1..12i64, 0..5u8), 1..12);
        (0..20i64, steps).prop_map(|(start, steps)| {
            let mut t = start;
            let mut points = Vec::new();
            for (ns, quarters) in steps {
                points.push(Point { t, util: f64::from(quarters) / 4.0 });
                t += ns;
            }
            points.push(Point { t, util: 0.0 });
            points
        })
    }

    proptest! {
        /// Against a model that looks at every window there is.
        #[test]
        fn least_is_the_least_of_all_windows(
            list in prop::collection::vec(series(), 1..4),
            window in 1..40i64,
        ) {
            let slow = list.iter().flat_map(|s| all(s, window)).map(|w| w.1).fold(1.0, f64::min);
            let curve = Curve::new(list.clone());
            prop_assert!((curve.mmu(window) - slow).abs() < 1e-9);
            let worst = curve.worst(window, 3);
            if slow < 1.0 {
                prop_assert!((worst[0].util - slow).abs() < 1e-9);
            }
            for (i, a) in worst.iter().enumerate() {
                prop_assert!((mean(&list[a.series], a.t, a.window) - a.util).abs() < 1e-9);
                for b in &worst[..i] {
                    prop_assert!(b.util <= a.util + 1e-12);
                    let apart = a.t >= b.t + b.window || b.t >= a.t + a.window;
                    prop_assert!(a.series != b.series || apart);
                }
            }
        }

        /// Starts are all equally likely, those between two nanoseconds as well.
        #[test]
        fn quantiles_are_those_of_many_windows(points in series(), window in 1..20i64) {
            let starts = all(&points, window);
            prop_assume!(starts.len() > 3);
            let mut slow = Vec::new();
            for pair in starts.windows(2) {
                slow.extend((0..100).map(|i| {
                    pair[0].1 + (pair[1].1 - pair[0].1) * (f64::from(i) + 0.5) / 100.0
                }));
            }
            slow.sort_by(f64::total_cmp);
            let curve = Curve::new(vec![points]);
            for share in [0.1, 0.5, 0.9] {
                let at = curve.quantiles(window, &[share])[0];
                let below = slow.iter().filter(|u| **u < at - 1e-9).count() as f64;
                let up_to = slow.iter().filter(|u| **u <= at + 1e-9).count() as f64;
                let all = slow.len() as f64;
                prop_assert!(below / all <= share + 0.02 && up_to / all >= share - 0.02);
            }
            prop_assert!((curve.quantiles(window, &[0.0])[0] - curve.mmu(window)).abs() < 1e-9);
        }

        /// A range of a series is that part of it.
        #[test]
        fn a_range_is_a_part(points in series(), from in 0..60i64, ns in 1..60i64, window in 1..20i64) {
            let (first, last) = (points[0].t, points[points.len() - 1].t);
            let (t0, t1) = (from.max(first), (from + ns).min(last));
            prop_assume!(t0 < t1);
            let window = window.min(t1 - t0);
            let slow = (t0..=t1 - window).map(|t| mean(&points, t, window)).fold(1.0, f64::min);
            let curve = Curve::of_range(vec![points], from, from + ns);
            prop_assert!((curve.mmu(window) - slow).abs() < 1e-9);
        }
    }

    #[test]
    fn of_nothing() {
        let curve = Curve::new(Vec::new());
        assert!(curve.is_empty());
        assert_eq!((curve.mmu(5), curve.mmu(0), curve.mean()), (1.0, 0.0, None));
        assert!(curve.worst(5, 3).is_empty());
        let point = Curve::new(vec![vec![Point { t: 3, util: 0.0 }]]);
        assert_eq!(point.mmu(5), 1.0);
    }
}
