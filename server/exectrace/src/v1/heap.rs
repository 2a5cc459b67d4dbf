//! The Ps whose next event can happen, by its time: Go's heap, move by move, since events of the same tick
//! come as it has them.

/// A time in ticks, and whose event it is: a row of `Trace::procs`.
type Item = (i64, u32);

/// A heap by time.
#[derive(Debug, Clone, Default)]
pub(super) struct Heap(Vec<Item>);

impl Heap {
    /// Whether an event of this time would be the earliest of all, and would leave the others where they are
    /// if it were put in and taken out again. Then it need not be.
    ///
    /// ```text
    ///      0           put in behind all others, as the earliest it goes up to 0: those on its way
    ///    1   2         each go down to where the next one was. Taken out, the last of these goes to 0,
    ///   3 4 5 (6)      and they each go up again, but where others have the same time.
    /// ```
    #[inline(always)]
    pub(super) fn passes_by(&self, ticks: i64) -> bool {
        let heap = self.0.as_slice();
        if heap.first().is_some_and(|first| first.0 <= ticks) {
            return false;
        }
        // From the last of those on the way.
        let mut i = heap.len().saturating_sub(1) / 2;
        while i > 0 {
            let parent = (i - 1) / 2;
            let (above, beside) = (heap[parent].0, heap[i - 1].0);
            if above == heap[i].0 || (i.is_multiple_of(2) && above == beside) {
                return false;
            }
            i = parent;
        }
        true
    }

    pub(super) fn push(&mut self, item: Item) {
        let heap = &mut self.0;
        heap.push(item);
        let mut i = heap.len() - 1;
        while i > 0 && heap[i].0 < heap[(i - 1) / 2].0 {
            heap.swap(i, (i - 1) / 2);
            i = (i - 1) / 2;
        }
    }

    /// The earliest.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Item> {
        let heap = &mut self.0;
        if heap.is_empty() {
            return None;
        }
        let first = heap.swap_remove(0);
        let mut i = 0;
        loop {
            let mut child = 2 * i + 1;
            if child >= heap.len() {
                return Some(first);
            }
            if child + 1 < heap.len() && heap[child + 1].0 < heap[child].0 {
                child += 1;
            }
            if heap[child].0 >= heap[i].0 {
                return Some(first);
            }
            heap.swap(i, child);
            i = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of all heaps of up to seven items and of many larger ones, with times that are often the same.
    #[test]
    fn what_passes_by_leaves_the_heap_as_it_was() {
        let (mut passed, mut random) = (0, 1u64);
        for case in 0..200_000u64 {
            let mut heap = Heap::default();
            let mut digits = case;
            let n = if case < 100_000 { 7 } else { case % 40 };
            for proc in 0..n {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let time = if n == 7 { digits % 5 } else { random >> 60 };
                digits /= 5;
                heap.push((time as i64 + 1, proc as u32));
                if !heap.passes_by(0) {
                    continue;
                }
                passed += 1;
                let mut other = heap.clone();
                other.push((0, u32::MAX));
                assert_eq!(other.pop(), Some((0, u32::MAX)));
                assert_eq!(other.0, heap.0);
            }
            assert!(n == 0 || !heap.passes_by(heap.0[0].0), "it is not the earliest");
        }
        assert!(passed > 100_000, "{passed}");
    }
}
