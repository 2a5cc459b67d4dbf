// Where somebody is in the page, as something to be copied: `view=profiles&r0=16332000&r1=18266000&group=go:17`.
//
// The same names stand in the fragment of the page's address, behind `--at` of `waitline timeline`, and in the argument of
// the command `waitline.timeline`. All of it comes from outside again: it is taken only where it is what it should be.
import { FILTER_KINDS, type Filter, type FilterKind, filterOfLink } from './filter.ts';
import { harmless } from './format.ts';
import { field, type Json } from './read.ts';
import type { Ns } from './units.ts';

export const TABS = ['timeline', 'goroutines', 'profiles', 'tasks', 'mmu', 'findings'] as const;
export type Tab = (typeof TABS)[number];

/** What the tabs keep, each a short word: which profile, which flags. What is not here is as it is at first. */
export const OPTIONS = [
  'profile',
  'open',
  'flags',
  'window',
  'per',
  'quantiles',
  'function',
  'finding',
  'kind',
  'name',
  'place',
  'lengths',
  'idle',
] as const;
export type Option = (typeof OPTIONS)[number];

export interface Link {
  /** The trace's name, so that a link of another one is not taken for one of this. */
  trace?: string;
  view?: Tab;
  /** What is in view, to the pixel. */
  v0?: Ns;
  v1?: Ns;
  /** Something to go to, with room around it; and whose moment it is. */
  t0?: Ns;
  t1?: Ns;
  g?: number;
  /** What is selected: a lane, and a moment on it. */
  lane?: string;
  t?: Ns;
  /** A line whose instances are shown. */
  uri?: string;
  line?: number;
  /** The range that figures count. */
  r0?: Ns;
  r1?: Ns;
  filters?: readonly Filter[];
  options?: ReadonlyMap<Option, string>;
}

const NUMBERS = ['v0', 'v1', 't0', 't1', 'g', 't', 'line', 'r0', 'r1'] as const;

/** The name of a filter in a link: `g` is taken, by the goroutine to go to. */
const FILTER_KEY: { readonly [kind in FilterKind]: string } = {
  group: 'group',
  func: 'func',
  g: 'only',
  task: 'task',
  tasks: 'tasks',
  region: 'region',
};

/** What belongs to the one of them that says how long something took. */
const BOUNDS = ['min', 'max', 'site'] as const;

export const LINK_KEYS: readonly string[] = [
  'trace',
  'view',
  'v0',
  'v1',
  't0',
  't1',
  'lane',
  't',
  'g',
  'uri',
  'line',
  'r0',
  'r1',
  ...Object.values(FILTER_KEY),
  ...BOUNDS,
  ...OPTIONS,
];

/** As plain fields: the argument of `waitline.timeline`. */
export function linkFields(l: Link): { [key: string]: Json } {
  const out: { [key: string]: Json } = {};
  const set = (key: string, value: Json | undefined) => {
    if (value !== undefined) out[key] = typeof value === 'number' ? Math.round(value) : value;
  };
  set('trace', l.trace);
  set('view', l.view);
  for (const key of NUMBERS) set(key, l[key]);
  set('lane', l.lane);
  set('uri', l.uri);
  for (const f of l.filters ?? []) {
    set(FILTER_KEY[f.kind], f.id);
    for (const key of BOUNDS) set(key, f[key]);
  }
  for (const [key, value] of l.options ?? []) set(key, value);
  return out;
}

/** As the fragment of an address, without `#`. What people read in it stays readable. */
export function linkText(l: Link): string {
  return Object.entries(linkFields(l))
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value)).replaceAll('%3A', ':').replaceAll('%2F', '/')}`)
    .join('&');
}

/** A link out of fields from outside, whose numbers may be texts. */
export function readLink(x: unknown): Link {
  const out: Link = {};
  const n = (key: string): number | undefined => {
    const v = field(x, key);
    const value = typeof v === 'string' && /^\d{1,16}(\.\d{1,9})?$/.test(v) ? Number(v) : v;
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
  };
  const s = (key: string): string | undefined => {
    const v = field(x, key);
    return typeof v === 'number' ? String(v) : typeof v === 'string' && v !== '' && v.length <= 4096 ? v : undefined;
  };
  for (const key of NUMBERS) {
    const value = n(key);
    if (value !== undefined) out[key] = value;
  }
  const trace = s('trace');
  if (trace !== undefined) out.trace = harmless(trace);
  const view = s('view');
  if (isTab(view)) out.view = view;
  const lane = s('lane');
  if (lane !== undefined && /^[a-z]+(:[\w.:,-]{1,4000})?$/.test(lane)) out.lane = lane;
  const uri = s('uri');
  if (uri !== undefined) out.uri = uri;
  const filters = FILTER_KINDS.flatMap((kind) => {
    const value = s(FILTER_KEY[kind]);
    return value === undefined ? [] : (filterOfLink(kind, value) ?? []);
  });
  const spans = filters.findIndex((f) => f.kind === 'region' || f.kind === 'tasks');
  const of = filters[spans];
  if (of !== undefined) {
    const bounds = BOUNDS.flatMap((key) => (n(key) === undefined ? [] : [[key, Math.round(n(key) ?? 0)]]));
    filters[spans] = { ...of, ...Object.fromEntries(bounds) };
  }
  if (filters.length > 0) out.filters = filters;
  const options = new Map<Option, string>();
  for (const key of OPTIONS) {
    const value = s(key);
    if (value !== undefined && value.length <= 512) options.set(key, value);
  }
  if (options.size > 0) out.options = options;
  return out;
}

export function isTab(x: unknown): x is Tab {
  return TABS.includes(x as Tab);
}

/** The fields of a fragment (`#a=b&c=d`) that are of a link. */
export function fragmentFields(hash: string): Record<string, string> {
  const out: Record<string, string> = Object.create(null);
  for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ''))) if (LINK_KEYS.includes(key)) out[key] = value;
  return out;
}
