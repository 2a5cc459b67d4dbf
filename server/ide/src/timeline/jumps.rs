//! Goes over a wide window of a long lane from edge to edge of its cells.
//!
//! ```text
//! blocks:   |----------|----------|----------|----------|----------|----------|
//! edges:         k                                             k+1
//!           <---->                                        <--->
//!           spans before the edge                         spans before the edge
//! cell k:   (up to block 4 + spans before k+1) - (up to block 0 + spans before k)
//! ```
//!
//! What lies between two edges is a difference, so that of each edge a row of sums is read and the spans
//! of one block up to it. All that is far apart, where no cache holds it. To look for one edge after the
//! other is to wait for one piece of memory after the other, for each step of a search needs what the
//! step before it found: so all edges take a step together, and what will be read at them is touched in
//! one go before it is needed. The processor then waits for many at once.

use std::hint::black_box;

use super::class::TONES;
use super::lanes::Walk;
use super::sums::{Part, UpTo, part};

/// Where there are fewer blocks a cell than this, they are gone over: they lie side by side.
const SPARSE: usize = 2;

/// The blocks of a lane, with sums up to each.
pub(super) trait Blocks {
    fn sums(&self) -> &UpTo;
    /// Where a block begins.
    fn base(&self, block: usize) -> i64;
    /// Something of all that [`Blocks::cut`] will read.
    fn touch(&self, block: usize) -> u64;
    /// Adds what a block holds before a time to the sums, each tone's in its column. Whether there is
    /// no span at that time that is longer than `whole`; no gap either, in lanes that have none.
    fn cut(&self, block: usize, t: i64, whole: i64, columns: &[u8; TONES], ns: &mut [u64]) -> bool;
    /// Goes over a part block by block, and where nothing else will do, span by span.
    fn stretch(&self, stretch: Stretch, walk: &mut impl Walk);
}

/// A part of a lane between two times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// The block that the first time lies in.
    pub(super) first: usize,
    pub(super) t0: i64,
    pub(super) t1: i64,
    /// Whether spans are cut off at the beginning, at the end.
    pub(super) clip: [bool; 2],
}

impl Stretch {
    /// The first and the last time that a span may be told to have.
    pub(super) fn reach(&self) -> (i64, i64) {
        let least = if self.clip[0] { self.t0 } else { i64::MIN };
        (least, if self.clip[1] { self.t1 } else { i64::MAX })
    }
}

/// Goes over a window; the blocks from `from` to before `to` are those that it holds or cuts. `false`:
/// that is not worth it.
pub(super) fn walk(blocks: &impl Blocks, from: usize, to: usize, walk: &mut impl Walk) -> bool {
    let Some(cells) = walk.cells() else { return false };
    let n_blocks = to.saturating_sub(from);
    if n_blocks / SPARSE < cells.n as usize || to > u32::MAX as usize {
        return false;
    }
    let edges: Vec<i64> = (0..=cells.n).map(|cell| cells.edge(cell)).collect();
    let lies_in = search(&edges, from, n_blocks, |block| blocks.base(block));
    let up_to = blocks.sums();
    let touched = lies_in
        .iter()
        .fold(0, |sum, &block| sum ^ up_to.touch(block as usize) ^ blocks.touch(block as usize));
    black_box(touched);
    let columns = up_to.columns();
    let cut = |edge: usize, ns: &mut Vec<u64>| {
        let (block, t) = (lies_in[edge] as usize, edges[edge]);
        up_to.row(block, ns);
        blocks.base(block) <= t && blocks.cut(block, t, cells.whole, &columns, ns)
    };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut plain = cut(0, &mut before);
    let mut parts: Vec<Part> = Vec::new();
    // Where the cells begin that are gone over span by span.
    let mut slow = None;
    let n = edges.len() - 1;
    let stretch = |from: usize, to: usize, walk: &mut _| {
        let first = lies_in[from] as usize;
        let (t0, t1, clip) = (edges[from], edges[to], [from > 0, to < n]);
        blocks.stretch(Stretch { first, t0, t1, clip }, walk);
    };
    for cell in 0..n {
        let was_plain = std::mem::replace(&mut plain, cut(cell + 1, &mut after));
        // A cell with a block of its own has several spans.
        if was_plain && plain && lies_in[cell + 1] > lies_in[cell] + 1 {
            if let Some(first) = slow.take() {
                stretch(first, cell, walk);
            }
            parts.clear();
            for ((&tone, &before), &after) in up_to.tones().iter().zip(&before).zip(&after) {
                if after > before {
                    parts.push(part(tone, after - before));
                }
            }
            walk.cell(edges[cell], edges[cell + 1], &parts);
        } else {
            slow.get_or_insert(cell);
        }
        std::mem::swap(&mut before, &mut after);
    }
    if let Some(first) = slow {
        stretch(first, n, walk);
    }
    true
}

/// For each edge the last of some blocks that begins there or before it; the first one, if none does.
fn search(edges: &[i64], first: usize, n: usize, base: impl Fn(usize) -> i64) -> Vec<u32> {
    let mut found = vec![first as u32; edges.len()];
    // At each of them and behind it are so many that it may be.
    let mut left = n;
    while left > 1 {
        let half = left / 2;
        for (block, &edge) in found.iter_mut().zip(edges) {
            let middle = *block + half as u32;
            *block = if base(middle as usize) <= edge { middle } else { *block };
        }
        left -= half;
    }
    found
}
