//! A table of the living goroutines, by the runtime's number.
//!
//! ```text
//! id 1000 = page 3, item 232        pages: 256 items each, next to each other in one vector
//!           |                              freed when the last of a page has died
//!           +-> directory: page -> place
//! ```
//!
//! The runtime numbers goroutines in the order of their creation and hands the numbers to Ps in
//! batches, so those alive at a time lie close together: measured 12 to 60 % faster than hashing,
//! and 4.2 million goroutines of which 20,603 lived at once took 0.8 MiB.
//!
//! Where they lie far apart, a page for each would take 256 times what they need: so once the pages
//! are emptier than a quarter, a goroutine that has no page yet becomes a *single*, found by hashing,
//! in an item of a page that is cut up for that.

use hashbrown::HashMap;

use crate::GoId;

const PAGE: usize = 256;
const NONE: u32 = u32::MAX;

/// Where a living goroutine stands in the table. May be stale: [`Living::get`] checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row(u32);

impl Row {
    /// Not in the table.
    pub const NONE: Row = Row(NONE);
}

/// So many pages there may be, however empty they are.
const FREE_PAGES: usize = 512;
/// In the place of a page's number: it is cut up for singles.
const CUT_UP: u64 = u64::MAX;

/// What is kept for a living goroutine: its id and a `T`.
#[derive(Debug, Clone, Default)]
struct Item<T> {
    /// `GoId::NONE` where nobody lives; so a stale row is seen to be one.
    id: u64,
    value: T,
}

/// A table of living goroutines.
#[derive(Debug, Clone)]
pub struct Living<T> {
    /// Page number -> place of the page, for numbers that are small for how many pages there were.
    directory: Vec<u32>,
    /// The same for all others: an id of 2^60 must not size anything.
    far: HashMap<u64, u32>,
    items: Vec<Item<T>>,
    /// Of each page: its number, and how many live in it.
    pages: Vec<(u64, u32)>,
    free: Vec<u32>,
    /// Goroutines outside the pages of their numbers, and items for more of them.
    singles: HashMap<u64, u32>,
    free_singles: Vec<u32>,
    /// How often a page was taken into use.
    taken: u64,
    len: usize,
}

impl<T: Default + Clone> Default for Living<T> {
    fn default() -> Self {
        Living {
            directory: Vec::new(),
            far: HashMap::new(),
            items: Vec::new(),
            pages: Vec::new(),
            free: Vec::new(),
            singles: HashMap::new(),
            free_singles: Vec::new(),
            taken: 0,
            len: 0,
        }
    }
}

impl<T: Default + Clone> Living<T> {
    /// How many live.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody lives.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where this goroutine stands; [`Row::NONE`] if it is not alive.
    #[inline]
    pub fn find(&self, g: GoId) -> Row {
        let place = self.place(g.0 >> 8);
        if place == NONE {
            return self.find_single(g);
        }
        let row = place as usize * PAGE + (g.0 as usize & (PAGE - 1));
        if self.items[row].id == g.0 { Row(row as u32) } else { self.find_single(g) }
    }

    #[cold]
    fn find_single(&self, g: GoId) -> Row {
        // The usual case by far, and then it costs no hashing.
        if self.singles.is_empty() {
            return Row::NONE;
        }
        self.singles.get(&g.0).map_or(Row::NONE, |&row| Row(row))
    }

    /// The goroutine at this row, if it is (still) this one. Do not ask for `GoId::NONE`.
    #[inline]
    pub fn get(&mut self, row: Row, g: GoId) -> Option<&mut T> {
        let item = self.items.get_mut(row.0 as usize)?;
        (item.id == g.0).then_some(&mut item.value)
    }

    /// The goroutine of this number, put in if it is not alive. Do not ask for `GoId::NONE`.
    #[inline(always)]
    pub fn entry(&mut self, g: GoId) -> Option<&mut T> {
        let mut row = self.find(g);
        if row == Row::NONE {
            row = self.insert_new(g);
        }
        Some(&mut self.items.get_mut(row.0 as usize)?.value)
    }

    /// Puts in a goroutine that is not alive yet. `NONE` if it is already, or has no number.
    pub fn insert(&mut self, g: GoId, value: T) -> Row {
        let row = self.insert_new(g);
        if let Some(kept) = self.get(row, g) {
            *kept = value;
        }
        row
    }

    /// The same, where nothing is known of it yet. A large value is better written where it lies then than
    /// handed over: through memory it is written in small pieces and read in large ones, for which a
    /// processor waits.
    #[inline]
    pub fn insert_new(&mut self, g: GoId) -> Row {
        // Nearly always its page is there, and it cannot be outside of it.
        let place = self.place(g.0 >> 8);
        if place == NONE || g == GoId::NONE || !self.singles.is_empty() {
            return self.insert_slowly(g);
        }
        let row = place as usize * PAGE + (g.0 as usize & (PAGE - 1));
        if self.items[row].id == g.0 {
            return Row::NONE;
        }
        self.put(row, g)
    }

    /// Puts a goroutine into an item that nobody has.
    #[inline(always)]
    fn put(&mut self, row: usize, g: GoId) -> Row {
        self.items[row] = Item { id: g.0, value: T::default() };
        self.pages[row / PAGE].1 += 1;
        self.len += 1;
        Row(row as u32)
    }

    #[inline(never)]
    fn insert_slowly(&mut self, g: GoId) -> Row {
        if g == GoId::NONE || self.find(g) != Row::NONE {
            return Row::NONE;
        }
        let number = g.0 >> 8;
        let mut place = self.place(number);
        if place == NONE {
            let used = self.pages.len() - self.free.len();
            if used >= FREE_PAGES && used * PAGE > 4 * self.len {
                return self.insert_single(g);
            }
            place = self.new_page(number);
        }
        let row = place as usize * PAGE + (g.0 as usize & (PAGE - 1));
        self.put(row, g)
    }

    #[cold]
    fn insert_single(&mut self, g: GoId) -> Row {
        let row = self.free_singles.pop().unwrap_or_else(|| {
            let place = self.free_page();
            self.pages[place as usize] = (CUT_UP, 0);
            let first = place * PAGE as u32;
            self.free_singles.extend((first + 1..first + PAGE as u32).rev());
            first
        });
        self.singles.insert(g.0, row);
        self.put(row as usize, g)
    }

    /// Takes out the goroutine at this row, which must be one.
    pub fn remove(&mut self, row: Row) {
        let place = row.0 as usize / PAGE;
        let (Some(item), Some(page)) =
            (self.items.get_mut(row.0 as usize), self.pages.get_mut(place))
        else {
            return;
        };
        if item.id == GoId::NONE.0 {
            return;
        }
        let g = std::mem::replace(&mut item.id, GoId::NONE.0);
        if std::mem::needs_drop::<T>() {
            item.value = T::default();
        }
        self.len -= 1;
        page.1 -= 1;
        if page.0 == CUT_UP {
            self.singles.remove(&g);
            self.free_singles.push(row.0);
        } else if page.1 == 0 {
            let number = page.0;
            match usize::try_from(number).ok().and_then(|n| self.directory.get_mut(n)) {
                Some(place) => *place = NONE,
                None => {
                    self.far.remove(&number);
                }
            }
            self.free.push(place as u32);
        }
    }

    /// All that live, in no particular order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (GoId, &mut T)> {
        self.items.iter_mut().filter(|i| i.id != GoId::NONE.0).map(|i| (GoId(i.id), &mut i.value))
    }

    #[inline]
    fn place(&self, number: u64) -> u32 {
        match self.directory.get(number as usize) {
            Some(&place) if number < self.directory.len() as u64 => place,
            _ => self.far_place(number),
        }
    }

    #[cold]
    fn far_place(&self, number: u64) -> u32 {
        self.far.get(&number).copied().unwrap_or(NONE)
    }

    /// A page that nobody uses.
    fn free_page(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.items
                .resize(self.items.len() + PAGE, Item { id: GoId::NONE.0, value: T::default() });
            self.pages.push((0, 0));
            self.pages.len() as u32 - 1
        })
    }

    fn new_page(&mut self, number: u64) -> u32 {
        let place = self.free_page();
        self.pages[place as usize] = (number, 0);
        // The directory may be 16 times as long as the pages that ever were, 4 bytes each. Ids far
        // behind that go through the hash map.
        self.taken += 1;
        let reach = (1 << 12) + 16 * self.taken;
        if number < self.directory.len() as u64 {
            self.directory[number as usize] = place;
        } else if number < reach {
            self.directory.resize(number as usize + 1, NONE);
            // What went far before stays findable under its new home.
            let end = self.directory.len() as u64;
            let moved: Vec<_> = self.far.extract_if(|&n, _| n < end).collect();
            for (n, p) in moved {
                self.directory[n as usize] = p;
            }
            self.directory[number as usize] = place;
        } else {
            self.far.insert(number, place);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lives_and_dies() {
        let mut t = Living::<u32>::default();
        let ids = [1, 2, 255, 256, 1 << 20, (1 << 20) + 1, 1 << 60, u64::MAX - 1, 70_000];
        for &id in &ids {
            assert_eq!(t.find(GoId(id)), Row::NONE);
            let row = t.insert(GoId(id), id as u32);
            assert_ne!(row, Row::NONE);
            assert_eq!(t.insert(GoId(id), 0), Row::NONE);
        }
        assert_eq!(t.insert(GoId::NONE, 0), Row::NONE);
        assert_eq!(t.len(), ids.len());
        for &id in &ids {
            let row = t.find(GoId(id));
            assert_eq!(*t.get(row, GoId(id)).unwrap(), id as u32);
            assert_eq!(t.get(row, GoId(id ^ 1)), None);
        }
        for &id in &ids {
            let row = t.find(GoId(id));
            t.remove(row);
            assert_eq!(t.get(row, GoId(id)), None);
            assert_eq!(t.find(GoId(id)), Row::NONE);
        }
        assert!(t.is_empty());
    }

    #[test]
    fn far_apart() {
        // An interpreter that checks memory is a thousand times slower.
        let n = if cfg!(miri) { 100 } else { 20_000u64 };
        for step in [3, 16, 100, 256, 5_000, 262_144, 1 << 40] {
            let mut t = Living::<u64>::default();
            let alive = |t: &mut Living<u64>, id: u64| {
                let row = t.find(GoId(id));
                assert_eq!(t.get(row, GoId(id)).copied(), Some(id));
                row
            };
            for i in 0..n {
                assert_ne!(t.insert(GoId(i * step), i * step), Row::NONE);
                assert_eq!(t.insert_new(GoId(i * step)), Row::NONE);
            }
            assert!(t.items.len() <= FREE_PAGES * PAGE + 5 * n as usize, "{step}");
            assert!(t.directory.len() <= 4096 + 16 * n as usize, "{step}");
            for i in (0..n).filter(|i| i % 3 != 0) {
                let row = alive(&mut t, i * step);
                t.remove(row);
                assert_eq!(t.find(GoId(i * step)), Row::NONE);
            }
            let before = t.items.len();
            for i in (0..n).filter(|i| i % 3 != 0) {
                let row = t.insert_new(GoId(i * step));
                assert_eq!(t.get(row, GoId(i * step)).copied(), Some(0));
                *t.get(row, GoId(i * step)).unwrap() = i * step;
            }
            assert!(t.items.len() <= before + FREE_PAGES * PAGE, "{step}");
            (0..n).for_each(|i| assert_ne!(alive(&mut t, i * step), Row::NONE));
            assert_eq!((t.len(), t.iter_mut().count()), (n as usize, n as usize));
        }
    }

    #[test]
    fn pages_are_used_again() {
        let mut t = Living::<u8>::default();
        for id in 0..if cfg!(miri) { 2_000 } else { 100_000u64 } {
            t.insert(GoId(id), 0);
            if id >= 300 {
                t.remove(t.find(GoId(id - 300)));
            }
        }
        assert!(t.items.len() <= 3 * PAGE, "{}", t.items.len());
    }
}
