// A piece of a source with what its lines cost, as the host answers it.
import { field, isFields, lines, list, num, text } from './read.ts';

export interface Cost {
  /** From 0. */
  readonly line: number;
  readonly text: string;
  readonly style: 'costly' | 'through' | 'idle' | 'plain';
  /** 0 to 4. */
  readonly heat: number;
}

export interface Excerpt {
  readonly path: string;
  /** The number of the first of the lines, from 0. */
  readonly first: number;
  /** How many lines the file has. */
  readonly of: number;
  readonly lines: readonly string[];
}

/** A tab reaches to the next multiple of so many columns. */
const TAB = 4;
const LONGEST = 2000;

export function excerpt(x: unknown): Excerpt | null {
  if (!isFields(x)) return null;
  return {
    path: text(field(x, 'path'), 4096),
    first: Math.max(0, Math.floor(num(field(x, 'first')))),
    of: num(field(x, 'of')),
    lines: list(field(x, 'lines'), (line) => lines(spread(line), LONGEST)),
  };
}

/** Tabs as spaces. */
function spread(x: unknown): string {
  let out = '';
  for (const piece of typeof x === 'string' ? x.slice(0, LONGEST).split(/(?<=\t)/) : [])
    out += piece.endsWith('\t')
      ? piece.slice(0, -1) + ' '.repeat(TAB - ((out.length + piece.length - 1) % TAB))
      : piece;
  return out;
}

/** What stands at the ends of lines, by line. */
export function costs(x: unknown): ReadonlyMap<number, Cost> {
  const found = list(field(x, 'lines'), (of) => {
    const style = field(of, 'style');
    const cost: Cost = {
      line: num(field(of, 'line'), -1),
      text: text(field(of, 'text')),
      style: style === 'costly' || style === 'through' || style === 'idle' ? style : 'plain',
      heat: Math.min(Math.max(Math.floor(num(field(of, 'heat'))), 0), 4),
    };
    return cost;
  });
  return new Map(found.map((cost) => [cost.line, cost]));
}
