import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MediaServerEntry } from '../api/media-servers.ts';
import { gather, MAX_GATHERED } from './gather.ts';

const film = (id: string): MediaServerEntry => ({ id, name: id, isFolder: false });
const folder = (id: string): MediaServerEntry => ({ id, name: id, isFolder: true });
const nothing = () => {};

test('chosen folders are read with all their pages; folders with nothing that plays are left out', async () => {
  const pages: Record<string, readonly MediaServerEntry[]> = {
    'show/null': [film('e1'), folder('extras'), folder('empty')],
    'show/2': [film('e2')],
    'extras/null': [film('x1')],
    'empty/null': [],
  };
  const seen: number[] = [];
  const { found, count, isCut } = await gather(
    [film('f1'), folder('show')],
    async (id, cursor) => ({
      items: pages[`${id}/${cursor}`]!,
      nextCursor: id === 'show' && cursor === null ? '2' : null,
    }),
    (so) => seen.push(so),
  );
  assert.deepEqual(found, {
    media: [film('f1')],
    folders: [
      {
        name: 'show',
        found: {
          media: [film('e1'), film('e2')],
          folders: [{ name: 'extras', found: { media: [film('x1')], folders: [] } }],
        },
      },
    ],
  });
  assert.deepEqual([count, isCut, seen.at(-1)], [4, false, 4]);
});

test('a folder with more than the bound is cut, and the result says so', async () => {
  let lists = 0;
  const page = Array.from({ length: 200 }, (_, index) => film(String(index)));
  const endless = await gather(
    [folder('big')],
    async () => {
      lists += 1;
      return { items: page, nextCursor: String(lists) };
    },
    nothing,
  );
  assert.deepEqual([endless.count, endless.isCut], [MAX_GATHERED, true]);
  assert.ok(lists <= 4, `${lists} lists`);
});

test('folders within themselves end: depth and number of lists are bounded', async () => {
  let lists = 0;
  const { count, isCut } = await gather(
    [folder('loop')],
    async () => {
      lists += 1;
      return { items: Array.from({ length: 10 }, () => folder('loop')), nextCursor: null };
    },
    nothing,
  );
  assert.deepEqual([count, isCut], [0, true]);
  assert.ok(lists <= 200, `${lists} lists`);
});
