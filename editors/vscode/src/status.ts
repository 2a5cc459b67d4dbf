// The language status item: what is shown, in one line, and what to do when nothing is.

import * as vscode from 'vscode';
import type { Discovery } from './discovery';
import type { Drift } from './drift';
import type { Session } from './session';
import { duration, fileName } from './units';

export class Status implements vscode.Disposable {
  private readonly item = vscode.languages.createLanguageStatusItem('waitline', { language: 'go', scheme: 'file' });
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly session: Session,
    private readonly discovery: Discovery,
    private readonly drift: Drift,
  ) {
    this.item.name = 'Waitline';
    const parts = [session, discovery, drift];
    this.subscriptions = parts.map((part) => part.onDidChange(() => this.update()));
    this.update();
  }

  private update(): void {
    const { item, session } = this;
    const { l10n } = vscode;
    item.busy = session.activity === 'loading' || session.activity === 'starting';
    item.severity = vscode.LanguageStatusSeverity.Information;
    item.detail = undefined;
    const { state } = session;
    if (session.problem) {
      item.severity = vscode.LanguageStatusSeverity.Error;
      item.text = l10n.t('Waitline: no server');
      item.command = { title: l10n.t('What to do'), command: 'waitline.explainServer' };
    } else if (session.activity === 'loading') {
      item.text = l10n.t('Waitline: {0}', session.loading ?? '');
      item.detail = l10n.t('is being read');
      item.command = { title: l10n.t('Cancel'), command: 'waitline.unloadTrace' };
    } else if (state) {
      const range = state.range
        ? `◔ ${duration(state.range.t0)}–${duration(state.range.t1)}`
        : duration(state.duration);
      const findings = state.findings === 1 ? l10n.t('1 finding') : l10n.t('{0} findings', state.findings);
      const { stale } = this.drift;
      const old = stale > 0 ? l10n.t('{0} stale', stale) : '';
      item.text = `Waitline: ${[fileName(state.trace), range, findings, old].filter(Boolean).join(' · ')}`;
      if (stale > 0) {
        item.severity = vscode.LanguageStatusSeverity.Warning;
        item.detail = l10n.t('lines have changed since the trace was recorded');
      }
      if (state.partial) {
        item.severity = vscode.LanguageStatusSeverity.Warning;
        item.detail = state.partial;
      }
      item.command = { title: l10n.t('Traces'), command: 'waitline.traces.focus' };
    } else {
      const newest = this.discovery.found[0];
      item.text = newest ? l10n.t('Waitline: no trace loaded') : l10n.t('Waitline: no trace');
      item.command = newest
        ? { title: l10n.t('Load {0}', fileName(newest.uri.path)), command: 'waitline.loadLatest' }
        : { title: l10n.t('Load Trace…'), command: 'waitline.loadTrace' };
    }
  }

  dispose(): void {
    for (const part of [...this.subscriptions, this.item]) part.dispose();
  }
}
