//! Columns that grow without being moved, and numbers that mostly have 32 bits: what there is one of for
//! each goroutine, wake, task or region.

use hashbrown::HashMap;

use super::GoRef;

const PIECE_SHIFT: u32 = 15;
const PIECE: usize = 1 << PIECE_SHIFT;

/// A list in pieces. A vector that doubles takes three times as much while it is moved.
#[derive(Debug)]
pub(super) struct Column<T> {
    pieces: Vec<Vec<T>>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Column { pieces: Vec::new() }
    }
}

impl<T> Column<T> {
    #[inline]
    pub(super) fn push(&mut self, value: T) {
        match self.pieces.last_mut().filter(|piece| piece.len() < PIECE) {
            Some(piece) => piece.push(value),
            None => {
                // The first one grows: there may be few.
                let room = if self.pieces.is_empty() { 4 } else { PIECE };
                let mut piece = Vec::with_capacity(room);
                piece.push(value);
                self.pieces.push(piece);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        let whole = self.pieces.len().saturating_sub(1) * PIECE;
        whole + self.pieces.last().map_or(0, Vec::len)
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<&T> {
        self.pieces.get(row >> PIECE_SHIFT)?.get(row & (PIECE - 1))
    }

    #[inline]
    pub(super) fn get_mut(&mut self, row: usize) -> Option<&mut T> {
        self.pieces.get_mut(row >> PIECE_SHIFT)?.get_mut(row & (PIECE - 1))
    }

    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.capacity() * size_of::<T>()).sum()
    }
}

/// The first row from `from` on that is not so, of `n`, where all that are so come first.
pub(super) fn first(from: usize, n: usize, is: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut to) = (from, n.max(from));
    while from < to {
        let middle = from + (to - from) / 2;
        if is(middle) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}

/// Numbers of which few have more than 32 bits.
#[derive(Debug, Default)]
pub(super) struct Narrow {
    low: Column<u32>,
    /// Those that have.
    wide: HashMap<u32, u64>,
}

impl Narrow {
    #[inline]
    pub(super) fn push(&mut self, number: u64) {
        let row = self.low.len();
        self.low.push(0);
        self.set(row, number);
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize, number: u64) {
        let low = u32::try_from(number).unwrap_or(u32::MAX);
        if let Some(at) = self.low.get_mut(row) {
            *at = low;
        }
        if low == u32::MAX && number != u64::MAX {
            self.wide.insert(row as u32, number);
        }
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<u64> {
        Some(match *self.low.get(row)? {
            u32::MAX => self.wide.get(&(row as u32)).copied().unwrap_or(u64::MAX),
            low => low.into(),
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.low.bytes() + self.wide.capacity() * 17
    }
}

/// Pairs of which few differ, by number.
#[derive(Debug)]
pub(super) struct Pairs<A, B> {
    all: Vec<(A, B)>,
    rows: HashMap<(A, B), u32>,
    last: Option<((A, B), u32)>,
}

impl<A, B> Default for Pairs<A, B> {
    fn default() -> Self {
        Pairs { all: Vec::new(), rows: HashMap::new(), last: None }
    }
}

impl<A: Copy + Eq + std::hash::Hash, B: Copy + Eq + std::hash::Hash> Pairs<A, B> {
    #[inline]
    pub(super) fn row(&mut self, pair: (A, B)) -> u32 {
        if let Some((_, row)) = self.last.filter(|last| last.0 == pair) {
            return row;
        }
        let row = *self.rows.entry(pair).or_insert_with(|| {
            self.all.push(pair);
            self.all.len() as u32 - 1
        });
        self.last = Some((pair, row));
        row
    }

    #[inline]
    pub(super) fn get(&self, row: u32) -> Option<(A, B)> {
        self.all.get(row as usize).copied()
    }
}

/// So many times are told from the first of them.
const NEAR: usize = 256;

/// Times that mostly rise.
#[derive(Debug, Default)]
pub(super) struct Times {
    bases: Vec<i64>,
    from: Narrow,
}

impl Times {
    #[inline]
    pub(super) fn push(&mut self, t: i64) {
        if self.len().is_multiple_of(NEAR) {
            self.bases.push(t);
        }
        let base = self.bases.last().copied().unwrap_or(t);
        self.from.push(t.wrapping_sub(base) as u64);
    }

    pub(super) fn len(&self) -> usize {
        self.from.low.len()
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        Some(self.bases.get(row / NEAR)?.wrapping_add(self.from.get(row)? as i64))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bases.capacity() * 8 + self.from.bytes()
    }
}

/// When something happened that takes no time, and to whom; in order.
#[derive(Debug, Default)]
pub struct Instants {
    times: Times,
    gos: Column<u32>,
}

impl Instants {
    #[inline]
    pub(super) fn push(&mut self, t: i64, go: u32) {
        self.times.push(t);
        self.gos.push(go);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.gos.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When one was, and whose.
    #[inline]
    pub fn get(&self, row: usize) -> Option<(i64, GoRef)> {
        Some((self.times.get(row)?, GoRef(*self.gos.get(row)?)))
    }

    pub(super) fn bytes(&self) -> usize {
        self.times.bytes() + self.gos.bytes()
    }
}
