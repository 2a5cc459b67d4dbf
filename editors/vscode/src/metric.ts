// What lines can be coloured by, as the server names it (docs/settings.md).

import * as vscode from 'vscode';

export const METRICS = ['impact', 'block', 'sched', 'gcAssist', 'syscall'] as const;
export type Metric = (typeof METRICS)[number];

/** What a metric counts: in a few words, and in a sentence. Servers that name none count what is costly. */
export function metricWords(metric: Metric = 'impact'): { short: string; long: string } {
  const { l10n } = vscode;
  switch (metric) {
    case 'impact':
      return { short: l10n.t('costly'), long: l10n.t('costly waiting and system calls, and help for the collector') };
    case 'block':
      return { short: l10n.t('waiting'), long: l10n.t('all waiting, also what goes through to other work') };
    case 'sched':
      return { short: l10n.t('waiting to run'), long: l10n.t('time that goroutines could run and had no P') };
    case 'gcAssist':
      return {
        short: l10n.t('help for the collector'),
        long: l10n.t('help for the collector, on the line that allocates'),
      };
    case 'syscall':
      return { short: l10n.t('system calls'), long: l10n.t('system calls and C code') };
  }
}
