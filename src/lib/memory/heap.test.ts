import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectGarbage } from './heap.ts';

test('garbage is let go at once, and no script gets hold of the collector', () => {
  let kept: Uint8Array[] | undefined = Array.from({ length: 100 }, () => new Uint8Array(100_000));
  const gone = new WeakRef(kept);
  assert.equal(kept.length, 100);
  kept = undefined;
  return new Promise<void>((resolve) => {
    // A reference that was looked at in this turn stays for the rest of it.
    setImmediate(() => {
      collectGarbage();
      assert.equal(gone.deref(), undefined);
      assert.equal((globalThis as { gc?: unknown }).gc, undefined);
      resolve();
    });
  });
});
