import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameList, readEntries } from './watch-rules.ts';

test('entries of a typed list are separated by commas, spaces and lines', () => {
  assert.deepEqual(readEntries(' 10.0.0.0/8,DE  , 2001:db8::/32\n FR,'), ['10.0.0.0/8', 'DE', '2001:db8::/32', 'FR']);
  assert.deepEqual(readEntries(' , '), []);
});

test('lists are the same only in the same order', () => {
  assert.ok(isSameList(['DE', 'FR'], ['DE', 'FR']));
  assert.ok(!isSameList(['DE', 'FR'], ['FR', 'DE']));
  assert.ok(!isSameList(['DE'], ['DE', 'FR']));
});
