// Times and pixels are both numbers; the brands keep one from being taken for the other.
// They are optional, so that a plain number may become either: what crosses is what was named.

/** Nanoseconds, from the trace's beginning where it is a moment. Whole and below 2^53. */
export type Ns = number & { readonly unit?: 'ns' };

/** CSS pixels. */
export type Px = number & { readonly unit?: 'px' };
