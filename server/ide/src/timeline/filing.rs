//! Files blocks of spans while they come: those of a while together, goroutine by goroutine, so that a
//! window goes over what lies side by side.

use super::class::Tone;
use super::coded::{Arena, ROOM, Raw, Writer};
use super::lanes::{Place, Spans};
use super::{Go, GoRef, Site};

/// A block that was written.
#[derive(Debug, Clone, Copy)]
struct Head {
    base: i64,
    go: u32,
    at: u32,
}

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
    /// Spans of a goroutine that belong to a block. `false`: there is no room for more.
    pub(super) fn file(&mut self, go: GoRef, spans: &[Raw], sites: &[Site]) -> bool {
        let Some(first) = spans.first() else { return true };
        self.writer.spans(spans, |site| Tone::new(sites[site as usize].class));
        if self.piece.len() + self.writer.out.len() > ROOM && !self.end_piece() {
            return false;
        }
        let at = self.piece.len() as u32;
        self.of_piece.push(Head { base: first.start, go: go.0, at });
        self.piece.extend_from_slice(&self.writer.out);
        self.n += spans.len();
        true
    }

    fn end_piece(&mut self) -> bool {
        let order = self.of_piece.iter().zip(0u64..);
        self.order.clear();
        self.order.extend(order.map(|(head, row)| u64::from(head.go) << 32 | row));
        self.order.sort_unstable();
        let mut piece = Vec::with_capacity(self.piece.len() + 8);
        let mut heads = Vec::with_capacity(self.order.len());
        for &row in &self.order {
            let row = row as u32 as usize;
            let head = self.of_piece[row];
            let end = self.of_piece.get(row + 1).map_or(self.piece.len(), |next| next.at as usize);
            heads.push(Head { at: piece.len() as u32, ..head });
            piece.extend_from_slice(&self.piece[head.at as usize..end]);
        }
        self.piece.clear();
        self.of_piece.clear();
        let Some(at) = self.arena.add(piece) else { return false };
        heads.iter_mut().for_each(|head| head.at += at);
        self.heads.push(heads);
        true
    }

    /// No more will come: the blocks, goroutine by goroutine. `false` beside them: there was no room.
    pub(super) fn finish(mut self, gos: &mut [Go], end: i64) -> (Spans, bool) {
        let has_room = self.end_piece();
        let mut next = vec![0u32; gos.len() + 1];
        for head in self.heads.iter().flatten() {
            next[head.go as usize + 1] += 1;
        }
        for row in 1..next.len() {
            next[row] += next[row - 1];
        }
        for (row, go) in gos.iter_mut().enumerate() {
            let (first, n) = (next[row], next[row + 1] - next[row]);
            go.place = Place { first, n, end: go.end.min(end), ..go.place };
        }
        let n = self.heads.iter().map(Vec::len).sum();
        let (mut bases, mut ats) = (vec![0; n], vec![0; n]);
        for head in self.heads.into_iter().flatten() {
            let at = &mut next[head.go as usize];
            (bases[*at as usize], ats[*at as usize]) = (head.base, head.at);
            *at += 1;
        }
        let sums = Vec::new();
        (Spans { arena: self.arena, bases, ats, sums, n: self.n }, has_room)
    }
}
