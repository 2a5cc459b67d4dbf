// Rules for source that was built elsewhere, in the shape of the Go debugger's.

/** The first folder that is open, as settings name it. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code replaces it
export const FOLDER = '${workspaceFolder}';

/** The debugger's words: a folder here, and what it was called where the program was built. */
export interface Rule {
  from: string;
  to: string;
}

/** Those of the server's rules that lead to a recorded folder, each with the folders that fit as well. */
export function proposed(prefix: string, rules: readonly { from: string; to: string; others: string[] }[]): Rule[] {
  const leads = (to: string) => prefix === to || (prefix.startsWith(to) && /[\\/]/.test(prefix.charAt(to.length)));
  return rules
    .filter((rule) => leads(rule.to))
    .flatMap(({ from, to, others }) => [from, ...others].map((folder) => ({ from: folder, to })));
}

/**
 * Rules that would map a recorded folder to one of the workspace: those folders that end in the
 * same names, most names first. What both share at the end is left out of the rule, so that
 * one rule serves all folders beside it.
 */
export function propose(prefix: string, root: string, folders: string[]): Rule[] {
  const recorded = parts(prefix);
  const rules = new Map<string, { rule: Rule; same: number }>();
  for (const folder of folders) {
    const here = parts(folder);
    let same = 0;
    const most = Math.min(recorded.length, here.length - parts(root).length);
    while (same < most && recorded[recorded.length - 1 - same] === here[here.length - 1 - same]) same += 1;
    if (same === 0) continue;
    const rule = {
      from: relative(root, here.slice(0, here.length - same)),
      to: join(prefix, recorded.slice(0, recorded.length - same)),
    };
    if (!rule.to) continue;
    const key = `${rule.from}\0${rule.to}`;
    if ((rules.get(key)?.same ?? 0) < same) rules.set(key, { rule, same });
  }
  const list = [...rules.values()]
    .sort((a, b) => b.same - a.same)
    .slice(0, 3)
    .map((r) => r.rule);
  // The folder that is open is the likeliest one that a build elsewhere had another name for.
  const whole = { from: FOLDER, to: prefix };
  if (!list.some((r) => r.from === whole.from && r.to === whole.to)) list.push(whole);
  return list;
}

function parts(path: string): string[] {
  return path.split(/[\\/]+/).filter(Boolean);
}

function join(like: string, names: string[]): string {
  const text = names.join(like.includes('\\') && !like.includes('/') ? '\\' : '/');
  return like.startsWith('/') && text ? `/${text}` : text;
}

function relative(root: string, names: string[]): string {
  const below = names.slice(parts(root).length);
  return [FOLDER, ...below].join('/');
}
