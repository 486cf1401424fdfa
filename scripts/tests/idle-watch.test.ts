import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IdleWatch } from './idle-watch.ts';

test('the idle share is that between two looks, not since the system started', () => {
  const times = [
    { idleMs: 1000, allMs: 2000 },
    { idleMs: 1100, allMs: 4000 },
    { idleMs: 3100, allMs: 6000 },
    { idleMs: 3100, allMs: 6000 },
  ];
  const watch = new IdleWatch(() => times.shift()!);
  assert.deepEqual([watch.look(), watch.look(), watch.look()], [0.05, 1, 1]);
});

test('the machine itself has a share between 0 and 1', () => {
  const watch = new IdleWatch();
  for (let end = performance.now() + 30; performance.now() < end; );
  const share = watch.look();
  assert.ok(share >= 0 && share <= 1, String(share));
});
