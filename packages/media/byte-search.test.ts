import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findByLoop, findBytes, searchView } from './byte-search.ts';
import { seeded } from './random.fixture.ts';

test('the loop of browsers finds what the native search finds', () => {
  const random = seeded(4);
  const bytes = Uint8Array.from({ length: 3000 }, () => random(3));
  for (const sequence of [Uint8Array.of(0), Uint8Array.of(0, 0), Uint8Array.of(0, 0, 1), Uint8Array.of(9, 9)]) {
    const view = searchView(bytes, 10, 2990);
    for (let from = 0; from <= view.length + 1; from += 7) {
      const found = findBytes(view, sequence, from);
      assert.equal(findByLoop(view, sequence, from), found);
      if (found >= 0) assert.deepEqual([...bytes.subarray(10 + found, 10 + found + sequence.length)], [...sequence]);
    }
  }
});
