// The server: why there is none, its log, a new start.

import * as vscode from 'vscode';
import type { NoServer } from '../server';
import type { Session } from '../session';

type Register = (name: string, run: (argument: unknown) => unknown) => void;

export function serverCommands(register: Register, session: Session, wanted: string): void {
  const { l10n, window, commands } = vscode;
  register('waitline.showLog', () => session.log.show());
  register('waitline.restartServer', () =>
    session.restart().catch(() => commands.executeCommand('waitline.explainServer')),
  );
  register('waitline.openWalkthrough', () =>
    commands.executeCommand('workbench.action.openWalkthrough', 'waitline.waitline#start', false),
  );
  register('waitline.explainServer', async () => {
    const { problem } = session;
    if (!problem) return;
    const setting = l10n.t('Choose the Program');
    const again = l10n.t('Try Again');
    const log = l10n.t('Show Log');
    const chosen = await window.showErrorMessage(explain(problem, wanted), setting, again, log);
    if (chosen === setting) await commands.executeCommand('workbench.action.openSettings', 'waitline.server.path');
    else if (chosen === again) await commands.executeCommand('waitline.restartServer');
    else if (chosen === log) session.log.show();
  });
}

/** What is wrong, and what to do about it. */
export function explain({ why, path, detail }: NoServer, wanted: string): string {
  const { l10n } = vscode;
  switch (why) {
    case 'missing':
      return l10n.t(
        'The program waitline was not found. Install waitline {0} so that it is on PATH, or name it in waitline.server.path.',
        wanted,
      );
    case 'setting':
      return l10n.t(
        'waitline.server.path names {0}, but {1}. Correct the setting, or empty it to use the one on PATH.',
        path,
        detail,
      );
    case 'other-version':
      return l10n.t(
        '{0} is waitline {1}, which does not go with this extension. Install waitline {2}, or name another one in waitline.server.path.',
        path,
        detail,
        wanted,
      );
    case 'broken':
      return l10n.t('{0} does not work: {1}', path, detail);
  }
}
