// A piece of a source with what its lines cost, as the host answers it.
import { grouped } from './format.ts';
import { field, isFields, list, num, numOrNull, text } from './read.ts';

export interface Cost {
  /** From 0. */
  readonly line: number;
  readonly text: string;
  /** How much others wait for the line. */
  readonly others?: string | null;
  readonly style: 'costly' | 'through' | 'idle' | 'plain';
  /** 0 to 4. */
  readonly heat: number;
}

export interface Excerpt {
  readonly analysis: number;
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
/** The host cuts lines behind so many characters. */
const CUT = 400;
/** So many lines it shows before the one that is asked for, and as many behind it. */
export const AROUND = 200;

export function excerpt(x: unknown): Excerpt | null {
  if (!isFields(x)) return null;
  return {
    analysis: num(field(x, 'analysis')),
    path: text(field(x, 'path'), 4096),
    first: Math.max(0, Math.floor(num(field(x, 'first')))),
    of: Math.max(0, Math.floor(num(field(x, 'of')))),
    lines: list(field(x, 'lines'), codeLine),
  };
}

/** False where both say of which analysis they are, and it is not the same. */
export function ofOneAnalysis(a: unknown, b: unknown): boolean {
  const [of, other] = [numOrNull(field(a, 'analysis')), numOrNull(field(b, 'analysis'))];
  return of === null || other === null || of === other;
}

/** Which lines of the file are shown, in words; empty where all are. */
export function extent(x: Excerpt): string {
  if (x.first === 0 && x.lines.length >= x.of) return '';
  return `lines ${grouped(x.first + 1)}–${grouped(x.first + x.lines.length)} of ${grouped(x.of)}`;
}

/** One that is as long as a line that was cut may have been: that it ends there is not told. */
function codeLine(x: unknown): string {
  const own = typeof x === 'string' ? x.slice(0, LONGEST) : '';
  const shown = text(spread(own).slice(0, LONGEST), LONGEST);
  return [...own].length >= CUT ? `${shown}…` : shown;
}

/** Tabs as spaces. */
function spread(x: string): string {
  let out = '';
  for (const piece of x.split(/(?<=\t)/))
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
