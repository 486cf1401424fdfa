import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWhepUrl, parseWebRtcUrl, parseWhepUrl } from './webrtc-url.ts';

test('the key is taken out of the address; everything else is sent as it is written', () => {
  const { url, key, host, port } = parseWhepUrl(' whep+https://tv.example:8443/whep/door?a=%2F1&key=ok_1%2B2&b \n');
  assert.deepEqual(
    [url.href, key, host, port],
    ['https://tv.example:8443/whep/door?a=%2F1&b', 'ok_1+2', 'tv.example', 8443],
  );
  const plain = parseWhepUrl('WHEP+HTTP://[2001:db8::1]/whep');
  assert.deepEqual(
    [plain.url.href, plain.key, plain.host, plain.port],
    ['http://[2001:db8::1]/whep', undefined, '2001:db8::1', 80],
  );
  assert.equal(parseWebRtcUrl('https://tv.example/whip/a')?.port, 443);
});

test('other addresses are no WHEP sources', () => {
  for (const text of ['https://tv.example/whep/a', 'whep://tv.example/a', 'whip+https://tv.example/a', '']) {
    assert.equal(isWhepUrl(text), false, text);
    assert.throws(() => parseWhepUrl(text), { name: 'FormatError' });
  }
  for (const text of [
    'whep+https://',
    'whep+https://me:secret@tv.example/a',
    'whep+http://tv.example:0/',
    'whep+http://a/?key=%0a',
  ]) {
    assert.throws(
      () => parseWhepUrl(text),
      (error: Error) => error.name === 'FormatError' && !error.message.includes('secret'),
      text,
    );
  }
});
