/**
 * Builds the interface into web/dist: the pages, the player for other sites, the service worker, and a
 * compressed copy of each file. The build is written to another folder and replaces web/dist when it is
 * complete: a running server uses the old one until then, and two builds at the same time do not interfere.
 * Runs in `npm ci` (prepare) with any Node.
 */
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { putInPlace } from './put-in-place.mjs';

const root = join(import.meta.dirname, '..', 'web');
const PACKED = new Set(['.js', '.css', '.svg', '.webmanifest']);
/** Less is not worth a file, bytes. */
const WORTH_BYTES = 1024;

if (existsSync(join(root, 'vite.config.js'))) {
  const { build } = await import('vite');
  const outDir = await mkdtemp(join(root, 'dist.new-'));
  try {
    for (const config of ['vite.config.js', 'vite.player.config.js', 'vite.worker.config.js']) {
      await build({ root, configFile: join(root, config), logLevel: 'warn', build: { outDir } });
    }
    await packAll(outDir);
    await chmod(outDir, 0o755); // a temporary folder is private; the server may run as another user
    await putInPlace(outDir, join(root, 'dist'));
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

async function packAll(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && PACKED.has(extname(entry.name)));
  await Promise.all(files.map(({ parentPath, path, name }) => pack(join(parentPath ?? path, name))));
}

async function pack(file) {
  const bytes = await readFile(file);
  if (bytes.length < WORTH_BYTES) return;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  await writeFile(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }));
  await writeFile(`${file}.br`, await promisify(brotliCompress)(bytes, { params }));
}
