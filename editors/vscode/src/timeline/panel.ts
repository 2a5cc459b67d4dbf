// The timeline beside the code, and as the editor of trace files. Nothing of it is kept while it is
// hidden: the page has its state in the webview's, and the server has the tiles.

import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { isGo } from '../annotations';
import { load } from '../commands/trace';
import { beginsAsTrace } from '../discovery';
import type { Reveal } from '../protocol';
import type { Session } from '../session';
import { fileName } from '../units';
import { Bridge } from './bridge';
import { notice, prepared } from './html';

export type OpenTimeline = (what: Reveal) => Promise<void>;

const VIEW = 'waitline.timeline';
/** The editors of traces: the one that is the default for its files, and the one that can be chosen. */
const EDITORS = ['waitline.trace', 'waitline.traceOption'];
/** How long the cursor rests before a timeline follows it. */
const FOLLOW_MS = 150;
/** How long one does not type before timelines ask again: it is all that they show. */
const AFTER_EDIT_MS = 600;

export class Timelines implements vscode.Disposable {
  private panel: { panel: vscode.WebviewPanel; bridge: Bridge } | undefined;
  /** All bridges, those of trace editors too. */
  private readonly bridges = new Set<Bridge>();
  private readonly subscriptions: vscode.Disposable[] = [];
  private page: Promise<string | undefined> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private edits: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly session: Session,
  ) {
    const { window, workspace } = vscode;
    this.subscriptions.push(
      window.registerWebviewPanelSerializer(VIEW, {
        deserializeWebviewPanel: async (panel, state: unknown) => this.restore(panel, state),
      }),
      ...EDITORS.map((id) =>
        window.registerCustomEditorProvider(id, this.editors(), { supportsMultipleEditorsPerDocument: true }),
      ),
      window.onDidChangeTextEditorSelection((event) => this.follow(event)),
      workspace.onDidChangeTextDocument((event) => this.edited(event)),
      session.onDidAskTimeline(({ open, what }) => {
        if (open) void this.open(what);
        else for (const bridge of this.bridges) bridge.reveal(what);
      }),
    );
  }

  /** Opens the panel, or shows the one that is open, at a moment or a line. */
  readonly open: OpenTimeline = async (what) => {
    const { panel, bridge } = this.panel ?? this.create();
    panel.reveal(panel.viewColumn, true);
    bridge.reveal(what);
  };

  private create(): { panel: vscode.WebviewPanel; bridge: Bridge } {
    const beside = vscode.workspace.getConfiguration('waitline').get('timeline.open') !== 'active';
    const viewColumn = beside ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
    const title = vscode.l10n.t('Waitline timeline');
    const panel = vscode.window.createWebviewPanel(VIEW, title, { viewColumn, preserveFocus: true }, webviewOptions());
    return this.adopt(panel);
  }

  private adopt(panel: vscode.WebviewPanel): { panel: vscode.WebviewPanel; bridge: Bridge } {
    panel.iconPath = vscode.Uri.joinPath(this.context.extensionUri, 'media', 'timeline.svg');
    panel.webview.options = webviewOptions();
    const bridge = this.host(panel);
    const own = { panel, bridge };
    this.panel = own;
    panel.onDidDispose(() => {
      if (this.panel === own) this.panel = undefined;
    });
    return own;
  }

  private host(panel: vscode.WebviewPanel): Bridge {
    const bridge = new Bridge(panel.webview, this.session);
    this.bridges.add(bridge);
    panel.onDidDispose(() => {
      this.bridges.delete(bridge);
      bridge.dispose();
    });
    void this.fill(panel.webview);
    return bridge;
  }

  private async fill(webview: vscode.Webview): Promise<void> {
    this.page ??= readFile(
      vscode.Uri.joinPath(this.context.extensionUri, 'dist', 'timeline.html').fsPath,
      'utf8',
    ).catch(() => undefined);
    const page = await this.page;
    const { l10n } = vscode;
    webview.html = page
      ? prepared(page)
      : notice(l10n.t('Timeline'), l10n.t('This build of the extension has no page for the timeline.'));
  }

  /** After a restart of the window: the page finds its place by what it kept itself. */
  private async restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    this.adopt(panel);
    const trace = (state as { trace?: unknown } | null | undefined)?.trace;
    const last = typeof trace === 'string' ? trace : this.context.workspaceState.get<string>('lastTrace');
    if (this.session.state || !last) return;
    await load(this.session, last);
  }

  private follow({ textEditor, kind }: vscode.TextEditorSelectionChangeEvent): void {
    if (this.bridges.size === 0 || kind === undefined || textEditor.document.languageId !== 'go') return;
    if (!vscode.workspace.getConfiguration('waitline').get('timeline.followCursor', true)) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const uri = textEditor.document.uri.toString();
      for (const bridge of this.bridges) bridge.reveal({ uri, line: textEditor.selection.active.line, follow: true });
    }, FOLLOW_MS);
  }

  /** Only what moves lines: figures and names are the trace's. */
  private edited({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (this.bridges.size === 0 || !isGo(document)) return;
    if (!contentChanges.some(({ range, text }) => !range.isSingleLine || text.includes('\n'))) return;
    clearTimeout(this.edits);
    this.edits = setTimeout(() => {
      for (const bridge of this.bridges) bridge.edited();
    }, AFTER_EDIT_MS);
  }

  private editors(): vscode.CustomReadonlyEditorProvider {
    const { l10n } = vscode;
    return {
      // Only the path: the file stays where it is, however large.
      openCustomDocument: (uri) => ({ uri, dispose: () => {} }),
      resolveCustomEditor: async ({ uri }, panel) => {
        panel.webview.options = webviewOptions();
        const name = fileName(uri.path);
        if (uri.scheme !== 'file') {
          panel.webview.html = notice(name, l10n.t('Only traces on the machine of the server can be shown.'));
          return;
        }
        const is = await beginsAsTrace(uri.fsPath).catch(() => false);
        if (!is) {
          const how = l10n.t('{0} is not a Go execution trace. A test records one: go test -trace trace.out', name);
          panel.webview.html = notice(name, how);
          return;
        }
        const shown = this.session.state && vscode.Uri.file(this.session.state.trace).fsPath;
        if (shown !== uri.fsPath && !(await load(this.session, uri.fsPath))) {
          panel.webview.html = notice(name, l10n.t('{0} could not be read. The log says why.', name));
          return;
        }
        this.host(panel);
      },
    };
  }

  dispose(): void {
    clearTimeout(this.timer);
    clearTimeout(this.edits);
    for (const part of [...this.subscriptions, ...this.bridges]) part.dispose();
    this.panel?.panel.dispose();
  }
}

function webviewOptions(): vscode.WebviewOptions {
  // No folder may be read: the page is one file.
  return { enableScripts: true, localResourceRoots: [], enableCommandUris: false, enableForms: false };
}
