import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectGarbage } from './heap.ts';

test('garbage is collected at once, and scripts cannot access the collector', () => {
  let kept: Uint8Array[] | undefined = Array.from({ length: 100 }, () => new Uint8Array(100_000));
  const reference = new WeakRef(kept);
  assert.equal(kept.length, 100);
  kept = undefined;
  return new Promise<void>((resolve) => {
    // A WeakRef that was read keeps its target until the end of the turn.
    setImmediate(() => {
      collectGarbage();
      assert.equal(reference.deref(), undefined);
      assert.equal((globalThis as { gc?: unknown }).gc, undefined);
      resolve();
    });
  });
});
