import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hexOf, SYSTEM } from '../cenc/protection.ts';
import { parsePssh } from '../cenc/pssh.ts';
import { MAX_CPIX, parseCpix, printCpixRequest } from './cpix.ts';
import { cpixResponse, fuzzCpix } from './fuzz.fixture.ts';

const kid = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

test('a response has keys, IVs and the data of each system', () => {
  const { contentId, keys, systems } = parseCpix(cpixResponse);
  assert.equal(contentId, 'door');
  const [key, ...others] = keys;
  assert.deepEqual(others, []);
  assert.deepEqual(key!.kid, kid);
  assert.equal(hexOf(key!.key!), 'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf');
  assert.equal(hexOf(key!.iv!), '00102030405060708090a0b0c0d0e0f0');
  assert.equal(key!.scheme, 'cbcs');
  const [fairPlay, widevine] = systems;
  assert.equal(fairPlay!.system, SYSTEM.fairPlay);
  assert.equal(fairPlay!.uri, 'skd://keys/door');
  assert.equal(fairPlay!.mediaPlaylist, '#EXT-X-KEY:METHOD=SAMPLE-AES');
  assert.equal(fairPlay!.multivariantPlaylist, undefined);
  assert.equal(widevine!.contentProtection, '<a></a>');
  assert.equal(parsePssh(widevine!.pssh!).system, SYSTEM.widevine);
});

test('a request names the key, its period and the systems, and is CPIX itself', () => {
  const text = printCpixRequest({ contentId: 'a<b', kid, period: 7 });
  const { contentId, keys, systems } = parseCpix(text);
  assert.equal(contentId, 'a<b');
  assert.deepEqual(keys, [{ kid, key: undefined, iv: undefined, scheme: 'cbcs' }]);
  assert.deepEqual(
    systems.map(({ system }) => system),
    [SYSTEM.widevine, SYSTEM.playReady, SYSTEM.fairPlay],
  );
  assert.match(text, /<cpix:ContentKeyPeriod id="period" index="7"\/>/);
});

test('other documents, encrypted keys and keys of another length are rejected', () => {
  const bad = [
    '<MPD/>',
    '',
    cpixResponse.replaceAll('pskc:PlainValue', 'pskc:EncryptedValue'),
    cpixResponse.replace('oKGio6SlpqeoqaqrrK2urw==', 'oKGi'),
    cpixResponse.replace('oKGio6SlpqeoqaqrrK2urw==', 'no base64!'),
    cpixResponse.replace('01020304-', ''),
    cpixResponse + ' '.repeat(MAX_CPIX),
  ];
  for (const text of bad) assert.throws(() => parseCpix(text), { name: 'FormatError' });
});

test('2,000 damaged documents give keys of 16 bytes, or a FormatError', () => {
  assert.ok(fuzzCpix(3, 2000) > 100);
});
