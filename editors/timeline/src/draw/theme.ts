// The colours that the canvases draw with, read from the style sheet: one list of tokens for both.
import { CLASS, type Class, N_CLASSES, TOKENS } from '../model/classes.ts';

export interface Theme {
  readonly bg: string;
  readonly raised: string;
  readonly text: string;
  readonly strong: string;
  readonly dim: string;
  readonly link: string;
  readonly focus: string;
  readonly selected: string;
  readonly rule: string;
  readonly border: string;
  readonly task: string;
  readonly finding: string;
  readonly stw: string;
  readonly onStw: string;
  readonly onRunning: string;
  readonly gc: string;
  readonly band: number;
  readonly density: number;
  readonly contrast: boolean;
  readonly font: string;
  readonly mono: string;
  /** By class. */
  readonly colour: readonly string[];
}

export type ThemeName = 'dark' | 'light' | 'contrast';

/** Which theme holds: VS Code says so by a class of the body, a browser by what the person prefers. */
export function themeName(bodyClasses: DOMTokenList, prefers: (query: string) => boolean): ThemeName {
  if (bodyClasses.contains('vscode-high-contrast-light')) return 'light';
  if (bodyClasses.contains('vscode-high-contrast')) return 'contrast';
  if (bodyClasses.contains('vscode-light')) return 'light';
  if (bodyClasses.contains('vscode-dark')) return 'dark';
  const light = prefers('(prefers-color-scheme: light)');
  if (prefers('(forced-colors: active)') || prefers('(prefers-contrast: more)')) return light ? 'light' : 'contrast';
  return light ? 'light' : 'dark';
}

export function readTheme(root: Element): Theme {
  const style = getComputedStyle(root);
  const get = (name: string) => style.getPropertyValue(`--wl-${name}`).trim();
  const colour: string[] = [];
  for (let c = 0; c < N_CLASSES; c++) colour.push(get(TOKENS[c as Class]));
  // Wakes are instants of the network's colour: what they are is said by their row.
  colour[CLASS.instant] = get('network');
  return {
    bg: get('bg'),
    raised: get('raised'),
    text: get('text'),
    strong: get('strong'),
    dim: get('dim'),
    link: get('link'),
    focus: get('focus'),
    selected: get('selected'),
    rule: get('rule'),
    border: get('border'),
    task: get('task'),
    finding: get('finding'),
    stw: get('stw'),
    onStw: get('on-stw'),
    onRunning: get('on-running'),
    gc: get('gc'),
    band: Number(get('band')) || 0.09,
    density: Number(get('density')) || 0.7,
    contrast: root.getAttribute('data-theme') === 'contrast',
    font: get('font'),
    mono: get('mono'),
    colour,
  };
}
