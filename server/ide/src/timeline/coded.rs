//! How a block of spans, or of what a P ran, is written: a few bytes for each.
//!
//! ```text
//! of a goroutine:  n  tones: 6 bits each  widths: 2 bits each  lengths  sites  xs      4 bytes a span
//! of a P:          tone, or tones         widths  gaps and lengths      xs             6 bytes a run
//!
//! sites, xs:       how many differ, those that do, and for each span which: as many bits as that takes;
//!                  none where all differ
//! ```
//!
//! RunTimes can be gone over without looking at the rest, and a tone is found and written over where it
//! stands: verdicts come when all is written.

use super::class::Tone;

/// So many spans are in a block.
pub(super) const BLOCK: usize = 32;

/// Pieces are of this many bytes: 2 to the power of.
const PIECE_SHIFT: u32 = 20;
pub(super) const PIECE: usize = 1 << PIECE_SHIFT;
/// So many bytes behind the last number may be read with it.
const SLACK: usize = 8;
/// The most pieces: a place has 31 bits.
const MOST_PIECES: usize = 1 << (31 - PIECE_SHIFT);

/// Blocks, one behind the other, in pieces: what is written stays where it is while more comes.
#[derive(Debug, Default)]
pub(super) struct Arena {
    pieces: Vec<Vec<u8>>,
}

impl Arena {
    /// A block more: its place. `None`: there is no room for it.
    pub(super) fn push(&mut self, block: &[u8]) -> Option<u32> {
        let has_room = |piece: &Vec<u8>| piece.len() + block.len() <= PIECE;
        if self.pieces.last().is_none_or(|piece| !has_room(piece)) {
            self.add(Vec::new())?;
        }
        let row = self.pieces.len() - 1;
        let piece = self.pieces.last_mut()?;
        let at = piece.len() - SLACK;
        piece.truncate(at);
        piece.extend_from_slice(block);
        piece.extend_from_slice(&[0; SLACK]);
        Some((row << PIECE_SHIFT | at) as u32)
    }

    /// The place of the piece that comes next.
    pub(super) fn next(&self) -> u32 {
        (self.pieces.len() << PIECE_SHIFT) as u32
    }

    /// A piece of blocks, of [`PIECE`] less a few bytes at most: its place.
    pub(super) fn add(&mut self, mut piece: Vec<u8>) -> Option<u32> {
        if self.pieces.len() >= MOST_PIECES {
            return None;
        }
        piece.extend_from_slice(&[0; SLACK]);
        self.pieces.push(piece);
        Some(((self.pieces.len() - 1) << PIECE_SHIFT) as u32)
    }

    /// What is written from a place on.
    #[inline]
    pub(super) fn at(&self, at: u32) -> &[u8] {
        let piece = self.pieces.get((at >> PIECE_SHIFT) as usize);
        piece.and_then(|piece| piece.get(at as usize & (PIECE - 1)..)).unwrap_or_default()
    }

    /// The same, to be written over.
    #[inline]
    pub(super) fn at_mut(&mut self, at: u32) -> &mut [u8] {
        let piece = self.pieces.get_mut((at >> PIECE_SHIFT) as usize);
        piece.and_then(|piece| piece.get_mut(at as usize & (PIECE - 1)..)).unwrap_or_default()
    }

    /// No more will come.
    pub(super) fn shrink(&mut self) {
        self.pieces.iter_mut().for_each(Vec::shrink_to_fit);
    }

    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(Vec::capacity).sum()
    }
}

/// So many bytes of a block can be in a piece.
pub(super) const ROOM: usize = PIECE - SLACK;

/// The widest number: what a goroutine did within a block has 32 bits, a P can be idle for longer.
const OF_SPAN: usize = 4;
const OF_RUN: usize = 8;

/// How many bytes a number has, by its two bits; and which of eight those are.
struct Widths<const WIDEST: usize>;

impl<const WIDEST: usize> Widths<WIDEST> {
    const BYTES: [usize; 4] = [1, 2, 3, WIDEST];
    const MASKS: [u64; 4] = [0xff, 0xffff, 0xff_ffff, u64::MAX >> (64 - 8 * WIDEST)];
}

/// Eight bytes from somewhere on.
#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|from| from.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word))
}

/// The next number, and its two bits with it: it has one, two or three bytes, or as many as the widest.
#[inline]
fn take<const WIDEST: usize>(bytes: &[u8], at: &mut usize, widths: &mut u64) -> u64 {
    let width = (*widths & 3) as usize;
    *widths >>= 2;
    let number = word(bytes, *at) & Widths::<WIDEST>::MASKS[width];
    *at += Widths::<WIDEST>::BYTES[width];
    number
}

/// The next length of a goroutine's spans.
#[inline]
pub(super) fn take_length(bytes: &[u8], at: &mut usize, widths: &mut u64) -> u64 {
    take::<OF_SPAN>(bytes, at, widths)
}

/// How many bytes the first `n` numbers have.
#[inline]
fn size<const WIDEST: usize>(widths: u64, n: usize) -> usize {
    const LOW: u64 = 0x5555_5555_5555_5555;
    let widths = if n < BLOCK { widths & ((1 << (2 * n)) - 1) } else { widths };
    let (low, high) = (widths & LOW, widths >> 1 & LOW);
    let widest = (low & high).count_ones() as usize * (WIDEST - 4);
    n + (low.count_ones() + 2 * high.count_ones()) as usize + widest
}

/// The bits of a number's width.
#[inline]
fn width(number: u64) -> u64 {
    u64::from(number > 0xff) + u64::from(number > 0xffff) + u64::from(number > 0xff_ffff)
}

/// A block while it is written. There is room for the largest one, so that each number is written as
/// eight bytes, of which the next one keeps what it has.
#[derive(Debug)]
struct Out {
    bytes: Box<[u8; MOST]>,
    n: usize,
}

/// No block has more bytes, with seven behind the last number.
const MOST: usize = 1024;

impl Out {
    /// The `n` low bytes of a number.
    #[inline]
    fn put(&mut self, number: u64, n: usize) {
        self.put_at(self.n, number);
        self.n += n;
    }

    #[inline]
    fn put_at(&mut self, at: usize, number: u64) {
        if let Some(to) = self.bytes.get_mut(at..at + 8) {
            to.copy_from_slice(&number.to_le_bytes());
        }
    }

    /// A length or a gap; the bits of its width.
    #[inline]
    fn length<const WIDEST: usize>(&mut self, length: u64) -> u64 {
        let width = width(length);
        self.put(length, Widths::<WIDEST>::BYTES[width as usize]);
        width
    }

    /// A number on its own: those below 192 have one byte.
    #[inline]
    fn number(&mut self, number: u64) {
        match number {
            0..192 => self.put(number, 1),
            192..0x20c0 => {
                let rest = number - 192;
                self.put((192 + (rest >> 8)) | (rest << 8), 2);
            }
            0x20c0..0x1f_20c0 => {
                let rest = number - 0x20c0;
                self.put((224 + (rest >> 16)) | ((rest & 0xffff) << 8), 3);
            }
            _ => self.put(255 | number << 8, 6),
        }
    }
}

/// Reads what [`Out::number`] wrote.
#[inline]
fn get(bytes: &[u8], at: &mut usize) -> u64 {
    let word = word(bytes, *at);
    let first = word & 0xff;
    let (number, width) = match first {
        0..192 => (first, 1),
        192..224 => (((first - 192) << 8 | word >> 8 & 0xff) + 192, 2),
        224..255 => (((first - 224) << 16 | word >> 8 & 0xffff) + 0x20c0, 3),
        _ => (word >> 8 & 0xff_ffff_ffff, 6),
    };
    *at += width;
    number
}

/// The bits that one of `n` takes.
#[inline]
fn bits(n: usize) -> u32 {
    usize::BITS - n.saturating_sub(1).leading_zeros()
}

/// Values that stand for spans, of which few differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values {
    all: [u32; BLOCK],
    differ: usize,
    /// Where it stands which of them each has.
    at: usize,
    bits: u32,
}

impl Values {
    /// Reads those of `n` spans from somewhere on, and steps behind them.
    #[inline]
    pub(super) fn read(
        bytes: &[u8],
        at: &mut usize,
        n: usize,
        of: impl Fn(u64, u32) -> u32,
    ) -> Self {
        let mut all = [0; BLOCK];
        let differ = usize::from(bytes.get(*at).copied().unwrap_or(0)) % BLOCK + 1;
        *at += 1;
        let mut last = 0;
        for value in &mut all[..differ] {
            last = of(get(bytes, at), last);
            *value = last;
        }
        // Where all differ, each has its own.
        let bits = if differ == n { 0 } else { bits(differ) };
        let values = Values { all, differ, at: *at, bits };
        *at += (n * bits as usize).div_ceil(8);
        values
    }

    /// Whether some are so.
    pub(super) fn any(&self, is: impl Fn(u32) -> bool) -> bool {
        self.all[..self.differ].iter().any(|&value| is(value))
    }

    /// That of one.
    #[inline]
    pub(super) fn of(&self, bytes: &[u8], k: usize) -> u32 {
        if self.bits == 0 && self.differ > 1 {
            return self.all[k % BLOCK];
        }
        let bit = k * self.bits as usize;
        let which = word16(bytes, self.at + bit / 8) >> (bit % 8) & ((1 << self.bits) - 1);
        self.all[usize::from(which) % BLOCK]
    }
}

#[inline]
fn word16(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|from| from.first_chunk()).map_or(0, |word| u16::from_le_bytes(*word))
}

/// A block of a goroutine's spans.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) n: usize,
}

/// A span before it is written: it ends where the next begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    pub(super) start: i64,
    pub(super) site: u32,
    pub(super) x: u32,
}

impl<'a> Block<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Block<'a> {
        Block { bytes, n: usize::from(bytes.first().copied().unwrap_or(0)).min(BLOCK) }
    }

    /// What one of its spans is.
    #[inline]
    pub(super) fn tone(&self, k: usize) -> Tone {
        Tone::of_code((word16(self.bytes, 1 + k * 6 / 8) >> (k * 6 % 8) & 63) as u8)
    }

    /// The codes of the tones from one on whose number eight divides: six bits each.
    #[inline]
    pub(super) fn tones(&self, k: usize) -> u64 {
        word(self.bytes, 1 + k / 8 * 6)
    }

    /// The widths of its lengths, and where those begin. There are as many as spans, less the last.
    #[inline]
    pub(super) fn lengths(&self) -> (u64, usize) {
        let at = 1 + (self.n * 6).div_ceil(8);
        (word(self.bytes, at), at + self.n.saturating_sub(1).div_ceil(4))
    }

    /// Why and where its spans are, and whose they are of or where they ran.
    #[inline]
    pub(super) fn sites(&self) -> (Values, usize) {
        let (widths, mut at) = self.lengths();
        at += size::<OF_SPAN>(widths, self.n.saturating_sub(1));
        let sites = Values::read(self.bytes, &mut at, self.n, |number, _| number as u32);
        (sites, at)
    }

    /// Whose, or where they ran; `at` is where the sites end.
    #[inline]
    pub(super) fn xs(&self, mut at: usize) -> Values {
        Values::read(self.bytes, &mut at, self.n, |number, _| x_of(number))
    }
}

/// Writes another tone over that of a span.
pub(super) fn set_tone(block: &mut [u8], k: usize, tone: Tone) {
    let (at, shift) = (1 + k * 6 / 8, k * 6 % 8);
    if let Some([low, high]) = block.get_mut(at..at + 2) {
        let both = u16::from_le_bytes([*low, *high]);
        let both = both & !(63 << shift) | u16::from(tone.code()) << shift;
        [*low, *high] = both.to_le_bytes();
    }
}

/// A goroutine, or a P below and a thread above: small numbers for the first of each. 0 is nobody.
fn number_of(x: u32, ran: bool) -> u64 {
    let (p, m) = (u64::from(x & 0xffff), u64::from(x >> 16));
    match ran {
        _ if x == u32::MAX => 0,
        false => 1 + 2 * u64::from(x),
        true if p < 16 => 2 + 2 * (m << 4 | p),
        true => 2 + 2 * ((1 << 20) + u64::from(x)),
    }
}

#[inline]
fn x_of(number: u64) -> u32 {
    let Some(rest) = number.checked_sub(1) else { return u32::MAX };
    let x = rest >> 1;
    match rest & 1 {
        0 => x as u32,
        _ if x < 1 << 20 => ((x >> 4) << 16 | x & 15) as u32,
        _ => (x - (1 << 20)) as u32,
    }
}

/// Writes blocks.
#[derive(Debug)]
pub(super) struct Writer {
    out: Out,
    /// Where values are looked up: when they were met, as which one, they themselves.
    seen: Box<[(u32, u8, u64); SEEN]>,
    met: u32,
}

const SEEN: usize = 128;

impl Default for Writer {
    fn default() -> Writer {
        let out = Out { bytes: Box::new([0; MOST]), n: 0 };
        Writer { out, seen: Box::new([(0, 0, 0); SEEN]), met: 0 }
    }
}

impl Writer {
    /// What was written last.
    pub(super) fn block(&self) -> &[u8] {
        self.out.bytes.get(..self.out.n).unwrap_or_default()
    }

    /// Spans of a goroutine, 32 at most, none longer than 32 bits hold. `of`: what a site is.
    pub(super) fn spans(&mut self, spans: &[Raw], mut of: impl FnMut(u32) -> Tone) {
        let n = spans.len().min(BLOCK);
        let spans = &spans[..n];
        let out = &mut self.out;
        out.n = 0;
        out.put(n as u64, 1);
        let mut ran = 0u32;
        for (eighth, some) in spans.chunks(8).enumerate() {
            let mut tones = 0u64;
            for (k, span) in some.iter().enumerate() {
                let tone = of(span.site);
                ran |= u32::from(tone.class().has_where()) << (8 * eighth + k);
                tones |= u64::from(tone.code()) << (6 * k);
            }
            out.put(tones, (some.len() * 6).div_ceil(8));
        }
        let at = out.n;
        out.n += n.saturating_sub(1).div_ceil(4);
        let mut widths = 0u64;
        for (k, pair) in spans.windows(2).enumerate() {
            let length = pair[1].start.saturating_sub(pair[0].start).max(0) as u64;
            widths |= out.length::<OF_SPAN>(length) << (2 * k);
        }
        for (i, byte) in
            widths.to_le_bytes().into_iter().enumerate().take(n.saturating_sub(1).div_ceil(4))
        {
            out.bytes[at + i] = byte;
        }
        self.values(n, |k| u64::from(spans[k].site), |site, _| site);
        self.values(n, |k| number_of(spans[k].x, ran >> k & 1 == 1), |x, _| x);
    }

    /// A block of what a P ran: a whole one.
    pub(super) fn runs(&mut self, runs: &[RawRun; BLOCK]) {
        let out = &mut self.out;
        out.n = 0;
        let tone = runs[0].tone;
        if runs.iter().all(|run| run.tone == tone) {
            out.put(tone.0.into(), 1);
        } else {
            out.put(MIXED.into(), 1);
            runs.iter().for_each(|run| out.put(run.tone.0.into(), 1));
        }
        let at = out.n;
        out.n += 16;
        let (mut gaps, mut lengths) = (0u64, 0u64);
        let mut last = runs[0].start;
        for (k, run) in runs.iter().enumerate() {
            gaps |= out.length::<OF_RUN>((run.start - last).max(0) as u64) << (2 * k);
            lengths |= out.length::<OF_RUN>(run.length) << (2 * k);
            last = run.start.saturating_add_unsigned(run.length);
        }
        out.put_at(at, gaps);
        out.put_at(at + 8, lengths);
        self.values(
            BLOCK,
            |k| u64::from(runs[k].x),
            |x, last| {
                // What is near the last one is told by how far off it is.
                let off = x as i64 - last as i64;
                let off = (off << 1 ^ off >> 63) as u64;
                (x << 1).min(off << 1 | 1)
            },
        );
    }

    /// Values of `n` spans; `to`: how one that was not met is written, by itself and the one before.
    #[inline]
    fn values(&mut self, n: usize, of: impl Fn(usize) -> u64, to: impl Fn(u64, u64) -> u64) {
        self.met = self.met.wrapping_add(1);
        let out = &mut self.out;
        let at = out.n;
        out.n += 1;
        let mut which = [0u8; BLOCK];
        let (mut differ, mut last) = (0u8, 0);
        for (k, which) in which.iter_mut().enumerate().take(n) {
            let value = of(k);
            let mut slot = (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57) as usize;
            *which = loop {
                let seen = &mut self.seen[slot % SEEN];
                if seen.0 != self.met {
                    *seen = (self.met, differ, value);
                    out.number(to(value, last));
                    (differ, last) = (differ + 1, value);
                    break seen.1;
                }
                if seen.2 == value {
                    break seen.1;
                }
                slot += 1;
            };
        }
        out.bytes[at] = differ.saturating_sub(1);
        let differ = usize::from(differ);
        if differ == n {
            return; // each has its own
        }
        let bits = bits(differ);
        let (mut all, mut some) = (0u64, 0);
        for &which in &which[..n] {
            all |= u64::from(which) << some;
            some += bits;
            if some >= 32 {
                out.put(all, 4);
                (all, some) = (all >> 32, some - 32);
            }
        }
        out.put(all, (some as usize).div_ceil(8));
    }
}

/// What a P ran, before it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawRun {
    pub(super) start: i64,
    pub(super) length: u64,
    pub(super) x: u32,
    pub(super) tone: Tone,
}

/// In place of a tone: each has one of its own.
const MIXED: u8 = 0;

/// A block of what a P ran, gone over run by run.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunTimes<'a> {
    bytes: &'a [u8],
    /// Of all, or the first of them.
    tone: u8,
    k: usize,
    gaps: u64,
    lengths: u64,
    at: usize,
    t: i64,
}

impl<'a> RunTimes<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], base: i64) -> RunTimes<'a> {
        let tone = bytes.first().copied().unwrap_or(MIXED);
        let at = if tone == MIXED { 1 + BLOCK } else { 1 };
        let (gaps, lengths) = (word(bytes, at), word(bytes, at + 8));
        RunTimes { bytes, tone, k: 0, gaps, lengths, at: at + 16, t: base }
    }

    /// Whose they are.
    pub(super) fn xs(&self) -> Values {
        let mut at = self.at
            + size::<OF_RUN>(self.gaps, BLOCK - self.k)
            + size::<OF_RUN>(self.lengths, BLOCK - self.k);
        Values::read(self.bytes, &mut at, BLOCK, |number, last| match number & 1 {
            0 => (number >> 1) as u32,
            _ => {
                let off = number >> 1;
                last.wrapping_add((off >> 1) as u32 ^ ((off & 1) as u32).wrapping_neg())
            }
        })
    }
}

impl Iterator for RunTimes<'_> {
    /// Its beginning, its end, its tone.
    type Item = (i64, i64, Tone);

    #[inline]
    fn next(&mut self) -> Option<(i64, i64, Tone)> {
        if self.k == BLOCK {
            return None;
        }
        let gap = take::<OF_RUN>(self.bytes, &mut self.at, &mut self.gaps);
        let start = self.t.wrapping_add_unsigned(gap);
        self.t = start.wrapping_add_unsigned(take::<OF_RUN>(
            self.bytes,
            &mut self.at,
            &mut self.lengths,
        ));
        self.k += 1;
        let tone = match self.tone {
            MIXED => self.bytes.get(self.k).copied().unwrap_or(0),
            tone => tone,
        };
        Some((start, self.t, Tone(tone)))
    }
}
