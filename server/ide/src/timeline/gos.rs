//! The goroutines of a trace, in 20 bytes each: there can be one for every other event.

use exectrace::{GoId, StackId};
use hashbrown::{HashMap, HashSet};

use super::GoRef;
use super::column::{Column, Narrow, Pairs, Times};

/// A goroutine of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Go {
    /// The runtime's number.
    pub id: GoId,
    /// Its birth, or when the trace first knew of it, in nanoseconds.
    pub birth: i64,
    /// Its end; `i64::MAX` if it lived on.
    pub end: i64,
    /// Where the `go` statement stood.
    pub created_at: StackId,
    /// A stack whose outermost frame is its first function, where one was seen.
    pub root: StackId,
}

/// All goroutines, in the order of their first sight.
#[derive(Debug, Default)]
pub struct Gos {
    ids: Narrow,
    births: Times,
    /// How long they lived; `u64::MAX`: longer than the trace.
    lives: Narrow,
    /// Where they were created and their roots: rows of `pairs`.
    origins: Column<u32>,
    pairs: Pairs<StackId, StackId>,
    /// Of one block: where that is written. Of several: [`MANY`] and their row of places. Else
    /// [`NOWHERE`].
    places: Column<u32>,
}

/// A lane of several blocks.
pub(super) const MANY: u32 = 1 << 31;
/// A lane of none.
pub(super) const NOWHERE: u32 = u32::MAX;

impl Gos {
    pub(super) fn push(&mut self, go: &Go) -> GoRef {
        let row = GoRef(self.births.len() as u32);
        self.ids.push(go.id.0);
        self.births.push(go.birth);
        self.lives.push(u64::MAX);
        self.origins.push(self.pairs.row((go.created_at, go.root)));
        self.places.push(NOWHERE);
        row
    }

    pub(super) fn ends(&mut self, go: GoRef, end: i64) {
        if let Some(birth) = self.births.get(go.0 as usize) {
            self.lives.set(go.0 as usize, (end - birth).max(0) as u64);
        }
    }

    /// Its first function is known now.
    pub(super) fn root(&mut self, go: GoRef, root: StackId) {
        if let Some(origin) = self.origins.get_mut(go.0 as usize)
            && let Some((created_at, _)) = self.pairs.get(*origin)
        {
            *origin = self.pairs.row((created_at, root));
        }
    }

    #[inline]
    pub(super) fn birth(&self, go: GoRef) -> Option<i64> {
        self.births.get(go.0 as usize)
    }

    /// Its birth and its end.
    #[inline]
    pub(super) fn life(&self, go: GoRef) -> Option<(i64, i64)> {
        let birth = self.births.get(go.0 as usize)?;
        let end = match self.lives.get(go.0 as usize)? {
            u64::MAX => i64::MAX,
            life => birth.saturating_add_unsigned(life),
        };
        Some((birth, end))
    }

    pub(super) fn place(&mut self, go: GoRef) -> Option<&mut u32> {
        self.places.get_mut(go.0 as usize)
    }

    /// Where its spans are.
    #[inline]
    pub(super) fn placed(&self, go: GoRef) -> Option<u32> {
        self.places.get(go.0 as usize).copied()
    }

    #[inline]
    pub(super) fn id(&self, go: GoRef) -> Option<GoId> {
        self.ids.get(go.0 as usize).map(GoId)
    }

    /// A goroutine.
    pub fn get(&self, go: GoRef) -> Option<Go> {
        let (birth, end) = self.life(go)?;
        let (created_at, root) = self.pairs.get(*self.origins.get(go.0 as usize)?)?;
        Some(Go { id: self.id(go)?, birth, end, created_at, root })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.births.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Go> + '_ {
        self.refs().filter_map(|go| self.get(go))
    }

    /// The rows of all.
    pub fn refs(&self) -> impl Iterator<Item = GoRef> + use<> {
        (0..self.births.len() as u32).map(GoRef)
    }

    pub(super) fn bytes(&self) -> usize {
        let words = self.origins.bytes() + self.places.bytes();
        self.ids.bytes() + self.lives.bytes() + self.births.bytes() + words
    }
}

/// Rows by the runtime's numbers, which mostly follow each other.
#[derive(Debug)]
pub(super) enum ByNumber {
    /// A page for each 256 numbers of which there is one.
    Pages(HashMap<u64, Box<[u32; PAGE]>>),
    /// There are many pages with little on them.
    Each(HashMap<u64, u32>),
}

const PAGE: usize = 256;

impl Default for ByNumber {
    fn default() -> Self {
        ByNumber::Each(HashMap::new())
    }
}

impl ByNumber {
    /// Of equal numbers the last one is found.
    pub(super) fn new<I: Iterator<Item = u64>>(numbers: impl Fn() -> I) -> ByNumber {
        let (mut pages, mut n, mut last) = (HashSet::new(), 0, None);
        for number in numbers() {
            n += 1;
            let page = number / PAGE as u64;
            if last != Some(page) {
                pages.insert(page);
                last = Some(page);
            }
        }
        let rows = (0u32..).zip(numbers());
        if pages.len() * PAGE > 4 * n + 64 * PAGE {
            return ByNumber::Each(rows.map(|(row, number)| (number, row)).collect());
        }
        let mut all: HashMap<u64, Box<[u32; PAGE]>> = HashMap::with_capacity(pages.len());
        for (row, number) in rows {
            let page = all.entry(number / PAGE as u64).or_insert_with(|| Box::new([NONE; PAGE]));
            page[(number % PAGE as u64) as usize] = row;
        }
        ByNumber::Pages(all)
    }

    pub(super) fn find(&self, number: u64) -> Option<u32> {
        match self {
            ByNumber::Pages(pages) => {
                let page = pages.get(&(number / PAGE as u64))?;
                Some(page[(number % PAGE as u64) as usize]).filter(|&row| row != NONE)
            }
            ByNumber::Each(rows) => rows.get(&number).copied(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            ByNumber::Pages(pages) => pages.len() * (PAGE * 4 + 8) + pages.capacity() * 17,
            ByNumber::Each(rows) => rows.capacity() * 13,
        }
    }
}

const NONE: u32 = u32::MAX;
