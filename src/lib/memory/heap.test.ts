import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { collectGarbage, growthPercent } from './heap.ts';

test('garbage is collected at once', () => {
  let kept: Uint8Array[] | undefined = Array.from({ length: 100 }, () => new Uint8Array(100_000));
  const reference = new WeakRef(kept);
  assert.equal(kept.length, 100);
  kept = undefined;
  return new Promise<void>((resolve) => {
    // A WeakRef that was read keeps its target until the end of the turn.
    setImmediate(() => {
      collectGarbage();
      assert.equal(reference.deref(), undefined);
      resolve();
    });
  });
});

test('threads that collect at the same time do not disturb each other', async () => {
  const heap = JSON.stringify(new URL('heap.ts', import.meta.url));
  const collecting = `import(${heap}).then(({ collectGarbage }) => { for (let n = 0; n < 20; n++) collectGarbage(); })`;
  const threads = Array.from({ length: 4 }, () => new Worker(collecting, { eval: true }));
  // The promise of `once` fails with the first error of its thread.
  assert.deepEqual(
    await Promise.all(threads.map((thread) => once(thread, 'exit'))),
    threads.map(() => [0]),
  );
});

test('memory grows as much as it has, with much of it by a fixed amount', () => {
  const MB = 1024 * 1024;
  assert.equal(growthPercent(0), 100);
  assert.equal(growthPercent(256 * MB), 100);
  assert.equal(growthPercent(1024 * MB), 25);
  assert.equal(growthPercent(100_000 * MB), 10);
});
