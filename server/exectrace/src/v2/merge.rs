//! The threads of a generation side by side: whose event is the earliest.
//!
//! ```text
//! thread 3:  ..........[next event t=17]......      frontier: a binary heap of the threads' next
//! thread 8:  ...[next event t=12].............      events by time, moved exactly as Go's reader
//! thread 5:  ...........[next event t=19].....      moves its own: ties follow the heap's layout
//! ```

use super::generation::{Generation, Thread};
use super::gosort;
use super::spec::TIMED_ARGS;
use crate::{ThreadId, varint};

/// A thread's place in the frontier.
#[derive(Debug, Clone, Copy)]
struct Head {
    time: i64,
    cursor: u32,
}

/// Where a thread stands in its batches: at an event whose type and time are read already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    /// The event's time, in nanoseconds as the file has it.
    pub(super) time: i64,
    /// Where in the generation's bytes the event begins, with its type.
    pub(super) at: u32,
    /// The event's type.
    pub(super) typ: u8,
    /// How many bytes the type and `dt` have.
    head: u8,
    /// The end of its batch.
    end: u32,
    next_batch: u32,
    pub(super) thread: ThreadId,
    /// A number that the decoder gives to the thread.
    pub(super) m: u32,
}

/// What is wrong with the bytes of an event, and where.
#[derive(Debug)]
pub(super) struct BadEvent {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Cursor {
    /// Where the event's arguments begin, behind `dt`.
    pub(super) fn args_at(&self) -> u32 {
        self.at + u32::from(self.head)
    }

    /// The event's arguments. Their reader counts from the event's first byte on.
    #[inline(always)]
    pub(super) fn args<'g>(&self, generation: &'g Generation) -> varint::Cursor<'g> {
        varint::Cursor::new(window(&generation.bytes, self.at), usize::from(self.head))
    }

    /// Goes over `len` bytes, those of its event, to the next one, and reads on behind its time. `None` at
    /// the thread's end.
    #[inline(always)]
    pub(super) fn go_on<'g>(
        &mut self,
        generation: &'g Generation,
        len: usize,
    ) -> Result<Option<varint::Cursor<'g>>, BadEvent> {
        let pos = self.at.wrapping_add(len as u32);
        if pos < self.end {
            return self.read(generation, pos, self.time).map(Some);
        }
        self.next_batch(generation, pos)
    }

    #[inline(never)]
    fn next_batch<'g>(
        &mut self,
        generation: &'g Generation,
        pos: u32,
    ) -> Result<Option<varint::Cursor<'g>>, BadEvent> {
        if pos > self.end {
            let what = "an event runs over its batch's end".into();
            return Err(BadEvent { at: pos as usize, what });
        }
        while let Some(batch) = generation.batches.get(self.next_batch as usize) {
            self.next_batch = batch.next;
            self.end = batch.end;
            if batch.start < batch.end {
                return self
                    .read(generation, batch.start, generation.clock.nanos(batch.time))
                    .map(Some);
            }
        }
        Ok(None)
    }

    #[inline(always)]
    fn read<'g>(
        &mut self,
        generation: &'g Generation,
        pos: u32,
        since: i64,
    ) -> Result<varint::Cursor<'g>, BadEvent> {
        let mut cursor = varint::Cursor::new(window(&generation.bytes, pos), 0);
        let typ = cursor.byte();
        let dt = cursor.number();
        if TIMED_ARGS[typ as usize] == 0 {
            return Err(bad_event(typ, pos));
        }
        let Some(len) = cursor.pos() else {
            return Err(bad_event(typ, pos));
        };
        // Near its batch's end an event may run over it, and must not be seen then.
        if pos as usize + varint::WINDOW > self.end as usize {
            self.check_end(generation, pos as usize + len, typ)?;
        }
        self.typ = typ;
        self.time = since.wrapping_add(generation.clock.nanos(dt));
        (self.at, self.head) = (pos, len as u8);
        Ok(cursor)
    }

    /// Whether the arguments of an event end before its batch does.
    #[inline(never)]
    fn check_end(&self, generation: &Generation, mut pos: usize, typ: u8) -> Result<(), BadEvent> {
        let batch = generation.bytes.get(..self.end as usize).unwrap_or_default();
        let fits = pos <= batch.len()
            && (1..TIMED_ARGS[typ as usize]).all(|_| varint::read(batch, &mut pos).is_some());
        if fits {
            return Ok(());
        }
        let what = "an event runs over its batch's end, or has a number of more than 64 bits";
        Err(BadEvent { at: pos, what: what.into() })
    }
}

#[cold]
fn bad_event(typ: u8, pos: u32) -> BadEvent {
    let what = if TIMED_ARGS[typ as usize] == 0 {
        format!("event type {typ} does not occur among the events of a thread")
    } else {
        "an event's time has more than 64 bits".into()
    };
    BadEvent { at: pos as usize, what }
}

/// The bytes from `pos` on, as many as an event may have at most. A generation ends in zero bytes,
/// so that there always are that many; behind that there is nothing but zero.
#[inline(always)]
fn window(bytes: &[u8], pos: u32) -> &[u8; varint::WINDOW] {
    const NOTHING: [u8; varint::WINDOW] = [0; varint::WINDOW];
    let pos = pos as usize; // the sum cannot overflow, so that there is one check of bounds
    bytes.get(pos..pos + varint::WINDOW).and_then(|b| b.first_chunk()).unwrap_or(&NOTHING)
}

/// The threads that have events left.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    heap: Vec<Head>,
    cursors: Vec<Cursor>,
}

impl Frontier {
    /// Starts a generation. `m` numbers its threads.
    pub(super) fn start(
        &mut self,
        generation: &Generation,
        m: impl FnMut(ThreadId) -> u32,
    ) -> Result<(), BadEvent> {
        self.start_with(generation, &generation.threads, m)
    }

    /// The same, with the threads beginning at other batches.
    pub(super) fn start_with(
        &mut self,
        generation: &Generation,
        threads: &[Thread],
        mut m: impl FnMut(ThreadId) -> u32,
    ) -> Result<(), BadEvent> {
        self.heap.clear();
        self.cursors.clear();
        for thread in threads {
            let mut cursor = Cursor {
                time: 0,
                at: 0,
                typ: 0,
                head: 0,
                end: 0,
                next_batch: thread.first,
                thread: thread.id,
                m: m(thread.id),
            };
            if cursor.next_batch(generation, 0)?.is_some() {
                self.heap.push(Head { time: cursor.time, cursor: self.cursors.len() as u32 });
                self.cursors.push(cursor);
                self.sift_up(self.heap.len() - 1);
            }
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// All threads that had events, where they stand.
    pub(super) fn cursors(&self) -> &[Cursor] {
        &self.cursors
    }

    /// The earliest next event's time.
    #[inline(always)]
    pub(super) fn first_time(&self) -> Option<i64> {
        self.heap.first().map(|h| h.time)
    }

    /// The thread at place `i` of the frontier.
    #[inline(always)]
    pub(super) fn cursor(&self, i: usize) -> Cursor {
        self.cursors[self.heap[i].cursor as usize]
    }

    /// Up to when the first thread stays the first, equal times included.
    #[inline(always)]
    pub(super) fn limit(&self) -> i64 {
        let second = self.heap.get(1).map_or(i64::MAX, |h| h.time);
        let third = self.heap.get(2).map_or(i64::MAX, |h| h.time);
        second.min(third)
    }

    /// The first thread has gone on to another event, and to another place if it is not the first
    /// any more.
    #[inline(always)]
    pub(super) fn advanced(&mut self, i: usize, cursor: Cursor) {
        let head = &mut self.heap[i];
        head.time = cursor.time;
        self.cursors[head.cursor as usize] = cursor;
        if self.sift_up(i) == i {
            self.sift_down(i);
        }
    }

    /// The thread at `i` stands at the same event as before, which cannot happen yet.
    pub(super) fn keep(&mut self, cursor: Cursor) {
        self.cursors[self.heap[0].cursor as usize] = cursor;
    }

    /// The thread at `i` has no events left.
    pub(super) fn remove(&mut self, mut i: usize) {
        while i > 0 {
            let parent = (i - 1) / 2;
            self.heap.swap(parent, i);
            i = parent;
        }
        let last = self.heap.len() - 1;
        self.heap.swap(0, last);
        self.heap.truncate(last);
        self.sift_down(0);
    }

    /// Sorts the frontier by time; it stays a heap.
    pub(super) fn sort(&mut self) {
        gosort::sort_by_key(&mut self.heap, |h| h.time);
    }

    fn sift_up(&mut self, mut i: usize) -> usize {
        while i > 0 {
            let parent = (i - 1) / 2;
            if self.heap[parent].time <= self.heap[i].time {
                break;
            }
            self.heap.swap(parent, i);
            i = parent;
        }
        i
    }

    /// A child goes up only if it is strictly earlier, the left one first among equals.
    fn sift_down(&mut self, mut i: usize) {
        loop {
            let mut least = i;
            for child in [2 * i + 1, 2 * i + 2] {
                match (self.heap.get(child), self.heap.get(least)) {
                    (Some(c), Some(l)) if c.time < l.time => least = child,
                    _ => {}
                }
            }
            if least == i {
                return;
            }
            self.heap.swap(least, i);
            i = least;
        }
    }
}
