import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SmallPictures } from './small-pictures.ts';

test('a window without small pictures is asked once, and has stills', async () => {
  const requested: string[] = [];
  const ask = async (path: string) => {
    requested.push(path);
    return path.includes('/small/1795000') ? new Blob([path]) : undefined;
  };
  const pictures = new SmallPictures('cam', (atMs) => ask(`still ${atMs}`), ask);
  const { signal } = new AbortController();
  assert.ok(await pictures.load(1_795_000_209_000, signal));
  assert.equal(pictures.isStored, true);
  await pictures.load(1_796_000_400_000, signal);
  await pictures.load(1_796_000_800_000, signal);
  assert.equal(pictures.isStored, false);
  assert.deepEqual(requested, [
    '/thumb/cam/small/1795000200.jpg',
    '/thumb/cam/small/1796000400.jpg',
    'still 1796000400000',
    'still 1796000800000',
  ]);
});
