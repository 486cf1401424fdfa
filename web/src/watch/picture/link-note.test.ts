import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkNote } from './link-note.ts';

const there = { typed: '1', firstMs: 100_000, nowMs: 900_000 };

test('a link to a recorded time, or without a time, needs no note', () => {
  for (const atMs of [99_000, 100_000, 500_000, 902_000]) assert.equal(linkNote({ ...there, atMs }), null, `${atMs}`);
  assert.equal(linkNote({ ...there, atMs: null, typed: null }), null);
  assert.equal(
    linkNote({ ...there, atMs: 500_000, firstMs: null }),
    null,
    'nothing is recorded: the page says so itself',
  );
});

test('a time before the recording names its start; one in the future or unreadable has its own note', () => {
  assert.deepEqual(linkNote({ ...there, atMs: 50_000 }), { key: 'note.begins', atMs: 100_000 });
  assert.deepEqual(linkNote({ ...there, atMs: 1_000_000 }), { key: 'note.future' });
  assert.deepEqual(linkNote({ ...there, atMs: null, typed: 'yesterday' }), { key: 'note.unreadable' });
});
