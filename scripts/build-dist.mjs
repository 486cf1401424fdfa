/**
 * Writes dist/, the plain JavaScript that is published: Node strips no types below node_modules.
 * In: src/, and web/dist where it was built. Out: dist/src with the types of its public entries, dist/web/dist, the licences of what the interface has in it, and a
 * dist/package.json that says the version. Types are not checked here (`npm run check` does). Runs on whatever Node the machine has.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Packages whose code is in the built interface: a copy of it carries their licences. A test compares with what web/src imports. */
const BUNDLED = ['hls.js', 'svelte', 'clsx', 'esm-env', 'uplot', 'uqr'];

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const folder = mkdtempSync(join(tmpdir(), 'oxbow-build-'));
const base = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
const outside = ['*.test.ts', '*.contract.ts', '*.fixture.ts', 'fixture.ts'].map((each) =>
  join(root, 'src', '**', each),
);

/** Runs the compiler on what `files` says, with options of its own. */
function compile(options, files) {
  const config = join(folder, 'tsconfig.json');
  const typeRoots = [join(root, 'node_modules', '@types')];
  const compilerOptions = {
    ...base.compilerOptions,
    noEmit: false,
    noCheck: true,
    rootDir: root,
    outDir: dist,
    typeRoots,
  };
  writeFileSync(config, JSON.stringify({ compilerOptions: { ...compilerOptions, ...options }, ...files }));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', config], { stdio: 'inherit' });
}

try {
  compile({}, { include: [join(root, 'src')], exclude: outside });
  // Types of what other programs import: the entries of `exports`.
  const entries = ['client', 'media'].map((each) => join(root, 'src', each, `${each}.ts`));
  compile({ declaration: true, emitDeclarationOnly: true }, { files: entries });
} finally {
  rmSync(folder, { recursive: true, force: true });
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
