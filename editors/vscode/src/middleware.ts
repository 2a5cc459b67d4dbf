// What passes between VS Code and the server that the extension has a say in: hovers get links,
// lenses and hovers can be turned off.

import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import { isCode, LINKED, type Site } from './protocol';

/** Asks for the evidence of a line. */
export type AskSite = (uri: string, line: number, token: vscode.CancellationToken) => Promise<Site | null>;

const enabled = (key: string) => vscode.workspace.getConfiguration('waitline').get(key, true);

export function middleware(
  askSite: AskSite,
  advance: (percentage: number) => void,
  pageOf: (code: string) => vscode.Uri,
): Middleware {
  return {
    handleWorkDoneProgress(token, params, next) {
      if (String(token).startsWith('waitline-load-') && params.kind !== 'end') advance(params.percentage ?? 0);
      next(token, params);
    },
    handleDiagnostics(uri, diagnostics, next) {
      for (const diagnostic of diagnostics) linkPage(diagnostic, pageOf);
      next(uri, diagnostics);
    },
    provideCodeLenses: (document, token, next) => (enabled('codeLens.enable') ? next(document, token) : []),
    async provideHover(document, position, token, next) {
      if (!enabled('hover.enable') && !asked(document, position)) return undefined;
      const uri = document.uri.toString();
      const line = position.line;
      // Side by side: a hover is there at once or not at all.
      const [hover, site] = await Promise.all([
        next(document, position, token),
        askSite(uri, line, token).catch(() => null),
      ]);
      if (!hover || !site) return hover;
      const [first, ...rest] = paragraphs(withoutFinding(hover.contents, document.uri, line));
      // After what was waited for, and before who did it: further down one would have to scroll.
      return new vscode.Hover([...(first ? [first] : []), links(uri, line, site), ...rest], hover.range);
    },
  };
}

/**
 * The code of a finding leads to its page. The pages came with the extension, and no address of the
 * network is needed. A command would not do: the hover of a problem opens documents only.
 */
function linkPage(diagnostic: vscode.Diagnostic, pageOf: (code: string) => vscode.Uri): void {
  const { code, source } = diagnostic;
  const { page } = ((diagnostic as { data?: unknown }).data ?? {}) as { page?: unknown };
  if (source !== 'waitline' || !isCode(code) || typeof page !== 'string') return;
  diagnostic.code = { value: code, target: pageOf(code) };
}

/** A finding is shown as a problem in the same hover: once is enough. */
function withoutFinding(contents: vscode.Hover['contents'], uri: vscode.Uri, line: number): vscode.Hover['contents'] {
  const found = vscode.languages
    .getDiagnostics(uri)
    .filter((d) => d.source === 'waitline' && d.range.start.line === line)
    .map((d) => `**${String(typeof d.code === 'object' ? d.code.value : d.code)}**:`);
  return contents.map((content) => {
    if (!(content instanceof vscode.MarkdownString) || !found.some((start) => content.value.startsWith(start))) {
      return content;
    }
    const rest = content.value.indexOf('\n\n');
    return rest < 0 ? content : new vscode.MarkdownString(content.value.slice(rest + 2));
  });
}

/** The first paragraph of a hover apart from the others. */
function paragraphs(contents: vscode.Hover['contents']): vscode.Hover['contents'] {
  const [first, ...others] = contents;
  if (!(first instanceof vscode.MarkdownString)) return contents;
  const end = first.value.indexOf('\n\n');
  if (end < 0) return contents;
  const part = (text: string) => new vscode.MarkdownString(text);
  return [part(first.value.slice(0, end)), part(first.value.slice(end + 2)), ...others];
}

let wanted: { uri: string; line: number } | undefined;

/** Evidence for this line was asked for: its hover is shown even where hovers are turned off. */
export function wantHover(uri: string, line: number): void {
  wanted = { uri, line };
}

function asked(document: vscode.TextDocument, position: vscode.Position): boolean {
  const is = wanted?.uri === document.uri.toString() && wanted.line === position.line;
  wanted = undefined;
  return is;
}

/** The commands of a line, as links. They hold the place and nothing else, and check it again. */
function links(uri: string, line: number, site: Site): vscode.MarkdownString {
  const { l10n } = vscode;
  const waits = site.parts.some((p) => p.longest);
  const idle = site.parts[0]?.verdict === 'idle';
  const all: [string, string, boolean][] = [
    [l10n.t('Longest wait'), 'waitline.goToWorst', waits],
    [l10n.t('Wakers'), 'waitline.goToWaker', site.wakers.some((w) => w.uri)],
    [l10n.t('Stacks'), 'waitline.peekStacks', true],
    [l10n.t('Reveal in timeline'), 'waitline.revealInTimeline', waits],
    [l10n.t('Treat as idle'), 'waitline.treatAsIdle', waits && !idle],
    [l10n.t('Treat as work'), 'waitline.treatAsWork', waits && idle],
    [l10n.t('Copy evidence'), 'waitline.copyEvidence', true],
  ];
  const argument = encodeURIComponent(JSON.stringify([{ uri, line }]));
  const text = all.filter(([, , show]) => show).map(([title, command]) => `[${title}](command:${command}?${argument})`);
  const markdown = new vscode.MarkdownString(text.join(' · '));
  markdown.isTrusted = { enabledCommands: LINKED };
  markdown.supportHtml = false;
  return markdown;
}
