/**
 * Writes dist/, the plain JavaScript that is published: Node strips no types below node_modules.
 * In: src/, and web/dist where it was built. Out: dist/ (scripts/bundle.mjs), with the types of its public
 * entries, and the clients for Python and Go. Types are not checked here (`npm run check` does). Runs on
 * whatever Node the machine has.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleEntries, bundleProgram, copyBeside } from './bundle.mjs';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const folder = mkdtempSync(join(tmpdir(), 'oxbow-build-'));
/** The entries of `exports`, which other programs import. */
const published = { 'client/client': 'src/client/client.ts', 'media/media': 'packages/media/media.ts' };
/** Dependencies stay outside: npm installs them. */
const isExternal = () => true;

try {
  await bundleProgram(dist, isExternal);
  // Apart: imports of other programs must not need parts of a server.
  await bundleEntries(published, dist, isExternal);
  declareTypes();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
copyBeside(dist);
// The clients for other languages: one file each, to be copied into a program.
for (const language of ['python', 'go'])
  cpSync(join(root, 'src', 'client', 'made', language), join(dist, 'clients', language), { recursive: true });

/** Writes the types of the public entries. */
function declareTypes() {
  const config = join(folder, 'tsconfig.json');
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const options = {
    ...compilerOptions,
    noEmit: false,
    noCheck: true,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: root,
    outDir: dist,
    typeRoots: [join(root, 'node_modules', '@types')],
  };
  const entries = Object.values(published).map((source) => join(root, source));
  writeFileSync(config, JSON.stringify({ compilerOptions: options, files: entries }));
  const tsc = join(root, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', config], { stdio: 'inherit' });
}
