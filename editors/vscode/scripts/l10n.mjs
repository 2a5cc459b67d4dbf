// Writes l10n/bundle.l10n.json from the texts in the sources; with --check says whether it is right,
// and whether package.json and package.nls.json name the same texts.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const sources = (dir) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
    if (e.isDirectory()) return sources(join(dir, e.name));
    return e.name.endsWith('.ts') ? [join(dir, e.name)] : [];
  });

const texts = new Set();
for (const file of sources(join(root, 'src'))) {
  const code = readFileSync(file, 'utf8');
  const calls = code.match(/l10n\.t\(/g)?.length ?? 0;
  const found = [...code.matchAll(/l10n\.t\(\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/g)];
  if (found.length !== calls) throw new Error(`${file}: l10n.t takes a text in quotes, so that it can be found`);
  for (const [, literal] of found) texts.add(new Function(`return ${literal}`)());
}
const bundle = `${JSON.stringify(Object.fromEntries([...texts].sort().map((t) => [t, t])), null, 2)}\n`;
const path = join(root, 'l10n/bundle.l10n.json');

const problems = [];
if (!process.argv.includes('--check')) writeFileSync(path, bundle);
else if (readFileSync(path, 'utf8') !== bundle)
  problems.push('l10n/bundle.l10n.json is out of date: run node scripts/l10n.mjs');

const nls = Object.keys(JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8')));
const named = new Set([...readFileSync(join(root, 'package.json'), 'utf8').matchAll(/"%([^%"]+)%"/g)].map((m) => m[1]));
for (const key of nls) if (!named.has(key)) problems.push(`package.nls.json: ${key} is not used`);
for (const key of named) if (!nls.includes(key)) problems.push(`package.json: %${key}% is not in package.nls.json`);
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
