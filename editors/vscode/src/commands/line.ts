// What one asks about a line: the evidence, who ended the waits, the longest, the stacks.

import * as vscode from 'vscode';
import type { Annotations } from '../annotations';
import { evidence } from '../evidence';
import { wantHover } from '../middleware';
import { inWorkspace, openLine, placeName, placeOr, tell } from '../places';
import {
  type Hotspot,
  type LinePlace,
  linePlace,
  type Origin,
  type Requests,
  revealOf,
  type Stack,
  silenceRequest,
  verdictRequest,
} from '../protocol';
import type { Session } from '../session';
import type { OpenTimeline } from '../timeline/panel';
import { count, duration, fileName } from '../units';

type Register = (name: string, run: (argument: unknown) => unknown) => void;

export function lineCommands(
  register: Register,
  session: Session,
  lines: Annotations,
  openTimeline: OpenTimeline,
): void {
  const { l10n } = vscode;
  const nothing = () => tell(l10n.t('Nothing waited on this line.'));
  const onLine = (name: string, run: (place: LinePlace) => Promise<unknown>) =>
    register(name, async (argument) => {
      const place = placeOr(argument);
      if (!place || !session.state) return tell(l10n.t('Put the cursor on a line of Go code with a figure.'));
      return run(place);
    });

  // Lenses lead here: their line may be anywhere in the file.
  const showEvidence = async (place: LinePlace) => {
    const editor = await openLine(place);
    const shown = await session.request('waitline/site', place);
    if (!shown) return nothing();
    // A hover that was there already is drawn anew with the new place.
    editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    wantHover(place.uri, place.line);
    return vscode.commands.executeCommand('editor.action.showHover', { focus: 'noAutoFocus' });
  };
  onLine('waitline.showEvidence', showEvidence);
  register('waitline.evidence', (argument) => {
    const place = linePlace(argument);
    return place && showEvidence(place);
  });
  const go = (argument: unknown) => {
    const place = linePlace(argument);
    return place && openLine(place);
  };
  register('waitline.go', go);
  register('waitline.openLine', go);

  onLine('waitline.goToWaker', async (place) => {
    const wakers = (await session.request('waitline/wakers', place))?.wakers ?? [];
    const known = wakers.filter((w) => inWorkspace(w));
    if (wakers.length === 0) return nothing();
    const [first] = known;
    if (!first)
      return tell(l10n.t('Woken by the runtime or outside the workspace: {0}', outside(wakers.map(placeName))));
    const at = known.length === 1 ? first : await pickWaker(known);
    const there = at && inWorkspace(at);
    return there && openLine(there);
  });

  onLine('waitline.goToWorst', async (place) => {
    const worst = await session.request('waitline/instance', { ...place, rank: 0 });
    if (!worst) return nothing();
    await openTimeline({ ...place, g: worst.g, t0: worst.start, t1: worst.start + worst.ns });
    return tell(l10n.t('Goroutine {0} waited {1}, the longest of {2}', worst.g, duration(worst.ns), count(worst.of)));
  });
  register('waitline.hotspotWorst', (node) => {
    const row = (node as { row?: Hotspot } | undefined)?.row;
    return row && vscode.commands.executeCommand('waitline.goToWorst', { uri: row.uri, line: row.line });
  });

  onLine('waitline.revealInTimeline', (place) => openTimeline(place));
  register('waitline.openTimeline', () => openTimeline({}));
  register('waitline.timeline', (argument) => openTimeline(revealOf(argument)));

  onLine('waitline.peekStacks', async (place) => {
    const stacks = (await session.request('waitline/stacks', place))?.stacks ?? [];
    return stacks.length === 0 ? nothing() : pickFrame(stacks, place);
  });

  // What was marked is the server's to say: it knows which lines a word holds for.
  const say = async (request: Requests['waitline/setVerdict'][0]) => {
    const said = await session.setVerdict(request);
    tell(said ?? l10n.t('Kept in .waitline.toml.'));
  };
  onLine('waitline.treatAsIdle', (place) => say({ ...place, verdict: 'idle' }));
  onLine('waitline.treatAsWork', (place) => say({ ...place, verdict: 'costly' }));
  onLine('waitline.takeWordBack', (place) => say({ ...place, verdict: null }));
  register('waitline.setVerdict', (argument) => {
    const request = verdictRequest(argument);
    return request && say(request);
  });
  register('waitline.silence', (argument) => {
    const request = silenceRequest(argument);
    return request && session.silence(request);
  });

  onLine('waitline.copyEvidence', async (place) => {
    const [site, stacks, worst] = await Promise.all([
      session.request('waitline/site', place),
      session.request('waitline/stacks', place),
      session.request('waitline/instance', { ...place, rank: 0 }).catch(() => null),
    ]);
    if (!site || !session.state) return nothing();
    const where = `${vscode.workspace.asRelativePath(vscode.Uri.parse(place.uri), false)}:${place.line + 1}`;
    await vscode.env.clipboard.writeText(evidence(where, session.state, site, stacks?.stacks ?? [], worst));
    return tell(l10n.t('Evidence copied.'));
  });

  const jump = (step: 1 | -1) => async () => {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.languageId !== 'go') return;
    const hot = (await lines.of(editor.document)).filter((l) => l.heat > 0).map((l) => l.line);
    const here = editor.selection.active.line;
    const next = step > 0 ? (hot.find((l) => l > here) ?? hot[0]) : (hot.findLast((l) => l < here) ?? hot.at(-1));
    if (next === undefined) return tell(l10n.t('No costly line in {0}.', fileName(editor.document.uri.path)));
    await openLine(
      { uri: editor.document.uri.toString(), line: next },
      { viewColumn: editor.viewColumn ?? vscode.ViewColumn.Active },
    );
  };
  register('waitline.nextHotLine', jump(1));
  register('waitline.previousHotLine', jump(-1));
}

function outside(names: string[]): string {
  return names.find(Boolean) ?? vscode.l10n.t('network, timer or collector');
}

async function pickWaker(wakers: Origin[]): Promise<Origin | undefined> {
  const items = wakers.map((waker) => ({
    label: placeName(waker),
    description: vscode.l10n.t('{0}× · {1} of waiting', count(waker.n), duration(waker.ns)),
    waker,
  }));
  const title = vscode.l10n.t('Who ended the waits of this line');
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.waker;
}

/** The stacks of a line, the dearest first, each frame shown as one moves over it. */
async function pickFrame(stacks: Stack[], back: LinePlace): Promise<void> {
  type Item = vscode.QuickPickItem & { at?: LinePlace };
  const items = stacks.slice(0, 50).flatMap((stack, i): Item[] => [
    {
      label: `${i + 1}. ${stack.kind} ${duration(stack.ns)} · ${count(stack.n)}×`,
      kind: vscode.QuickPickItemKind.Separator,
    },
    ...stack.frames.map((frame): Item => {
      const at = inWorkspace(frame);
      return {
        label: placeName(frame),
        description: at ? '' : vscode.l10n.t('outside the workspace'),
        ...(at && { at }),
      };
    }),
  ]);
  const pick = vscode.window.createQuickPick<Item>();
  pick.title = vscode.l10n.t('Stacks that waited on this line, the innermost frame first');
  pick.items = items;
  const preview = { preview: true, preserveFocus: true };
  let chosen = false;
  let moved = false;
  pick.onDidChangeActive(([item]) => {
    if (!item?.at) return;
    moved = true;
    void openLine(item.at, preview);
  });
  pick.onDidAccept(() => {
    chosen = true;
    const at = pick.activeItems[0]?.at;
    pick.hide();
    if (at) void openLine(at);
  });
  pick.onDidHide(() => {
    if (moved && !chosen) void openLine(back);
    pick.dispose();
  });
  pick.show();
}
