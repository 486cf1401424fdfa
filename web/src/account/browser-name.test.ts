import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browserName } from './browser-name.ts';

test('a browser is named with its version and system, any other client by its User-Agent', () => {
  const engine = 'AppleWebKit/537.36 (KHTML, like Gecko)';
  for (const [userAgent, name] of [
    [`Mozilla/5.0 (X11; Linux x86_64) ${engine} HeadlessChrome/156.0.0.0 Safari/537.36`, 'Chrome 156 · Linux'],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${engine} Chrome/156.0.0.0 Safari/537.36 Edg/156.0`,
      'Edge 156 · Windows',
    ],
    ['Mozilla/5.0 (Android 14; Mobile; rv:142.0) Gecko/142.0 Firefox/142.0', 'Firefox 142 · Android'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1',
      'Safari 19 · iOS',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15',
      'Safari 19 · macOS',
    ],
    ['curl/8.5.0', 'curl/8.5.0'],
  ]) {
    assert.equal(browserName(userAgent!), name);
  }
});
