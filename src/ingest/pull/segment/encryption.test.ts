import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { KeyTag, MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { ivOf, keyOf, refuseProtected } from './encryption.ts';
import { decryptAes128 } from './key-store.ts';

const base = new URL('https://cam.example/live/list.m3u8');
const fairPlay = { method: 'SAMPLE-AES', uri: 'skd://k', keyFormat: 'com.apple.streamingkeydelivery' };
const widevine = { method: 'SAMPLE-AES-CTR', keyFormat: 'urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed' };
const playReady = { method: 'SAMPLE-AES-CTR', keyFormat: 'com.microsoft.playready' };
const open: KeyTag = { method: 'AES-128', uri: 'k.bin', iv: '0A' };

test('AES-128 with the identity key format is used, whatever other systems offer the same key', () => {
  assert.equal(keyOf([], base), undefined);
  assert.deepEqual(keyOf([fairPlay, open], base), { url: new URL('https://cam.example/live/k.bin'), iv: '0A' });
  assert.deepEqual(keyOf([{ ...open, keyFormat: 'identity' }], base)?.iv, '0A');
  assert.deepEqual(keyOf([{ method: 'AES-128' }], base), { url: undefined, iv: undefined });
  refuseProtected([]);
  refuseProtected([widevine, open]);
});

test('every other protection is refused by name', () => {
  for (const [tags, by] of [
    [[fairPlay], 'FairPlay (SAMPLE-AES)'],
    [[{ method: 'SAMPLE-AES', uri: 'skd://k' }], 'FairPlay (SAMPLE-AES)'],
    [[widevine, playReady], 'Widevine and PlayReady (SAMPLE-AES-CTR)'],
    [[{ method: 'SAMPLE-AES', uri: 'k' }], 'SAMPLE-AES'],
    [[{ method: 'AES-128', keyFormat: 'org.example.box', uri: 'k' }], 'the key system org.example.box (AES-128)'],
    [[{ method: 'AES-256', uri: 'k' }], 'AES-256'],
  ] as const) {
    const refused = {
      code: 'unsupported-media',
      message: `The source is protected by ${by}; oxbow cannot record protected streams.`,
    };
    assert.throws(() => keyOf(tags, base), refused);
    assert.throws(() => refuseProtected(tags), refused);
  }
});

test('the IV is the attribute, otherwise the number of the segment; a Media Initialization Section must have one (RFC 8216bis 5.2)', () => {
  const key = { url: undefined, iv: undefined };
  assert.equal(Buffer.from(ivOf({ ...key, iv: 'aB1' }, 7)).toString('hex'), `${'0'.repeat(29)}ab1`);
  assert.equal(Buffer.from(ivOf(key, 2 ** 33 + 5)).toString('hex'), '00000000000000000000000200000005');
  assert.throws(() => ivOf(key, undefined), { name: 'FormatError' });
  for (const iv of ['', 'xyz', '0'.repeat(33)]) assert.throws(() => ivOf({ ...key, iv }, 7), { name: 'FormatError' });
});

test('segments in any pieces are decrypted; wrong padding, wrong length or no bytes are malformed', () => {
  const [key, iv] = [Buffer.alloc(16, 7), Buffer.alloc(16, 9)];
  const clear = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 255));
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  const coded = Buffer.concat([cipher.update(clear), cipher.final()]);
  const pieces = [coded.subarray(0, 3), coded.subarray(3, 500), coded.subarray(500)];
  assert.deepEqual(Buffer.concat(decryptAes128(pieces, key, iv)), clear);
  assert.equal(pieces.length, 0);
  for (const [bytes, other] of [
    [coded, Buffer.alloc(16, 8)],
    [coded.subarray(0, 999), key],
    [Buffer.alloc(0), key],
  ] as const) {
    assert.throws(() => decryptAes128([bytes], other, iv), { name: 'FormatError' });
  }
});

test('a key applies until the next one of its KEYFORMAT, or NONE; the map has the key before it (RFC 8216bis 4.4.4.4)', () => {
  const text = [
    '#EXTM3U',
    '#EXT-X-TARGETDURATION:1',
    '#EXT-X-MAP:URI="clear.mp4"',
    '#EXT-X-KEY:METHOD=AES-128,URI="1",IV=0x1',
    '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://1",KEYFORMAT="com.apple.streamingkeydelivery"',
    '#EXTINF:1,',
    'a',
    '#EXT-X-KEY:METHOD=AES-128,URI="2",IV=0x2',
    '#EXT-X-MAP:URI="coded.mp4"',
    '#EXTINF:1,',
    'b',
    '#EXT-X-KEY:METHOD=NONE',
    '#EXTINF:1,',
    'c',
  ].join('\n');
  const [a, b, c] = (parsePlaylist(text).playlist as MediaPlaylist).segments;
  assert.equal(a?.key?.uri, '1');
  assert.deepEqual(
    a?.keys?.map(({ uri }) => uri),
    ['1', 'skd://1'],
  );
  assert.equal(a?.map?.key, undefined);
  assert.equal(b?.key?.uri, '2');
  assert.equal(b?.keys?.length, 2);
  assert.equal(b?.map?.key?.uri, '2');
  assert.deepEqual([c?.key, c?.keys], [undefined, undefined]);
});
