/**
 * Writes dist/, the plain JavaScript that is published: Node strips no types below node_modules, and some hundred small modules in a few
 * files need a third of the CPU time to load.
 * In: src/, and web/dist where it was built. Out: dist/src with the types of its public entries, dist/web/dist, the licences of what the interface has in it, and a
 * dist/package.json that says the version. Types are not checked here (`npm run check` does). Runs on whatever Node the machine has.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** Packages whose code is in the built interface: a copy of it carries their licences. A test compares with what web/src imports. */
const BUNDLED = ['hls.js', 'shaka-player', 'svelte', 'clsx', 'esm-env', 'uplot', 'uqr'];

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const folder = mkdtempSync(join(tmpdir(), 'oxbow-build-'));
const sources = join(root, 'src');
/** What other programs import: the entries of `exports`. */
const published = ['client/client', 'media/media'];
/** What is started on its own: programs, threads, child processes. */
const started = [
  ...['main', 'cli/own-worker', 'store/sqlite/worker', 'http/threads/thread', 'archive/upload-hash-worker'],
  'accounts/users/bcrypt-worker',
];

try {
  await bundle();
  declareTypes();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Writes the program: what is started keeps its place below src, the rest is in files of dist/src (src/lib/program-files.ts). */
async function bundle() {
  const files = readdirSync(sources, { recursive: true }).map((path) => path.replaceAll('\\', '/'));
  const children = files.filter((path) => path.endsWith('-main.ts')).map((path) => path.slice(0, -'.ts'.length));
  // Apart: what other programs import must not need what only a server has.
  for (const names of [[...started, ...children], published]) {
    const built = await rolldown({
      input: Object.fromEntries(names.map((name) => [name, join(sources, `${name}.ts`)])),
      platform: 'node',
      external: (id) => !id.startsWith('.') && !id.startsWith(root),
    });
    await built.write({ dir: join(dist, 'src'), entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
    await built.close();
  }
}

/** Writes the types of the public entries. */
function declareTypes() {
  const config = join(folder, 'tsconfig.json');
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const options = {
    ...{ ...compilerOptions, noEmit: false, noCheck: true, declaration: true, emitDeclarationOnly: true },
    ...{ rootDir: root, outDir: dist, typeRoots: [join(root, 'node_modules', '@types')] },
  };
  const entries = published.map((name) => join(sources, `${name}.ts`));
  writeFileSync(config, JSON.stringify({ compilerOptions: options, files: entries }));
  const tsc = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', config], { stdio: 'inherit' });
}
// What the built files look for beside src/: the version, and the built interface.
const { name, version, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
writeFileSync(join(dist, 'package.json'), `${JSON.stringify({ name, version, type })}\n`);
const web = join(root, 'web', 'dist');
if (existsSync(web)) {
  const isServed = (file) => !file.endsWith('.vite'); // what the checks weigh
  cpSync(web, join(dist, 'web', 'dist'), { recursive: true, filter: isServed });
  writeFileSync(join(dist, 'web', 'LICENSES.txt'), BUNDLED.map(licenceOf).join('\n\n'));
}

function licenceOf(bundled) {
  const from = join(root, 'node_modules', bundled);
  const file = readdirSync(from).find((each) => /^licen[cs]e/i.test(each));
  return `${bundled}\n${'='.repeat(bundled.length)}\n\n${readFileSync(join(from, file), 'utf8').trim()}\n`;
}
