//! Files blocks of spans while they come: those of a while together, goroutine by goroutine, so that a
//! window goes over what lies side by side.

use super::class::Tone;
use super::coded::{Arena, ROOM, Raw, Writer};
use super::gos::{Gos, MANY, NOWHERE};
use super::lanes::{Heads, NO_SUMS, Place, Spans};
use super::{GoRef, Site};

/// A block that was written.
#[derive(Debug, Clone, Copy)]
struct Head {
    base: i64,
    go: GoRef,
    at: u32,
}

/// In the order of a piece: the goroutine has no other block.
const ONLY: u64 = 1 << 63;

/// Files blocks.
#[derive(Debug, Default)]
pub(super) struct Filing {
    writer: Writer,
    arena: Arena,
    /// What is not in the arena yet, in the order in which it came, and its blocks.
    piece: Vec<u8>,
    of_piece: Vec<Head>,
    /// Of the blocks in the arena; those of a piece in the order of goroutines.
    heads: Vec<Vec<Head>>,
    /// For putting them in order.
    order: Vec<u64>,
    pub(super) n: usize,
}

impl Filing {
    /// Spans of a goroutine that belong to a block. `only`: it has no others, and was born with them.
    /// `false`: there is no room for more.
    pub(super) fn file(
        &mut self,
        go: GoRef,
        spans: &[Raw],
        only: bool,
        sites: &[Site],
        gos: &mut Gos,
    ) -> bool {
        let Some(first) = spans.first() else { return true };
        self.writer.spans(spans, |site| Tone::new(sites[site as usize].class));
        if self.piece.len() + self.writer.block().len() > ROOM && !self.end_piece(gos) {
            return false;
        }
        let row = self.of_piece.len() as u64;
        self.order.push(u64::from(go.0) << 32 | row | if only { ONLY } else { 0 });
        self.of_piece.push(Head { base: first.start, go, at: self.piece.len() as u32 });
        self.piece.extend_from_slice(self.writer.block());
        self.n += spans.len();
        true
    }

    fn end_piece(&mut self, gos: &mut Gos) -> bool {
        self.order.sort_unstable_by_key(|row| row & !ONLY);
        let mut piece = Vec::with_capacity(self.piece.len() + 8);
        let mut heads = Vec::new();
        let place = self.arena.next();
        for ordered in self.order.drain(..) {
            let row = ordered as u32 as usize;
            let head = self.of_piece[row];
            let end = self.of_piece.get(row + 1).map_or(self.piece.len(), |next| next.at as usize);
            let at = place + piece.len() as u32;
            piece.extend_from_slice(&self.piece[head.at as usize..end]);
            match gos.place(head.go).filter(|_| ordered & ONLY != 0) {
                Some(place) => *place = at,
                None => heads.push(Head { at, ..head }),
            }
        }
        self.piece.clear();
        self.of_piece.clear();
        heads.shrink_to_fit();
        self.heads.push(heads);
        self.arena.add(piece).is_some()
    }

    /// No more will come: the blocks, lane by lane. `false` beside them: there was no room.
    pub(super) fn finish(mut self, gos: &mut Gos) -> (Spans, bool) {
        let has_room = self.end_piece(gos);
        (self.piece, self.of_piece, self.order) = Default::default();
        let mut places: Vec<Place> = Vec::new();
        for head in self.heads.iter().flatten() {
            let Some(place) = gos.place(head.go) else { continue };
            if *place == NOWHERE {
                *place = MANY + places.len() as u32;
                places.push(Place { first: 0, n: 0, sums: NO_SUMS });
            }
            places[(*place - MANY) as usize].n += 1;
        }
        let mut n = 0;
        for place in &mut places {
            place.first = n;
            n += std::mem::take(&mut place.n);
        }
        let (mut bases, mut ats) = (vec![0; n as usize], vec![0; n as usize]);
        for head in self.heads.into_iter().flatten() {
            let Some(place) = gos.place(head.go) else { continue };
            let place = &mut places[(*place - MANY) as usize];
            let row = (place.first + place.n) as usize;
            (bases[row], ats[row]) = (head.base, head.at);
            place.n += 1;
        }
        let heads = Heads { places, bases, ats };
        (Spans { arena: self.arena, heads, sums: Vec::new(), n: self.n }, has_room)
    }
}
