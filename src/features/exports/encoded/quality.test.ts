import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseQuality } from './quality.ts';

suite('the quality of an export', () => {
  test('is a height, a height with a bit rate, or the sound alone', () => {
    assert.deepEqual(parseQuality('720p'), { kind: 'picture', height: 720, bitRate: undefined });
    assert.deepEqual(parseQuality('720'), { kind: 'picture', height: 720, bitRate: undefined });
    assert.deepEqual(parseQuality('480p:1.2M'), { kind: 'picture', height: 480, bitRate: 1_200_000 });
    assert.deepEqual(parseQuality('480p:800k'), { kind: 'picture', height: 480, bitRate: 800_000 });
    assert.deepEqual(parseQuality('audio'), { kind: 'audio' });
  });

  test('is refused otherwise', () => {
    for (const text of ['', 'best', '721p', '8p', '9999p', '720p:', '720p:2G', '720p:1k', '720p:-2M', '720p 2M']) {
      assert.throws(() => parseQuality(text), { name: 'OxbowError', code: 'bad-request' }, text);
    }
  });
});
