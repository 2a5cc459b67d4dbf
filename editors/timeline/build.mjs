// Builds dist/timeline.html: the page with its script and its style in it, so that one file is all there is to serve,
// to embed in the server's binary and to hash for its Content-Security-Policy.
//
//   node build.mjs            writes dist/timeline.html
//   node build.mjs --check    fails if that file is not what the sources give
//   node build.mjs --fake F   writes a page with made-up data behind it to F, to work on the looks without a server
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const committed = join(here, 'dist', 'timeline.html');

/** The text of an inline element must not hold what ends it, nor what opens a comment in a script. */
function inline(text, element) {
  if (new RegExp(`</${element}|<!--`, 'i').test(text)) throw new Error(`the ${element} holds what would end it`);
  return text.trim();
}

async function page(entry) {
  const common = {
    bundle: true,
    minify: true,
    write: false,
    charset: 'ascii',
    legalComments: 'none',
    absWorkingDir: here,
  };
  const script = await build({
    ...common,
    entryPoints: [entry],
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
  });
  const style = await build({ ...common, entryPoints: ['src/style.css'], target: 'chrome110' });
  // Functions as replacements: a plain string would have its `$&` replaced.
  return readFileSync(join(here, 'src', 'page.html'), 'utf8')
    .replace('/*style*/', () => inline(style.outputFiles[0].text, 'style'))
    .replace('/*script*/', () => inline(script.outputFiles[0].text, 'script'));
}

const [flag, file] = process.argv.slice(2);
if (flag === '--fake') {
  writeFileSync(file, await page('test/fake/main.ts'));
} else {
  const html = await page('src/main.ts');
  if (flag === '--check') {
    let old = '';
    try {
      old = readFileSync(committed, 'utf8');
    } catch {
      // It is not there: as stale as can be.
    }
    if (old !== html) {
      console.error('dist/timeline.html is not what its sources give (npm run build)');
      process.exit(1);
    }
    console.log(`dist/timeline.html is what its sources give (${html.length} bytes)`);
  } else {
    mkdirSync(dirname(committed), { recursive: true });
    writeFileSync(committed, html);
    console.log(`dist/timeline.html: ${html.length} bytes`);
  }
}
