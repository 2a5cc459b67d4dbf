//! Many durations, for their percentiles.
//!
//! The first ones are kept as they are; from [`EXACT`] on they are counted in buckets, 64 to a
//! power of two, so that a percentile is off by less than 0.8 %. A percentile is that of the
//! nearest rank: the least value that at least so many per cent of all do not exceed.

use serde::{Deserialize, Serialize};

/// So many values are kept exactly.
pub const EXACT: usize = 64;
const SUB: u32 = 6;

/// A multiset of durations in nanoseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Values {
    exact: Vec<i64>,
    /// Counts of the buckets from `first` on; empty while all values are exact.
    counts: Vec<u32>,
    first: u16,
}

fn bucket(ns: i64) -> u16 {
    let v = ns.max(0) as u64;
    if v < 1 << SUB {
        return v as u16;
    }
    let shift = 63 - v.leading_zeros() - SUB;
    ((shift << SUB) + (v >> shift) as u32) as u16
}

/// The same in half the steps, for what a float has exactly: its exponent, and the first bits behind it.
#[inline(always)]
fn quick_bucket(ns: i64) -> u64 {
    const LEAST: u64 = 1 << SUB;
    if (ns as u64).wrapping_sub(LEAST) < (1 << f64::MANTISSA_DIGITS) - LEAST {
        const DIGITS: u32 = f64::MANTISSA_DIGITS - 1;
        const ZERO: u64 = (f64::MAX_EXP as u64 + SUB as u64 - 2) << SUB;
        return ((ns as f64).to_bits() >> (DIGITS - SUB)).wrapping_sub(ZERO);
    }
    slow_bucket(ns)
}

#[cold]
fn slow_bucket(ns: i64) -> u64 {
    u64::from(bucket(ns))
}

/// The middle of a bucket.
fn middle(bucket: u16) -> i64 {
    let b = i64::from(bucket);
    if b < 2 << SUB {
        return b;
    }
    let shift = (b >> SUB) - 1;
    let low = (b - (shift << SUB)) << shift;
    low + (1 << shift) / 2
}

impl Values {
    /// Adds one.
    #[inline(always)]
    pub fn add(&mut self, ns: i64) {
        let i = quick_bucket(ns).wrapping_sub(u64::from(self.first));
        match self.counts.get_mut(i as usize) {
            Some(count) => *count = count.saturating_add(1),
            None => self.add_slowly(ns),
        }
    }

    #[inline(never)]
    fn add_slowly(&mut self, ns: i64) {
        if self.counts.is_empty() {
            self.exact.push(ns);
            if self.exact.len() > EXACT {
                for ns in std::mem::take(&mut self.exact) {
                    self.count(bucket(ns), 1);
                }
            }
        } else {
            self.count(bucket(ns), 1);
        }
    }

    fn count(&mut self, bucket: u16, n: u32) {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let more = usize::from(self.first - bucket);
            self.counts.splice(0..0, std::iter::repeat_n(0, more));
            self.first = bucket;
        }
        let i = usize::from(bucket - self.first);
        if i >= self.counts.len() {
            self.counts.resize(i + 1, 0);
        }
        self.counts[i] = self.counts[i].saturating_add(n);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Values) {
        for &ns in &other.exact {
            self.add(ns);
        }
        if !other.counts.is_empty() && self.counts.is_empty() {
            for ns in std::mem::take(&mut self.exact) {
                self.count(bucket(ns), 1);
            }
        }
        for (i, &n) in other.counts.iter().enumerate().filter(|c| *c.1 > 0) {
            self.count(other.first + i as u16, n);
        }
    }

    /// Whether these can have come of durations: what was read from a file can be anything.
    pub(crate) fn is_sound(&self) -> bool {
        let buckets = usize::from(bucket(i64::MAX)) + 1;
        let n = self.exact.len();
        n <= EXACT
            && (n == 0 || self.counts.is_empty())
            && usize::from(self.first) + self.counts.len() <= buckets
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.exact.len() as u64 + self.counts.iter().map(|&n| u64::from(n)).sum::<u64>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.counts.is_empty()
    }

    /// The percentiles asked for, in rising order, in nanoseconds; 0 where there are no values.
    pub fn percentiles<const N: usize>(&self, percent: [u64; N]) -> [i64; N] {
        let n = self.len();
        let mut out = [0; N];
        if n == 0 {
            return out;
        }
        let rank = |p: u64| (n * p).div_ceil(100).max(1);
        if self.counts.is_empty() {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable();
            return percent.map(|p| sorted[rank(p) as usize - 1]);
        }
        let mut seen = 0;
        let mut buckets = self.counts.iter().enumerate();
        let mut at = 0;
        for (out, p) in out.iter_mut().zip(percent) {
            while seen < rank(p) {
                let Some((i, &count)) = buckets.next() else { break };
                seen += u64::from(count);
                at = i;
            }
            *out = middle(self.first + at as u16);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_hold_their_middle() {
        for v in (0..100_000).chain((0..50).map(|e| 1i64 << e)).chain([i64::MAX]) {
            let m = middle(bucket(v));
            assert!((m - v).abs() as f64 <= v as f64 * 0.0079, "{v} {m}");
            assert_eq!(bucket(m), bucket(v));
            assert_eq!(quick_bucket(v), u64::from(bucket(v)));
        }
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_values(
            values in prop::collection::vec(prop_oneof![1i64..200, 1i64..1_000_000, 1i64..1 << 50], 1..400),
            parts in 1usize..5,
        ) {
            let mut all = Values::default();
            for part in values.chunks(values.len().div_ceil(parts)) {
                let mut some = Values::default();
                part.iter().for_each(|&v| some.add(v));
                all.merge(&some);
            }
            let mut sorted = values.clone();
            sorted.sort_unstable();
            prop_assert_eq!(all.len(), values.len() as u64);
            let n = values.len() as u64;
            for (p, got) in [1, 50, 90, 99, 100].into_iter().zip(all.percentiles([1, 50, 90, 99, 100])) {
                let want = sorted[(n * p).div_ceil(100).max(1) as usize - 1];
                prop_assert!((got - want).abs() as f64 <= want as f64 * 0.01, "{p}: {got} {want}");
                if values.len() <= EXACT {
                    prop_assert_eq!(got, want);
                }
            }
        }
    }
}
