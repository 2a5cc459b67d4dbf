// Which test the cursor is in.

/** The test, benchmark or fuzz test of which a line (from 0) is part, if it is part of one. */
export function testAt(text: string, line: number): { name: string; kind: 'test' | 'benchmark' } | undefined {
  const lines = text.split('\n');
  for (let at = Math.min(line, lines.length - 1); at >= 0; at -= 1) {
    const here = lines[at] ?? '';
    const found = /^func (Test|Benchmark|Fuzz|Example)([^\s(\p{Ll}][\p{L}\p{N}_]*)?\(/u.exec(here);
    if (found) return { name: `${found[1]}${found[2] ?? ''}`, kind: found[1] === 'Benchmark' ? 'benchmark' : 'test' };
    // Above another top-level declaration, or below the end of one.
    if (at < line && /^(func|type|var|const|\})/.test(here)) return undefined;
  }
  return undefined;
}

/** The arguments that run one test and write its trace. */
export function goTestArguments(
  test: { name: string; kind: 'test' | 'benchmark' },
  trace: string,
  binary: string,
): string[] {
  const run = test.kind === 'benchmark' ? ['-run', '^$', '-bench', `^${test.name}$`] : ['-run', `^${test.name}$`];
  // With a profile, go test keeps the binary in the package's folder, unless told where else.
  return ['test', '-count=1', ...run, '-trace', trace, '-o', binary, '.'];
}
