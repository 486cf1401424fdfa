/**
 * Builds the single executable of oxbow for this system: Node, the bundled program with its dependencies, the
 * interface and the native code. `npm run sea [-- FOLDER]`; run `npm run build` first. In: src/, web/dist,
 * node_modules. Out: FOLDER/oxbow (.exe on Windows). Runs on whatever Node the machine has;
 * bin/single-executable.cjs is what the executable does at its start. docs/decisions/0062.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { inject } from 'postject';
import { newestNode } from '../bin/node-24.js';
import { bundleProgram, copyBeside, KEPT, licenceOf } from './bundle.mjs';

const root = join(import.meta.dirname, '..');
const folder = resolve(process.argv[2] ?? '.');
const file = join(folder, process.platform === 'win32' ? 'oxbow.exe' : 'oxbow');
/** Packages that node-av needs for its installation only. */
const INSTALLERS = ['unzipper'];
/** The mark that Node looks for in an executable. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const staging = mkdtempSync(join(tmpdir(), 'oxbow-sea-'));
try {
  const content = join(staging, 'content');
  const kept = keptPackages();
  await bundleProgram(join(content, 'dist'), (id) => kept.some((name) => id === name || id.startsWith(`${name}/`)));
  copyBeside(join(content, 'dist'));
  for (const name of kept) copyPackage(name, join(content, 'node_modules', name));
  writeFileSync(join(content, 'import.cjs'), 'module.exports = (url) => import(url);\n');
  copyFileSync(join(root, 'NOTICE'), join(content, 'NOTICE'));
  copyFileSync(join(root, 'LICENSE'), join(content, 'LICENSE'));
  writeFileSync(join(content, 'LICENSES.txt'), licences());
  await writeExecutable(packAssets(content));
  console.log(`${file}: ${Math.round(statSync(file).size / 1e6)} MB`);
} finally {
  rmSync(staging, { recursive: true, force: true });
}

/** The packages that are not bundled, with their dependencies, as the lock file has them. */
function keptPackages() {
  const native = readdirSync(join(root, 'node_modules', '@seydx')).map((name) => `@seydx/${name}`);
  const names = new Set([...KEPT, ...native]);
  for (const name of names) {
    const { dependencies = {} } = packages[`node_modules/${name}`] ?? {};
    for (const each of Object.keys(dependencies)) if (!INSTALLERS.includes(each)) names.add(each);
  }
  return [...names];
}

/** The code of a package, and its licence. */
function copyPackage(name, to) {
  const from = join(root, 'node_modules', name);
  for (const path of readdirSync(from, { recursive: true })) {
    const runs = /\.(?:js|cjs|mjs|json|node)$|(?:^|[\\/])licen[cs]e[^\\/]*$/i.test(path);
    if (!runs || statSync(join(from, path)).isDirectory()) continue;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    copyFileSync(join(from, path), join(to, path));
  }
}

/** The licences of Node and of every package that runs. */
function licences() {
  const paths = Object.entries(packages).flatMap(([path, { dev, link }]) =>
    path.startsWith('node_modules/') && !dev && !link && existsSync(join(root, path, 'package.json'))
      ? [path.slice('node_modules/'.length)]
      : [],
  );
  return paths.map(licenceOf).join('\n\n');
}

/** Compresses each file. Returns the assets: path below the folder of the program, and file. */
function packAssets(content) {
  const assets = {};
  const list = [];
  const paths = readdirSync(content, { recursive: true }).filter((path) => statSync(join(content, path)).isFile());
  for (const [index, name] of paths.sort().entries()) {
    const bytes = readFileSync(join(content, name));
    const path = name.replaceAll('\\', '/');
    list.push({ path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    assets[path] = join(staging, `${index}.zst`);
    const params = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_nbWorkers]: 2 };
    writeFileSync(assets[path], zstdCompressSync(bytes, { params }));
  }
  assets['list.json'] = join(staging, 'list.json');
  writeFileSync(assets['list.json'], JSON.stringify(list));
  return assets;
}

async function writeExecutable(assets) {
  const node = newestNode();
  const blob = join(staging, 'blob');
  const config = join(staging, 'sea.json');
  const options = {
    main: join(root, 'bin', 'single-executable.cjs'),
    output: blob,
    disableExperimentalSEAWarning: true,
    // As in bin/oxbow. Flags of child processes come after `--node-options=`.
    execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8'],
    execArgvExtension: 'cli',
    assets,
  };
  writeFileSync(config, JSON.stringify(options));
  execFileSync(node, ['--experimental-sea-config', config], { stdio: 'inherit' });
  mkdirSync(folder, { recursive: true });
  rmSync(file, { force: true });
  copyFileSync(node, file);
  chmodSync(file, 0o755);
  await inject(file, 'NODE_SEA_BLOB', readFileSync(blob), {
    sentinelFuse: FUSE,
    ...(process.platform === 'darwin' && { machoSegmentName: 'NODE_SEA' }),
  });
}
