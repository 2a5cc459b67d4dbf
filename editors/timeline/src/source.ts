// The source of the trace where no editor shows it: one file, around one line.
import type { App } from './app.ts';
import { AROUND, type Cost, costs, type Excerpt, excerpt, ofOneAnalysis } from './model/source.ts';

export interface Shown extends Excerpt {
  readonly uri: string;
  /** The one that was asked for, from 0. */
  readonly line: number;
  /** Counts askings: who asks again for the same line is led back to it, and new figures lead nobody. */
  readonly asking: number;
  readonly costs: ReadonlyMap<number, Cost>;
}

interface Wanted {
  readonly uri: string;
  readonly line: number;
  readonly asking: number;
  /** For people, where there is nothing to show. */
  readonly place: string;
}

export class Source {
  shown: Shown | null = null;
  private readonly app: App;
  /** What is shown, or will be: null where nothing is to be. */
  private wanted: Wanted | null = null;
  private askings = 0;
  /** Counts what was sent: of two answers the later question's counts. */
  private sent = 0;

  constructor(app: App) {
    this.app = app;
  }

  /** Open, or about to be. */
  get open(): boolean {
    return this.wanted !== null;
  }

  /** `place`: what a person knows it by. */
  async show(uri: string, line: number, place = ''): Promise<void> {
    const { app, shown } = this;
    const asking = ++this.askings;
    this.wanted = { uri, line, asking, place };
    if (
      shown !== null &&
      shown.uri === uri &&
      shown.analysis === app.state?.analysis &&
      line >= shown.first &&
      line < shown.first + shown.lines.length
    ) {
      // Whatever is still under way was asked for before.
      this.sent++;
      this.shown = { ...shown, line, asking };
      app.dirty('elements');
    } else await this.fetch(this.wanted);
  }

  /** The figures, or the text, are others now. */
  async refresh(): Promise<void> {
    if (this.wanted !== null) await this.fetch(this.wanted);
  }

  close(): void {
    this.sent++;
    this.wanted = null;
    this.shown = null;
    this.app.dirty('elements');
  }

  private async fetch({ uri, line, asking, place }: Wanted): Promise<void> {
    const { app } = this;
    const mine = ++this.sent;
    const range = { start: { line: Math.max(line - AROUND, 0) }, end: { line: line + AROUND } };
    const ask = () =>
      Promise.all([
        app.host.request('waitline/source', { uri, line }),
        app.host.request('waitline/lineCosts', { uri, range }),
      ]);
    try {
      let [text, figures] = await ask();
      if (mine !== this.sent) return;
      // A range or a reload came between the two.
      if (!ofOneAnalysis(text, figures)) [text, figures] = await ask();
      if (mine !== this.sent) return;
      const found = excerpt(text);
      if (found !== null) this.shown = { ...found, uri, line, asking, costs: costs(figures) };
      else this.fail(`There is no source of ${place || 'this line'}.`);
    } catch (e) {
      if (mine === this.sent) this.fail((e instanceof Error ? e.message : '') || 'The source could not be read.');
    }
    app.dirty('elements');
  }

  /** The text of before would stand for what was asked for now. */
  private fail(why: string): void {
    this.close();
    this.app.say(why);
  }
}
