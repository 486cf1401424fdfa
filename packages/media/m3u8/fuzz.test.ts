import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzKeysAndDateRanges, fuzzPlaylists } from './fuzz.fixture.ts';

test('2,000 playlists of scrambled pieces give a value that prints and reads again, or a FormatError', () => {
  const read = fuzzPlaylists(20260101, 2000);
  assert.ok(read > 100, `only ${read} were read`);
});

test('2,000 lists with scrambled keys and date ranges are the same when they are printed and read again', () => {
  const read = fuzzKeysAndDateRanges(3, 2000);
  assert.ok(read > 1000, `only ${read} were read`);
});
