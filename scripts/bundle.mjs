/**
 * Bundles the program: some hundred small modules in a few files need a third of the CPU time to load.
 * In: src/, and web/dist where it was built. Out: FOLDER/src, FOLDER/web/dist, the licences of what the
 * interface has in it, and a FOLDER/package.json that says the version. Runs on whatever Node the machine
 * has.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { rolldown } from 'rolldown';

/**
 * Packages whose code is in the built interface: a copy of it carries their licences. A test compares them
 * with the imports of web/src.
 */
const BUNDLED = [
  ...['hls.js', 'mediabunny', 'shaka-player', 'svelte', 'clsx', 'esm-env', 'uplot', 'uqr'],
  ...['p2p-media-loader-core', 'debug', 'ms'],
];

/** Packages that are loaded by `require` at run time, or that have native code: these are not bundled. */
export const KEPT = ['node-av', 'yaml', 'tough-cookie', 'prom-client'];

const root = join(import.meta.dirname, '..');
const sources = join(root, 'src');
/** Entries that start separately: programs, threads, child processes. */
const started = [
  ...['main', 'cli/own-worker', 'store/sqlite/worker', 'serve/threads/thread', 'archive/upload-hash-worker'],
  'accounts/users/bcrypt-worker',
];

/**
 * Writes the program: an entry keeps its place below src, the rest is in files of FOLDER/src
 * (src/lib/program-files.ts).
 *
 * @param {string} folder
 * @param {(id: string) => boolean} isExternal whether a package is loaded from node_modules
 */
export async function bundleProgram(folder, isExternal) {
  const files = readdirSync(sources, { recursive: true }).map((path) => path.replaceAll('\\', '/'));
  const children = files.filter((path) => path.endsWith('-main.ts')).map((path) => path.slice(0, -'.ts'.length));
  const entries = Object.fromEntries([...started, ...children].map((name) => [name, `src/${name}.ts`]));
  await bundleEntries(entries, folder, isExternal);
}

/**
 * Writes modules and their imports, the packages of the tree too.
 *
 * @param {Readonly<Record<string, string>>} entries the source from the root, by what it becomes below
 *   FOLDER/src, without `.js`
 */
export async function bundleEntries(entries, folder, isExternal) {
  const built = await rolldown({
    input: Object.fromEntries(Object.entries(entries).map(([name, source]) => [name, join(root, source)])),
    platform: 'node',
    // The packages of this tree, wherever node_modules is.
    resolve: { alias: { '@oxbow': join(root, 'packages') } },
    external: (id) => !/^(?:\.|@oxbow\/)/.test(id) && !isAbsolute(id) && isExternal(id),
  });
  await built.write({
    dir: join(folder, 'src'),
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    // V8 keeps the text of what it loads. Licences stay.
    comments: { legal: true, annotation: false, jsdoc: false },
    plugins: [{ name: 'ascii', generateBundle: (_, files) => Object.values(files).forEach(escapeChunk) }],
  });
  await built.close();
}

/**
 * Leaves a file with ASCII: with one other character in it, Node passes the text to V8 with two bytes for
 * each character of the file. An escape is the same in names, strings, templates and regular expressions,
 * except after a backslash; no raw text has such a character.
 *
 * @param {import('rolldown').OutputChunk | import('rolldown').OutputAsset} file
 */
function escapeChunk(file) {
  if (file.type !== 'chunk') return;
  const inHex = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  file.code = file.code.replace(/(?<!\\)[\u0080-\uffff]/g, inHex);
}

/** Writes the files that the built ones look for next to src/: the version, and the built interface. */
export function copyBeside(folder) {
  const { name, version, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name, version, type })}\n`);
  const web = join(root, 'web', 'dist');
  if (!existsSync(web)) return;
  const isServed = (file) => !file.endsWith('.vite'); // the checks weigh it
  cpSync(web, join(folder, 'web', 'dist'), { recursive: true, filter: isServed });
  writeFileSync(join(folder, 'web', 'LICENSES.txt'), BUNDLED.map((each) => licenceOf(each)).join('\n\n'));
}

/**
 * The licence of an installed package, with its name above.
 *
 * @param {string} at below node_modules
 */
export function licenceOf(at) {
  const from = join(root, 'node_modules', at);
  const file = readdirSync(from).find((each) => /^licen[cs]e/i.test(each));
  const name = at.slice(at.lastIndexOf('node_modules/') + 1);
  const text = file ? readFileSync(join(from, file), 'utf8').trim() : '';
  return `${name}\n${'='.repeat(name.length)}\n\n${text}\n`;
}
