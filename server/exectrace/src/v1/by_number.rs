//! What is kept by the numbers that a v1 trace uses: of goroutines, Ps and stacks.

use hashbrown::{HashMap, HashSet};

use crate::GoId;
use crate::goroutines::{Living, Row};

/// Something for each goroutine; nobody is taken out.
#[derive(Debug, Clone)]
pub(super) struct Gos<T> {
    table: Living<T>,
    /// That of the one number which stands for none, and which a crafted trace can name.
    none: Option<T>,
}

impl<T: Default + Clone> Default for Gos<T> {
    fn default() -> Self {
        Gos { table: Living::default(), none: None }
    }
}

impl<T: Default + Clone> Gos<T> {
    #[inline(always)]
    pub(super) fn get(&mut self, g: u64) -> Option<&mut T> {
        let g = GoId(g);
        if g == GoId::NONE {
            return self.none.as_mut();
        }
        let row = self.table.find(g);
        self.table.get(row, g)
    }

    /// That of a goroutine, with the default where there is none.
    #[inline(always)]
    pub(super) fn entry(&mut self, g: u64) -> &mut T {
        let g = GoId(g);
        let mut row = self.table.find(g);
        if g != GoId::NONE && row == Row::NONE {
            row = self.table.insert_new(g);
        }
        match self.table.get(row, g) {
            Some(value) if g != GoId::NONE => value,
            _ => self.none.get_or_insert_default(),
        }
    }

    /// Puts one in, and gives what was there.
    #[inline(always)]
    pub(super) fn insert(&mut self, g: u64, value: T) -> Option<T> {
        let before = self.get(g).cloned();
        *self.entry(g) = value;
        before
    }
}

/// Something for each P: a vector while the numbers are small, as they are but for a few.
#[derive(Debug, Clone, Default)]
pub(super) struct Procs<T> {
    near: Vec<T>,
    far: HashMap<i32, T>,
}

impl<T: Default + Clone> Procs<T> {
    const NEAR: usize = 1 << 12;

    fn place(p: i32) -> Option<usize> {
        usize::try_from(p).ok().filter(|&p| p < Self::NEAR)
    }

    #[inline(always)]
    pub(super) fn get(&self, p: i32) -> Option<&T> {
        match Self::place(p) {
            Some(place) => self.near.get(place),
            None => self.far.get(&p),
        }
    }

    /// That of a P, with the default where there is none.
    #[inline(always)]
    pub(super) fn entry(&mut self, p: i32) -> &mut T {
        match Self::place(p) {
            Some(place) => {
                if place >= self.near.len() {
                    self.near.resize(place + 1, T::default());
                }
                &mut self.near[place]
            }
            None => self.far.entry(p).or_default(),
        }
    }
}

/// One bit for each of many.
#[derive(Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn set(&mut self, i: usize) {
        if self.0.len() <= i / 64 {
            self.0.resize(i / 64 + 1, 0);
        }
        self.0[i / 64] |= 1 << (i % 64);
    }

    #[inline(always)]
    pub(super) fn get(&self, i: usize) -> bool {
        self.0.get(i / 64).is_some_and(|bits| bits >> (i % 64) & 1 != 0)
    }
}

/// Which ids there are: a bit for each while they are small, as they are.
#[derive(Debug, Default)]
pub(super) struct Ids {
    near: Bits,
    far: HashSet<u32>,
}

impl Ids {
    const NEAR: u32 = 1 << 22;

    pub(super) fn add(&mut self, id: u32) {
        if id < Self::NEAR {
            self.near.set(id as usize);
        } else {
            self.far.insert(id);
        }
    }

    #[inline(always)]
    pub(super) fn has(&self, id: u32) -> bool {
        if id < Self::NEAR { self.near.get(id as usize) } else { self.far.contains(&id) }
    }
}
