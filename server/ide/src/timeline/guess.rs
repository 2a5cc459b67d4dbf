//! How wide the cells of a tile must be for it to fit: guessed from pieces of the window, so that it is
//! drawn once.

use super::Index;
use super::cells::{Cells, Window};
use super::density::CellSums;
use super::tile::{Key, MOST_WIDTH};

/// So many pieces of a window tell how many rects there are.
const PIECES: i64 = 4;
/// As fine as a pixel is worth a try though there seem to be so many times too many.
const GUESSED: f64 = 1.1;
/// So much of what was expected must have been drawn before it tells of the rest, and the rest must
/// be so many times too much.
const TOLD: f64 = 0.5;
const SURELY: f64 = 1.05;

/// A lane that is asked for; of a density row what it is drawn of.
pub(super) struct Asked<'a> {
    pub(super) key: &'a Key,
    pub(super) sums: Option<CellSums>,
}

/// How wide cells must be.
pub(super) struct Guess {
    /// So many pixels.
    pub(super) wide: u32,
    /// Of density rows.
    pub(super) dense: u32,
    lanes: Vec<Lane>,
}

/// Of one lane.
struct Lane {
    is_dense: bool,
    /// About how many rects it has with cells of a pixel, if half as many are twice as wide.
    rects: f64,
}

/// The next of 1, 2, 3, 4, 6, 8, 12 and so on pixels.
fn wider(wide: u32) -> u32 {
    match wide {
        1 => 2,
        _ if wide.is_power_of_two() => wide / 2 * 3,
        _ => wide / 3 * 4,
    }
}

impl Guess {
    fn of(&self, lane: &Lane) -> f64 {
        lane.rects / f64::from(if lane.is_dense { self.dense } else { self.wide })
    }

    fn all(&self) -> f64 {
        self.lanes.iter().map(|lane| self.of(lane)).sum()
    }

    /// Makes cells wider until all could fit: twice as wide is half as many at best.
    pub(super) fn widen(&mut self, room: f64) {
        while self.all() > room && self.wide.max(self.dense) <= MOST_WIDTH {
            self.step();
        }
    }

    /// Density rows have a rect for each class in each cell: their cells get wider first.
    fn step(&mut self) {
        let any = |dense: bool| self.lanes.iter().any(|l| l.is_dense == dense && l.rects > 0.0);
        if any(true) && (!any(false) || self.dense < self.wide * 4) {
            self.dense = wider(self.dense);
        } else {
            self.wide = wider(self.wide);
        }
    }

    /// How many rects there will be at the end, if the first so many lanes have `n`. What they have too
    /// many the others will have, too: lanes are busy at the same times.
    pub(super) fn will_be(&self, lanes: usize, n: usize) -> f64 {
        let (drawn, rest) = self.lanes.split_at(lanes.min(self.lanes.len()));
        let [drawn, rest] = [drawn, rest].map(|some| some.iter().map(|lane| self.of(lane)).sum());
        let (n, drawn, rest): (f64, f64, f64) = (n as f64, drawn, rest);
        if drawn < TOLD * (drawn + rest) { n } else { (n + rest * n / drawn.max(1.0)) / SURELY }
    }

    /// The first lanes have so many rects, and that is too many, with the cells of now.
    pub(super) fn was_wrong(&mut self, found: &[usize]) {
        let drawn: f64 = self.lanes.iter().take(found.len()).map(|lane| self.of(lane)).sum();
        let n = found.iter().sum::<usize>() as f64;
        let (wide, dense) = (f64::from(self.wide), f64::from(self.dense));
        for (i, lane) in self.lanes.iter_mut().enumerate() {
            lane.rects = match found.get(i) {
                Some(&n) => n as f64 * if lane.is_dense { dense } else { wide },
                None => lane.rects * n / drawn.max(1.0),
            };
        }
        self.step();
    }
}

impl Index {
    /// How wide cells must be, told from a few pieces of the window.
    pub(super) fn guess(&self, asked: &[Asked<'_>], window: &Window, room: usize) -> Guess {
        let lanes = asked.iter().map(|asked| Lane { is_dense: asked.sums.is_some(), rects: 0.0 });
        let mut guess = Guess { wide: 1, dense: 1, lanes: lanes.collect() };
        let cells = Cells::new(window, 1);
        if asked.len() as i64 * cells.n < room as i64 / 2 {
            return guess;
        }
        let (mut wide, mut dense) = (0, 0);
        while guess.wide.max(guess.dense) <= MOST_WIDTH {
            for (i, asked) in asked.iter().enumerate() {
                // What was looked at is not looked at again.
                let (now, before) =
                    if asked.sums.is_some() { (guess.dense, dense) } else { (guess.wide, wide) };
                if now != before {
                    guess.lanes[i].rects = f64::from(now) * self.about(asked, window, now);
                }
            }
            (wide, dense) = (guess.wide, guess.dense);
            let some = if guess.wide == 1 { GUESSED } else { 1.0 };
            if guess.all() <= room as f64 * some {
                break;
            }
            guess.widen(room as f64);
        }
        guess
    }

    /// About how many rects a lane has with cells of `wide` pixels.
    fn about(&self, asked: &Asked<'_>, window: &Window, wide: u32) -> f64 {
        let (pixels, cells) = (Cells::new(window, 1), Cells::new(window, wide));
        let length = (cells.n / 256).max(8).min(cells.n);
        let mut n = 0.0;
        for piece in 0..PIECES {
            let first = cells.n * (2 * piece + 1) / (2 * PIECES) - length / 2;
            let first = first.clamp(0, cells.n - length);
            let from = first * i64::from(wide);
            let to = ((first + length) * i64::from(wide)).min(pixels.n);
            let (t0, t1) = (pixels.edge(from), pixels.edge(to));
            let within = Cells::new(&Window { t0, t1, width: (to - from) as u32 }, wide);
            let rects = match &asked.sums {
                Some(sums) => sums.rects(cells, wide, first..first + length),
                None => self.lane(asked.key, within),
            };
            // One that goes through all of a piece goes on behind it.
            n += match rects.rects.len() {
                0 | 1 => 0.0,
                some => some as f64 - 0.5,
            };
        }
        n * cells.n as f64 / (PIECES * length) as f64
    }
}
