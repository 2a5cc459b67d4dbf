// Which lines an editor has drawn, and whether those that are seen now are among them.

/** Lines from first to last, both included. */
export interface Span {
  first: number;
  last: number;
}

/** What is seen, with so many lines more above and below. */
export function around(seen: readonly Span[], margin: number): Span[] {
  return seen.map(({ first, last }) => ({ first: first - margin, last: last + margin }));
}

/** Whether all that is seen is drawn, with so many lines to spare. A file of `count` lines ends there. */
export function covers(drawn: readonly Span[], seen: readonly Span[], spare: number, count: number): boolean {
  return around(seen, spare).every((span) => {
    const [first, last] = [Math.max(span.first, 0), Math.min(span.last, count - 1)];
    return drawn.some((d) => d.first <= first && d.last >= last);
  });
}

/** Of things on lines, those within the spans. */
export function within<T extends { line: number }>(things: readonly T[], spans: readonly Span[]): T[] {
  return things.filter(({ line }) => spans.some((s) => line >= s.first && line <= s.last));
}
