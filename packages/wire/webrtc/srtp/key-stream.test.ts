import assert from 'node:assert/strict';
import { createCipheriv, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { KeyStream, type PacketNumber } from './key-stream.ts';
import { AES_CM, createPacketCipher } from './packet-cipher.ts';
import type { SessionKeys } from './session-keys.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

const random = seeded(3711);
const some = (length: number) => Uint8Array.from({ length }, () => random(256));

test('the key stream is that of RFC 3711 B.2', () => {
  const keys = {
    key: bytes('2b7e151628aed2a6abf7158809cf4f3c'),
    salt: bytes('f0f1f2f3f4f5f6f7f8f9fafbfcfd'),
    authentication: new Uint8Array(20),
  };
  const words = new Uint32Array(4 * 0xff02);
  new KeyStream(keys).apply(words, 0, words.byteLength, { ssrc: 0, index: 0 }, true);
  const block = (number: number) => Buffer.from(words.buffer, 16 * number, 16).toString('hex');
  assert.deepEqual([0, 1, 2, 0xfeff, 0xff00, 0xff01].map(block), [
    'e03ead0935c95e80e166b16dd92b4eb4',
    'd23513162b02d0f72a43a2fe4a5f97ab',
    '41e95b3bb0a2e8dd477901e4fca894c0',
    'ec8cdf7398607cb0f2d21675ea9ea1e4',
    '362b7c3c6773516318a077d7fc5073ae',
    '6a2cc3787889374fbeb4c81b17ba6c44',
  ]);
});

/** The protected packet by one cipher and one HMAC for each. */
function sealSingly(
  { key, salt, authentication }: SessionKeys,
  [clear, secret, suffix]: readonly [Uint8Array, Uint8Array, Uint8Array],
  { ssrc, index }: PacketNumber,
  isRtp: boolean,
): string {
  const start = Buffer.alloc(16);
  start.writeUInt32BE(ssrc, 4);
  start.writeUIntBE(index, 8, 6);
  for (const [at, byte] of salt.entries()) start[at]! ^= byte;
  const sealed = createCipheriv('aes-128-ctr', key, start).update(secret);
  const tag = createHmac('sha1', authentication).update(clear).update(sealed).update(suffix).digest();
  return Buffer.concat([clear, sealed, isRtp ? new Uint8Array() : suffix, tag.subarray(0, 10)]).toString('hex');
}

for (const protocol of ['rtp', 'rtcp'] as const) {
  test(`packets of ${protocol} are the same as with a cipher for each: of many sources, also late and repeated ones`, () => {
    const keys = { key: some(16), salt: some(14), authentication: some(20) };
    const [sender, receiver] = [0, 1].map(() => createPacketCipher(AES_CM.id, protocol, keys)) as [
      ReturnType<typeof createPacketCipher>,
      ReturnType<typeof createPacketCipher>,
    ];
    const limit = protocol === 'rtp' ? 2 ** 48 : 2 ** 31;
    // More sources than have key stream made ahead; some indexes wrap at 16 bits, some at 32.
    const next = Array.from({ length: 40 }, (_, n) => (n % 3 === 0 ? 65_500 : n % 3 === 1 ? 2 ** 30 : limit - 900));
    for (let n = 0; n < 4000; n++) {
      const source = random(4) > 0 ? random(3) : random(40);
      const step = random(20) === 0 ? random(40) - 20 : 1;
      next[source] = Math.min(limit - 1, next[source]! + step);
      const number = { ssrc: (0xffff_fff0 + source) >>> 0, index: next[source]! };
      const sizes =
        source === 0
          ? [80, 81]
          : source === 1
            ? [1100, 1100, 1100, 37]
            : [0, 1, 500, 1400, random(50) > 0 ? random(1500) : 9000 + random(3000)];
      const secret = some(sizes[random(sizes.length)]!);
      const parts = [some(4 * (3 + random(5))), secret, some(4)] as const;
      const sealed = sender.seal(...parts, number);
      assert.equal(Buffer.from(sealed).toString('hex'), sealSingly(keys, parts, number, protocol === 'rtp'));
      if (random(10) === 0) continue; // lost
      const end = parts[0].length + secret.length;
      const received = Uint8Array.from(sealed);
      const plain = receiver.open(
        parts[0],
        received.subarray(parts[0].length, end),
        parts[2],
        received.subarray(-10),
        number,
      );
      assert.deepEqual(plain && Buffer.from(plain), Buffer.concat([parts[0], secret]));
    }
  });
}
