//! Counts what a piece of work allocates, on its own thread.
//!
//! The counters belong to the thread, so that tests which run at the same time do not see each
//! other. This is the only `unsafe` code of the project: an allocator cannot be written without it,
//! and this one passes every call on as it came.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

#[derive(Clone, Copy)]
struct Counts {
    live: isize,
    peak: isize,
    largest: usize,
}

const NOTHING: Counts = Counts { live: 0, peak: 0, largest: 0 };

thread_local! {
    // Neither lazily made nor dropped: so it can be used inside an allocation.
    static COUNTS: Cell<Counts> = const { Cell::new(NOTHING) };
}

/// The most bytes that `work` held at once, and the largest single allocation that it asked for.
pub(crate) fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize, usize) {
    COUNTS.set(NOTHING);
    let result = work();
    let Counts { peak, largest, .. } = COUNTS.get();
    (result, peak.unsigned_abs(), largest)
}

fn count(added: usize, removed: usize) {
    let _ = COUNTS.try_with(|cell| {
        let mut counts = cell.get();
        // While a block moves to a larger one, both are there.
        counts.peak = counts.peak.max(counts.live.wrapping_add_unsigned(added));
        counts.live = counts.live.wrapping_add_unsigned(added).wrapping_sub_unsigned(removed);
        counts.largest = counts.largest.max(added);
        cell.set(counts);
    });
}

// SAFETY: every call goes to the system's allocator with the caller's own arguments, for which the
// caller keeps the promises that `GlobalAlloc` asks for; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
