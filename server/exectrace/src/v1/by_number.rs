//! What is kept by the numbers that a v1 trace uses: of goroutines and Ps.

use hashbrown::HashMap;

use crate::GoId;
use crate::goroutines::Living;

/// Something for each goroutine; nobody is taken out.
#[derive(Debug, Clone)]
pub(super) struct Gos<T> {
    table: Living<T>,
    /// That of the one number which stands for none, and which a crafted trace can name.
    none: T,
}

impl<T: Default + Clone> Default for Gos<T> {
    fn default() -> Self {
        Gos { table: Living::default(), none: T::default() }
    }
}

impl<T: Default + Clone> Gos<T> {
    /// That of a goroutine, with the default where there is none.
    #[inline(always)]
    pub(super) fn entry(&mut self, g: u64) -> &mut T {
        let g = GoId(g);
        if g == GoId::NONE {
            return &mut self.none;
        }
        match self.table.entry(g) {
            Some(value) => value,
            None => &mut self.none,
        }
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
