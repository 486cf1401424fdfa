import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUserAgent } from './user-agent.ts';

test('the name of a preset gives its User-Agent, other text is used as it is', () => {
  assert.equal(parseUserAgent('vsr'), 'iptv/1.0');
  assert.match(parseUserAgent('browser'), /^Mozilla\/5\.0 /);
  assert.equal(parseUserAgent(' my player/2 (x) '), 'my player/2 (x)');
  assert.equal(parseUserAgent(''), '');
});

test('text that is invalid in a header is rejected', () => {
  for (const text of ['a\r\nX-Injected: 1', 'é', 'x'.repeat(1001)]) {
    assert.throws(() => parseUserAgent(text), { name: 'FormatError' });
  }
});
