// Which metric lines and hotspots show.

import * as vscode from 'vscode';
import { METRICS, metricWords } from '../metric';

type Register = (name: string, run: (argument: unknown) => unknown) => void;

export function metricCommand(register: Register): void {
  const { l10n, window, workspace } = vscode;
  register('waitline.selectMetric', async () => {
    const configuration = workspace.getConfiguration('waitline');
    const now = configuration.get('metric', 'impact');
    const items = METRICS.map((metric) => {
      const { short, long } = metricWords(metric);
      return { label: short, description: metric === now ? l10n.t('now') : '', detail: long, metric };
    });
    const chosen = await window.showQuickPick(items, { title: l10n.t('What lines show') });
    if (!chosen) return;
    // Where it was set before; a person's own choice else, which is in nobody's repository.
    const { workspaceValue } = configuration.inspect('metric') ?? {};
    const { Global, Workspace } = vscode.ConfigurationTarget;
    await configuration.update('metric', chosen.metric, workspaceValue === undefined ? Global : Workspace);
  });
}
