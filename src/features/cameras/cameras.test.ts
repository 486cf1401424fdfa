// Waits for wall time: streams that move are looked at every quarter of a second.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { until } from '../../../test/fixtures/wait.ts';
import type { StoredCamera } from './camera-table.ts';
import { Cameras, type CamerasParts } from './cameras.ts';

test('a stream that moves here and cannot be opened does not hold up the cameras of others', async () => {
  const ending = new AbortController();
  const here: string[] = [];
  let toOpen = ['broken', 'door'];
  const started: string[] = [];
  const camera = (streamId: string) => ({ streamId, events: { kinds: ['motion'] } }) as unknown as StoredCamera;
  const parts = {
    table: { all: async () => ['door', 'gate', 'broken'].map(camera) },
    catalog: {
      get all() {
        return here.map((id) => ({ definition: { id } }));
      },
      get toOpen() {
        return toOpen;
      },
    },
    signal: ending.signal,
    open: (of: () => StoredCamera) => ({
      start: () => started.push(of().streamId),
      async [Symbol.asyncDispose]() {},
    }),
  } as unknown as CamerasParts;
  const cameras = new Cameras(parts);
  const moving = cameras.moves();
  await turn();
  here.push('door');
  toOpen = ['broken'];
  await until('the camera of door is watched', () => started.includes('door'));
  // One that moves while that waits, and is open before it looks again.
  await cameras.moves();
  here.push('gate');
  await until('the camera of gate is watched', () => started.includes('gate'));
  assert.ok(!started.includes('broken'));
  ending.abort();
  await moving;
});
