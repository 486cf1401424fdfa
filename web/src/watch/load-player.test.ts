import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenPlayer } from '../player/open.ts';
import { beginAt } from './load-player.ts';

test('a link to a time before the recording begins with its first frame', () => {
  const asked: (number | 'live')[] = [];
  const controls = { goTo: (atMs: number) => asked.push(atMs), goLive: () => asked.push('live') };
  const player = { controls } as unknown as OpenPlayer;
  const recorded = { stream: null, firstMs: 5_000 };
  for (const atMs of [1_000, 9_000, null]) beginAt(player, recorded, atMs, null);
  beginAt(player, { stream: null, firstMs: null }, 1_000, null);
  assert.deepEqual(asked, [5_000, 9_000, 'live', 1_000]);
});
