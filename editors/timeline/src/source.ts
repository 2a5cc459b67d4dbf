// The source of the trace where no editor shows it: one file, around one line.
import type { App } from './app.ts';
import { type Cost, costs, type Excerpt, excerpt } from './model/source.ts';

export interface Shown extends Excerpt {
  readonly uri: string;
  /** The one that was asked for, from 0. */
  readonly line: number;
  readonly costs: ReadonlyMap<number, Cost>;
}

export class Source {
  shown: Shown | null = null;
  private readonly app: App;
  /** Counts what was asked: of two answers the later question's counts. */
  private asked = 0;

  constructor(app: App) {
    this.app = app;
  }

  /** `instead`: what is said if there is nothing to show. */
  async show(uri: string, line: number, instead = ''): Promise<void> {
    const { app } = this;
    const mine = ++this.asked;
    try {
      const [text, figures] = await Promise.all([
        app.host.request('waitline/source', { uri, line }),
        app.host.request('waitline/lineCosts', { uri }),
      ]);
      if (mine !== this.asked) return;
      const found = excerpt(text);
      if (found === null) app.say(instead);
      else this.shown = { ...found, uri, line, costs: costs(figures) };
    } catch (e) {
      if (mine === this.asked) app.say(e instanceof Error ? e.message : String(e));
    }
    app.dirty('elements');
  }

  /** The figures, or the text, are others now. */
  async refresh(): Promise<void> {
    if (this.shown !== null) await this.show(this.shown.uri, this.shown.line);
  }

  close(): void {
    this.asked++;
    this.shown = null;
    this.app.dirty('elements');
  }
}
