import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactStartMs } from './start-date.ts';

const mark = 1_795_160_400_000;

test('a start date that the browser has rounded is that of the segment which begins there', () => {
  const segments = [mark - 1_620, mark + 380, mark + 2_380];
  assert.equal(exactStartMs(mark, segments), mark + 380);
  assert.equal(exactStartMs(mark + 2_000, segments), mark + 2_380);
  assert.equal(exactStartMs(mark + 1_000, segments), mark + 1_000, 'no segment begins there');
});

test('a start date with milliseconds is exact', () => {
  assert.equal(exactStartMs(mark + 123, [mark + 380]), mark + 123);
});
