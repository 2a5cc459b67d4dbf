//! A window of time cut into cells: pixels, or some pixels together.

use super::class::Tone;
use super::tile::Rect;

/// A time and how wide it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning, in nanoseconds.
    pub t0: i64,
    /// Its end.
    pub t1: i64,
    /// Pixels.
    pub width: u32,
}

/// `a * b / c`, without losing anything on the way.
fn mul_div(a: i64, b: i64, c: i64) -> i64 {
    match a.checked_mul(b) {
        Some(product) => product / c,
        None => (i128::from(a) * i128::from(b) / i128::from(c)) as i64,
    }
}

/// A window cut into cells, of a pixel or of several: cells of several are pixels together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells {
    pub(super) t0: i64,
    pub(super) t1: i64,
    pub(super) n: i64,
    /// Pixels that have a time of their own, and how many of them a cell is.
    pixels: i64,
    wide: i64,
    width: i64,
    /// What is longer than this is a rect of its own.
    pub(super) whole: i64,
}

impl Cells {
    /// `wide`: how many pixels a cell is.
    pub(super) fn new(window: &Window, wide: u32) -> Cells {
        let span = (window.t1 - window.t0).max(1);
        let (t0, t1) = (window.t0, window.t0 + span);
        let width = i64::from(window.width.max(1));
        let (pixels, wide) = (width.min(span), i64::from(wide.max(1)));
        let (n, whole) =
            ((pixels as u64).div_ceil(wide as u64) as i64, mul_div(wide, span, pixels));
        Cells { t0, t1, n, pixels, wide, width, whole }
    }

    /// Where a cell begins.
    #[inline]
    pub(super) fn edge(&self, cell: i64) -> i64 {
        let pixel = (cell * self.wide).min(self.pixels);
        self.t0 + mul_div(pixel, self.t1 - self.t0, self.pixels)
    }

    /// The cell that a time lies in.
    #[inline]
    pub(super) fn cell(&self, t: i64) -> i64 {
        let at = (t - self.t0).max(0);
        let (n, span) = (self.pixels, self.t1 - self.t0);
        let pixel = if at < 1 << 46 {
            ((at + 1) * n - 1) / span
        } else {
            ((i128::from(at + 1) * i128::from(n) - 1) / i128::from(span)) as i64
        };
        pixel.clamp(0, n - 1) / self.wide
    }

    /// A time's place in sixteenths of a pixel.
    pub(super) fn x(&self, t: i64) -> u16 {
        let at = t.clamp(self.t0, self.t1) - self.t0;
        mul_div(at, self.width * 16, self.t1 - self.t0).min(i64::from(u16::MAX - 1)) as u16
    }

    /// A rect between two times.
    pub(super) fn rect(&self, from: i64, to: i64, tone: Tone) -> Rect {
        let x0 = self.x(from);
        let x1 = self.x(to).max(x0 + 1);
        let class = tone.class() as u8;
        Rect { x0, x1, class, verdict: tone.verdict_number(), fill: 255, ..Rect::default() }
    }
}
