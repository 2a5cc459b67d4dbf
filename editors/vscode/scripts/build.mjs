// Bundles the extension, and with --tests also what the tests run. The page of the timeline is taken
// from editors/timeline/dist, which is built there.
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const node = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  // Of a file made by this bundler Node's own import() does not see all names, but require does.
  supported: { 'dynamic-import': false },
  logLevel: 'warning',
};

await rm(resolve(root, 'dist'), { recursive: true, force: true });
await mkdir(resolve(root, 'dist'), { recursive: true });
// The language client's library is five times the extension and is read only when the server starts:
// a file of its own.
const apart = {
  name: 'library apart',
  setup({ onResolve }) {
    onResolve({ filter: /^vscode-languageclient\/node$/ }, () => ({ path: './languageclient.js', external: true }));
  },
};
await build({
  ...node,
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  minify: true,
  plugins: [apart],
});
await build({ ...node, entryPoints: ['vscode-languageclient/node'], outfile: 'dist/languageclient.js', minify: true });

const page = process.env.WAITLINE_TIMELINE_PAGE ?? resolve(root, '../timeline/dist/timeline.html');
await copyFile(page, resolve(root, 'dist/timeline.html')).catch((error) => {
  if (error.code !== 'ENOENT') throw error;
  if (!process.argv.includes('--without-timeline') && !process.argv.includes('--tests')) {
    console.error(
      `${page} is not there: build editors/timeline first (npm ci && npm run build), or pass --without-timeline`,
    );
    process.exit(1);
  }
});

// The page of each finding, to which its code leads; the list of them is for the repository. By the end
// of their names (package.json has it, too) editors know that they are to be read, not edited.
const pages = resolve(root, '../../docs/findings');
await mkdir(resolve(root, 'dist/findings'));
for (const name of await readdir(pages)) {
  if (name === 'README.md') continue;
  const page = await readFile(resolve(pages, name), 'utf8');
  const renamed = (link) => link.replace(/\.md$/, '.waitline.md');
  const linked = page.replace(/(?<=\]\()[a-z-]+\.md(?=\))/g, renamed);
  await writeFile(resolve(root, 'dist/findings', renamed(name)), linked);
}

if (process.argv.includes('--tests')) {
  await mkdir(resolve(root, 'out'), { recursive: true });
  await build({ ...node, entryPoints: ['test/unit/index.ts'], outfile: 'out/unit.js' });
  await build({
    ...node,
    entryPoints: ['test/host/index.ts'],
    outfile: 'out/host.js',
    external: ['vscode', 'mocha'],
    sourcemap: true,
  });
}
