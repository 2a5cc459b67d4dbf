//! Sorts as Go's `slices.SortFunc` does, elements that compare equal included.
//!
//! Go's reader sorts the CPU samples of a generation with that function by time; and when no
//! thread's next event fits, it sorts its frontier with it and then
//! tries one thread after another. The order of threads with equal times decides which is tried
//! first and who wins later ties in the heap, so figures equal to Go's need the same permutation:
//! a stable sort is one for up to twelve elements only. What follows makes the same decisions
//! (pattern-defeating quicksort: median of three or of nine, insertion sort for short runs, heap
//! sort when pivots stay bad); the test compares it with permutations that Go printed.

/// Sorts by `key`.
pub(crate) fn sort_by_key<T>(items: &mut [T], key: impl Fn(&T) -> i64) {
    let n = items.len();
    let bad_pivots = usize::BITS - n.leading_zeros();
    Sorter { items, key }.sort(0, n, bad_pivots);
}

struct Sorter<'a, T, K> {
    items: &'a mut [T],
    key: K,
}

impl<T, K: Fn(&T) -> i64> Sorter<'_, T, K> {
    fn less(&self, i: usize, j: usize) -> bool {
        (self.key)(&self.items[i]) < (self.key)(&self.items[j])
    }

    fn swap(&mut self, i: usize, j: usize) {
        self.items.swap(i, j);
    }

    fn sort(&mut self, mut from: usize, mut to: usize, mut bad_pivots: u32) {
        let (mut balanced, mut partitioned) = (true, true);
        loop {
            let len = to - from;
            if len <= 12 {
                return self.insertion(from, to);
            }
            if bad_pivots == 0 {
                return self.heap(from, to);
            }
            if !balanced {
                self.scatter(from, to);
                bad_pivots -= 1;
            }
            let (mut pivot, swaps) = self.pivot(from, to);
            let mut rising = swaps == 0;
            if swaps == 12 {
                self.items[from..to].reverse();
                pivot = to - 1 - (pivot - from);
                rising = true;
            }
            if balanced && partitioned && rising && self.nearly_sorted(from, to) {
                return;
            }
            // The element before is a lower bound; a pivot equal to it opens a run of equals.
            if from > 0 && !self.less(from - 1, pivot) {
                from = self.skip_equals(from, to, pivot);
                continue;
            }
            let middle;
            (middle, partitioned) = self.partition(from, to, pivot);
            let (left, right) = (middle - from, to - middle);
            if left < right {
                balanced = left >= len / 8;
                self.sort(from, middle, bad_pivots);
                from = middle + 1;
            } else {
                balanced = right >= len / 8;
                self.sort(middle + 1, to, bad_pivots);
                to = middle;
            }
        }
    }

    fn insertion(&mut self, from: usize, to: usize) {
        for i in from + 1..to {
            let mut j = i;
            while j > from && self.less(j, j - 1) {
                self.swap(j, j - 1);
                j -= 1;
            }
        }
    }

    fn heap(&mut self, from: usize, to: usize) {
        let len = to - from;
        for root in (0..=(len - 1) / 2).rev() {
            self.sift_down(from, root, len);
        }
        for end in (0..len).rev() {
            self.swap(from, from + end);
            self.sift_down(from, 0, end);
        }
    }

    fn sift_down(&mut self, from: usize, mut root: usize, len: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= len {
                return;
            }
            if child + 1 < len && self.less(from + child, from + child + 1) {
                child += 1;
            }
            if !self.less(from + root, from + child) {
                return;
            }
            self.swap(from + root, from + child);
            root = child;
        }
    }

    /// Moves three elements near the middle to places that depend on the length alone.
    fn scatter(&mut self, from: usize, to: usize) {
        let len = to - from;
        let mut random = len as u64;
        let mask = (1u64 << (usize::BITS - len.leading_zeros())) - 1;
        let first = from + len / 4 * 2 - 1;
        for i in first..first + 3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = (random & mask) as usize;
            if other >= len {
                other -= len;
            }
            self.swap(i, from + other);
        }
    }

    /// The place of the pivot, and how many of the comparisons on the way found a falling pair.
    fn pivot(&self, from: usize, to: usize) -> (usize, u32) {
        let quarter = (to - from) / 4;
        let mut places = [from + quarter, from + 2 * quarter, from + 3 * quarter];
        let mut swaps = 0;
        if to - from >= 50 {
            for place in &mut places {
                *place = self.median([*place - 1, *place, *place + 1], &mut swaps);
            }
        }
        (self.median(places, &mut swaps), swaps)
    }

    fn median(&self, [mut a, mut b, mut c]: [usize; 3], swaps: &mut u32) -> usize {
        let mut order = |x: &mut usize, y: &mut usize| {
            if self.less(*y, *x) {
                *swaps += 1;
                std::mem::swap(x, y);
            }
        };
        order(&mut a, &mut b);
        order(&mut b, &mut c);
        order(&mut a, &mut b);
        b
    }

    /// Mends up to five places where the order falls. Whether all is sorted then.
    fn nearly_sorted(&mut self, from: usize, to: usize) -> bool {
        let mut i = from + 1;
        for _ in 0..5 {
            while i < to && !self.less(i, i - 1) {
                i += 1;
            }
            if i == to {
                return true;
            }
            if to - from < 50 {
                return false;
            }
            self.swap(i, i - 1);
            if i - from >= 2 {
                let mut j = i - 1;
                while j >= 1 && self.less(j, j - 1) {
                    self.swap(j, j - 1);
                    j -= 1;
                }
            }
            if to - i >= 2 {
                let mut j = i + 1;
                while j < to && self.less(j, j - 1) {
                    self.swap(j, j - 1);
                    j += 1;
                }
            }
        }
        false
    }

    /// Puts what is less than the pivot before it. Gives its place, and whether nothing had to move.
    fn partition(&mut self, from: usize, to: usize, pivot: usize) -> (usize, bool) {
        self.swap(from, pivot);
        // Both ends belong to what is not looked at yet; `to - 1 >= from + 1` always.
        let (mut i, mut j) = (from + 1, to - 1);
        let mut moved = false;
        loop {
            while i <= j && self.less(i, from) {
                i += 1;
            }
            while i <= j && !self.less(j, from) {
                j -= 1;
            }
            if i > j {
                self.swap(j, from);
                return (j, !moved);
            }
            self.swap(i, j);
            moved = true;
            i += 1;
            j -= 1;
        }
    }

    /// Gathers what equals the pivot, given that nothing is less. Gives the place behind.
    fn skip_equals(&mut self, from: usize, to: usize, pivot: usize) -> usize {
        self.swap(from, pivot);
        let (mut i, mut j) = (from + 1, to - 1);
        loop {
            while i <= j && !self.less(from, i) {
                i += 1;
            }
            while i <= j && self.less(from, j) {
                j -= 1;
            }
            if i > j {
                return i;
            }
            self.swap(i, j);
            i += 1;
            j -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of case (`n`, `kinds`, `seed`): a plain generator, the same in the Go program that
    /// printed the answers.
    fn keys(n: usize, kinds: u64, seed: u64) -> Vec<i64> {
        let mut x = seed;
        (0..n)
            .map(|_| {
                x = x
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                ((x >> 33) % kinds) as i64
            })
            .collect()
    }

    fn shape(n: usize, kinds: u64, seed: u64, how: u64) -> Vec<i64> {
        let mut k = keys(n, kinds, seed);
        match how {
            1 => k.sort_unstable(),
            2 => k.sort_unstable_by(|a, b| b.cmp(a)),
            3 => {
                k.sort_unstable();
                let last = n - 1;
                k.swap(0, last);
            }
            _ => {}
        }
        k
    }

    #[test]
    fn permutations_are_those_of_go() {
        let mut lines = include_str!("gosort_answers.txt").lines();
        let mut cases = 0;
        for n in [2usize, 5, 12, 13, 14, 20, 33, 49, 50, 51, 77, 128, 300] {
            for kinds in [1, 2, 3, 7, 1000] {
                for seed in [1, 2, 3] {
                    for how in 0..4 {
                        let keys = shape(n, kinds, seed, how);
                        let mut items: Vec<(i64, usize)> = keys.iter().copied().zip(0..n).collect();
                        sort_by_key(&mut items, |i| i.0);
                        let mut sum: u64 = 14_695_981_039_346_656_037;
                        for &(_, i) in &items {
                            sum = (sum ^ i as u64).wrapping_mul(1_099_511_628_211);
                        }
                        assert!(items.is_sorted_by_key(|i| i.0));
                        assert_eq!(
                            Some(format!("{n} {kinds} {seed} {how} {sum:016x}").as_str()),
                            lines.next()
                        );
                        cases += 1;
                    }
                }
            }
        }
        assert_eq!((cases, lines.next()), (780, None));
    }
}
