//! What is too short for a cell, joined: one rect a cell at most.

use super::cells::Cells;
use super::class::{TONES, Tone};
use super::lanes::Walk;
use super::sums::unpack;
use super::tile::{AFTER, BEFORE, JOINED, OPEN, Rect};

/// What most of some time went to: idle time only if it is three quarters of it.
pub(super) fn longest(sums: impl Iterator<Item = (Tone, u64)>) -> Option<Tone> {
    // Of what is not idle, of what is: all time, and the longest. The first of equals by number, so
    // that the order of time does not matter.
    let mut all = [0; 2];
    let mut most = [(0, std::cmp::Reverse(u8::MAX)); 2];
    for (tone, ns) in sums {
        let idle = usize::from(tone.is_idle());
        all[idle] += ns;
        most[idle] = most[idle].max((ns, std::cmp::Reverse(tone.0)));
    }
    // Idle is three times as long as all else.
    let shows_idle = u128::from(all[1]) >= u128::from(all[0]) * 3;
    let (ns, tone) = most[usize::from(shows_idle)];
    (ns > 0).then_some(Tone(tone.0))
}

/// Joins the spans of one row, in the order of time.
pub(super) struct Joiner<'a, D: Fn(u32) -> (u32, u32)> {
    cells: Cells,
    rects: &'a mut Vec<Rect>,
    /// The last rect of this row, if what follows may be joined to it: its row, one up.
    joins: usize,
    describe: D,
    flags: u8,
    /// Spans have gaps: a joined rect is as high as it is busy.
    gaps: bool,
    /// The end of the trace, where what is there is open.
    end: i64,
    cell: i64,
    cell_end: i64,
    /// The last whole span ended here.
    clear: i64,
    acc: [u64; TONES],
    tones: Vec<u8>,
    sums: Vec<(u8, u64)>,
    from: i64,
    to: i64,
    n: u32,
    row: u32,
}

impl<'a, D: Fn(u32) -> (u32, u32)> Joiner<'a, D> {
    pub(super) fn new(
        cells: Cells,
        rects: &'a mut Vec<Rect>,
        describe: D,
        flags: u8,
        gaps: bool,
        end: i64,
    ) -> Self {
        Joiner {
            cells,
            rects,
            joins: 0,
            describe,
            flags,
            gaps,
            end,
            cell: 0,
            cell_end: cells.edge(1),
            clear: i64::MIN,
            acc: [0; TONES],
            tones: Vec::new(),
            sums: Vec::new(),
            from: 0,
            to: 0,
            n: 0,
            row: 0,
        }
    }

    #[inline]
    fn advance(&mut self, t: i64) {
        if t >= self.cell_end {
            self.flush(self.cell_end);
            // Mostly it is the next one.
            (self.cell, self.cell_end) = (self.cell + 1, self.cells.edge(self.cell + 2));
            if t >= self.cell_end {
                self.cell = self.cells.cell(t);
                self.cell_end = self.cells.edge(self.cell + 1);
            }
        }
    }

    #[inline]
    fn add(&mut self, from: i64, to: i64, tone: u8, ns: u64) {
        let acc = &mut self.acc[usize::from(tone) % TONES];
        if *acc == 0 && ns > 0 {
            self.tones.push(tone);
        }
        *acc += ns;
        if self.n == 0 {
            self.from = from;
        }
        self.to = to;
    }

    /// Draws what is joined in this cell, which ends at `until` at the latest.
    pub(super) fn flush(&mut self, until: i64) {
        if self.n == 0 {
            return;
        }
        self.sums.clear();
        for tone in self.tones.drain(..) {
            self.sums.push((tone, std::mem::take(&mut self.acc[usize::from(tone) % TONES])));
        }
        let n = std::mem::take(&mut self.n);
        let sums = self.sums.iter().map(|&(tone, ns)| (Tone(tone), ns));
        let busy = sums.clone().map(|s| s.1).sum();
        let Some(tone) = longest(sums) else { return };
        let (from, to) = if self.gaps {
            (self.cells.edge(self.cell).max(self.clear), self.cell_end.min(until))
        } else {
            (self.from, self.to)
        };
        self.draw(from, to, tone, busy, n);
    }

    /// Draws what `n` spans are joined to, which took so long.
    #[inline]
    fn draw(&mut self, from: i64, to: i64, tone: Tone, busy: u64, n: u32) {
        let mut rect = self.cells.rect(from, to, tone);
        rect.flags = self.flags;
        if self.gaps {
            rect.fill = fill(busy, (to - from).max(1) as u64);
        }
        if n == 1 {
            (rect.label, rect.g) = (self.describe)(self.row);
        } else {
            rect.flags |= JOINED;
        }
        let touches = |last: &Rect| {
            last.x1 + u16::from(self.gaps) >= rect.x0
                && (last.class, last.verdict, last.fill) == (rect.class, rect.verdict, rect.fill)
        };
        let joins = self.joins == self.rects.len() && self.joins > 0;
        match self.rects.last_mut().filter(|last| joins && touches(last)) {
            Some(last) => {
                last.x1 = rect.x1.max(last.x1);
                last.flags |= JOINED;
                last.label = 0;
                last.g = if last.g == rect.g { rect.g } else { 0 };
            }
            None => self.rects.push(rect),
        }
        self.joins = self.rects.len();
    }
}

/// A share, in steps of a sixteenth so that neighbours can be joined; never nothing.
fn fill(part: u64, whole: u64) -> u8 {
    let steps = (u128::from(part) * 16).div_ceil(u128::from(whole.max(1))).clamp(1, 16);
    (steps * 16 - 1) as u8
}

impl<D: Fn(u32) -> (u32, u32)> Walk for Joiner<'_, D> {
    fn cells(&self) -> Option<Cells> {
        Some(self.cells)
    }

    #[inline]
    fn cell(&mut self, from: i64, to: i64, parts: &[u64]) {
        self.advance(from);
        let sums = parts.iter().map(|&part| unpack(part));
        let busy = sums.clone().map(|s| s.1).sum();
        if let Some(tone) = longest(sums) {
            self.draw(from, to, tone, busy, 2);
        }
    }

    #[inline]
    fn until(&mut self, from: i64) -> i64 {
        self.advance(from);
        self.cell_end
    }

    #[inline]
    fn sums(&mut self, from: i64, to: i64, parts: &[u64]) {
        self.advance(from);
        for &part in parts {
            let (tone, ns) = unpack(part);
            self.add(from, to, tone.0, ns);
            self.n = self.n.max(1);
        }
        self.n += 1; // several spans
        self.row = u32::MAX;
    }

    #[inline]
    fn span(&mut self, from: i64, to: i64, tone: Tone, row: u32) {
        let (start, end) = (from.max(self.cells.t0), to.min(self.cells.t1));
        if to - from > self.cells.whole {
            self.advance(start);
            self.flush(start);
            let mut rect = self.cells.rect(start, end, tone);
            (rect.label, rect.g) = (self.describe)(row);
            rect.flags = self.flags
                | if from < self.cells.t0 { BEFORE } else { 0 }
                | if to > self.cells.t1 { AFTER } else { 0 }
                | if to >= self.end { OPEN } else { 0 };
            self.rects.push(rect);
            self.joins = 0;
            self.clear = end;
            return;
        }
        let mut at = start;
        while at < end {
            self.advance(at);
            let until = end.min(self.cell_end);
            self.add(at, until, tone.0, (until - at) as u64);
            self.n += 1;
            self.row = row;
            at = until;
        }
    }
}
