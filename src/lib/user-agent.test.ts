import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUserAgent } from './user-agent.ts';

test('a word of the table stands for a User-Agent, any other text for itself', () => {
  assert.equal(parseUserAgent('vsr'), 'iptv/1.0');
  assert.match(parseUserAgent('browser'), /^Mozilla\/5\.0 /);
  assert.equal(parseUserAgent(' my player/2 (x) '), 'my player/2 (x)');
  assert.equal(parseUserAgent(''), '');
});

test('what would break the header is refused', () => {
  for (const text of ['a\r\nX-Injected: 1', 'é', 'x'.repeat(1001)]) {
    assert.throws(() => parseUserAgent(text), { name: 'FormatError' });
  }
});
