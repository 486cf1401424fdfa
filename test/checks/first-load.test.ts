/*
 * What a watch page needs before the first picture, as it goes over the network, stays small.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';

const dist = join(import.meta.dirname, '..', '..', 'web', 'dist');
const manifestFile = join(dist, '.vite', 'manifest.json');
const built = existsSync(manifestFile);

/** One file of the build, as Vite's manifest has it. */
interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}

const readManifest = () => JSON.parse(readFileSync(manifestFile, 'utf8')) as Record<string, Chunk>;

/** Bytes of each file after gzip, for all that the named sources need at once. */
function weigh(page: string, sources: readonly RegExp[]): Map<string, number> {
  const manifest = readManifest();
  const files = new Set<string>([page]);
  const add = (key: string) => {
    const chunk = manifest[key]!;
    if (files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    for (const each of chunk.imports ?? []) add(each);
  };
  for (const source of sources) {
    const keys = Object.keys(manifest).filter((key) => source.test(key));
    assert.equal(keys.length, 1, `${source} names one file of the build`);
    add(keys[0]!);
  }
  return new Map([...files].map((file) => [file, gzipSync(readFileSync(join(dist, file)), { level: 9 }).length]));
}

function holds(weights: Map<string, number>, mostBytes: number): void {
  const sum = [...weights.values()].reduce((total, bytes) => total + bytes, 0);
  const rows = [...weights].map(([file, bytes]) => `${bytes} ${file}`).join('\n');
  assert.ok(sum <= mostBytes, `${sum} bytes are more than ${mostBytes}:\n${rows}`);
}

suite('first load', { skip: built ? false : 'the interface is not built' }, () => {
  test('a watch page needs at most 350 KB after gzip, hls.js among it', () => {
    const weights = weigh('index.html', [/^index\.html$/, /^src\/watch\/Watch\.svelte$/, /hls\.js\/dist\/hls\.\w+$/]);
    assert.ok(weights.size >= 6, 'entry, page and hls.js are found');
    holds(weights, 350_000);
  });

  test('a room needs at most 390 KB after gzip, hls.js among it; dialogs, lists and players of files load later', () => {
    const pages = [/^index\.html$/, /^src\/rooms\/Room\.svelte$/];
    holds(weigh('index.html', [...pages, /hls\.js\/dist\/hls\.\w+$/]), 390_000);
  });

  test('the embedded page needs at most 300 KB, and 120 KB before playback', () => {
    holds(weigh('embed.html', [/^embed\.html$/, /hls\.js\/dist\/hls\.\w+$/]), 300_000);
    holds(weigh('embed.html', [/^embed\.html$/]), 120_000);
  });

  test('a page is at most 12 files before its first picture, scripts and styles, hls.js among them; any other page at most 14', () => {
    const hls = /hls\.js\/dist\/hls\.\w+$/;
    const index = /^index\.html$/;
    for (const sources of [
      [index],
      [index, /^src\/watch\/Watch\.svelte$/, hls],
      [index, /^src\/rooms\/Room\.svelte$/, hls],
      [/^embed\.html$/, hls],
    ]) {
      const files = [...weigh('index.html', sources).keys()].slice(1); // without the page itself
      assert.ok(files.length <= 12, `${sources}: ${files.length}\n${files.join('\n')}`);
    }
    const pages = readFileSync(join(dist, '..', 'src', 'pages.ts'), 'utf8').matchAll(/import\('\.\/([^']+)'\)/g);
    const paths = [...pages].map(([, path]) => `src/${path}`);
    assert.ok(paths.length > 15, 'pages are found');
    for (const path of paths) {
      const files = [...weigh('index.html', [index, new RegExp(`^${path.replaceAll('.', '\\.')}$`)]).keys()].slice(1);
      assert.ok(files.length <= 14, `${path}: ${files.length}\n${files.join('\n')}`);
    }
  });

  test('the script for other people’s pages is at most 88 KB with its style', () => {
    const files = ['player.js', 'player.css'].map((file) => [file, gzipSync(readFileSync(join(dist, file))).length]);
    holds(new Map(files as [string, number][]), 88_000); // with the volume slider and all keys of playback
  });
});
