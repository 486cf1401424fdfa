import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWorthPacking, packRows, unpackRows } from './packed-rows.ts';

test('rows come back as they were: numbers, texts, nulls, and blobs of any length', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({
    msn: i,
    path: `a/${i}.mp4`,
    nothing: null,
    some: i % 2 === 0 ? null : Uint8Array.of(i),
    segments: new Uint8Array(i).fill(i),
    mixed: i === 3 ? Uint8Array.of(1, 2) : i,
  }));
  const back = unpackRows(structuredClone(packRows(rows)));
  assert.deepEqual(
    back.map((row) => ({ ...row, segments: [...(row.segments as Uint8Array)] })),
    rows.map((row) => ({ ...row, segments: [...row.segments] })),
  );
  assert.deepEqual(Object.keys(back[0]!), Object.keys(rows[0]!), 'in the order of their columns');
});

test('a few rows are not packed', () => {
  assert.equal(isWorthPacking([]), false);
  assert.equal(isWorthPacking([{ a: 1 }]), false);
});
