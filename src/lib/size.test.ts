import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSize, printSize } from './size.ts';

test('G and GiB are 1024³, GB is 1000³, digits alone are bytes', () => {
  assert.equal(parseSize('200G'), 200 * 1024 ** 3);
  assert.equal(parseSize('8MiB'), 8 * 1024 ** 2);
  assert.equal(parseSize('1.5T'), 1.5 * 1024 ** 4);
  assert.equal(parseSize('10 GB'), 10e9);
  assert.equal(parseSize('4096'), 4096);
  assert.equal(parseSize('12kb'), 12_000);
});

test('text that is not a size, or too large, is rejected', () => {
  for (const text of ['', 'G', '-1G', '1X', '5iB', '1,5G', '1G1M'])
    assert.throws(() => parseSize(text), /is not a size/, text);
  assert.throws(() => parseSize('9000P'), /is too large/);
});

test('sizes print with three significant digits', () => {
  assert.equal(printSize(0), '0 B');
  assert.equal(printSize(1023), '1023 B');
  assert.equal(printSize(1024 ** 3 * 18.25), '18.3 GiB');
  assert.equal(printSize(1024 ** 2 * 512), '512 MiB');
});
