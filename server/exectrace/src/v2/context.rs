//! What a thread has while its events pass, and whether that is what an event needs.

use super::advance::broken;
use super::order::{M, Procs, Refused};
use super::spec;
use crate::goroutines::Row;
use crate::{At, GoId, Nanos, ProcId, ThreadId};

/// What the thread of the current run has. Copied out of [`M`] for the run and back after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) m: u32,
    pub(super) id: ThreadId,
    pub(super) g: GoId,
    pub(super) row: Row,
    pub(super) p: ProcId,
    pub(super) p_row: u32,
    /// Which of [`G`], [`P`] and [`HAS_M`] are none of "none": what an event needs is one comparison so.
    has: u8,
}

/// In [`Context::has`]: a goroutine.
const G: u8 = 1;
/// In [`Context::has`]: a P.
const P: u8 = 2;
/// In [`Context::has`]: a thread; the runtime's "none" has events in crafted traces only.
const HAS_M: u8 = 4;

fn bit(bit: u8, is: bool) -> u8 {
    if is { bit } else { 0 }
}

impl Context {
    pub(super) fn of(m: u32, thread: &M) -> Context {
        let M { id, g, row, p, p_row, .. } = *thread;
        let mut context = Context { m, id, g, row, p, p_row, has: 0 };
        context.has =
            bit(HAS_M, id != ThreadId::NONE) | bit(G, g != GoId::NONE) | bit(P, p != ProcId::NONE);
        context
    }

    /// It runs this goroutine from here on.
    #[inline(always)]
    pub(super) fn set_g(&mut self, g: GoId, row: Row) {
        (self.g, self.row) = (g, row);
        self.has = (self.has & !G) | bit(G, g != GoId::NONE);
    }

    /// It runs no goroutine from here on.
    #[inline(always)]
    pub(super) fn drop_g(&mut self) {
        (self.g, self.row) = (GoId::NONE, Row::NONE);
        self.has &= !G;
    }

    /// It has this P from here on.
    pub(super) fn set_p(&mut self, p: ProcId, row: u32) {
        (self.p, self.p_row) = (p, row);
        self.has = (self.has & !P) | bit(P, p != ProcId::NONE);
    }

    /// It has no P from here on.
    pub(super) fn drop_p(&mut self) {
        self.set_p(ProcId::NONE, Procs::NONE);
    }

    /// Whether it has a thread, a goroutine and a P.
    #[inline(always)]
    pub(super) fn has_all(&self) -> bool {
        self.has == HAS_M | G | P
    }

    /// Whether it has a thread and a P.
    #[inline(always)]
    pub(super) fn has_m_and_p(&self) -> bool {
        self.has & (HAS_M | P) == HAS_M | P
    }

    /// Whether it has a thread and a goroutine.
    #[inline(always)]
    pub(super) fn has_m_and_g(&self) -> bool {
        self.has & (HAS_M | G) == HAS_M | G
    }

    #[inline(always)]
    pub(super) fn at(&self, t: Nanos) -> At {
        At { t, g: self.g, p: self.p, m: self.id }
    }
}

impl Context {
    /// A thread.
    pub(super) fn has_m(&self, typ: u8) -> Result<(), Refused> {
        if self.id == ThreadId::NONE { self.lacks(typ) } else { Ok(()) }
    }

    /// A thread with a P and a goroutine.
    #[inline(always)]
    pub(super) fn runs(&self, typ: u8) -> Result<(), Refused> {
        if self.has_all() { Ok(()) } else { self.lacks(typ) }
    }

    #[inline(always)]
    pub(super) fn has_p(&self, typ: u8) -> Result<(), Refused> {
        if self.has_m_and_p() { Ok(()) } else { self.lacks(typ) }
    }

    #[inline(always)]
    pub(super) fn has_g(&self, typ: u8) -> Result<(), Refused> {
        if self.has_m_and_g() { Ok(()) } else { self.lacks(typ) }
    }

    #[inline(always)]
    pub(super) fn no_g(&self, typ: u8) -> Result<(), Refused> {
        if self.g != GoId::NONE { self.lacks(typ) } else { self.has_m(typ) }
    }

    #[cold]
    #[inline(never)]
    fn lacks(&self, typ: u8) -> Result<(), Refused> {
        let or_none = |id: u64| if id == u64::MAX { "none".into() } else { id.to_string() };
        let name = spec::spec(typ).map_or("?", |s| s.name);
        broken(format!(
            "{name} on thread {} does not fit what runs there (goroutine {}, P {})",
            self.id.0,
            or_none(self.g.0),
            or_none(self.p.0)
        ))
    }
}
