//! Numbers without a pattern, the same at every run: a failure must come again.

/// A generator of such numbers.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// One below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}
