import assert from 'node:assert/strict';
import { createDecipheriv, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { keyFlag } from '../packet/header.ts';
import { keyState, parseKeyMaterial, parseKeyState } from '../packet/key-material.ts';
import { SrtEncryption } from './encryption.ts';
import { deriveKey, unwrapKeys, wrapKeys } from './key-wrap.ts';
import { Keystream } from './keystream.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

test('keys are wrapped as RFC 3394 4.1 and 4.6 show', () => {
  const key = hex('000102030405060708090A0B0C0D0E0F');
  const data = hex('00112233445566778899AABBCCDDEEFF');
  assert.equal(wrapKeys(key, data).toString('hex'), '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5');
  const longKey = hex('000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F');
  const two = Buffer.concat([data, hex('000102030405060708090A0B0C0D0E0F')]);
  const wrapped = wrapKeys(longKey, two);
  assert.equal(
    wrapped.toString('hex'),
    '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21',
  );
  assert.deepEqual(unwrapKeys(longKey, wrapped), two);
  assert.equal(unwrapKeys(key, wrapped), undefined);
});

test('the key of a passphrase depends on the last 8 bytes of the salt', () => {
  const salt = hex('00000000000000000102030405060708');
  const other = hex('ffffffffffffffff0102030405060708');
  assert.equal(deriveKey('passphrase123', salt, 32).length, 32);
  assert.deepEqual(deriveKey('passphrase123', salt, 16), deriveKey('passphrase123', other, 16));
});

for (const keyLength of [16, 24, 32] as const) {
  test(`batches of counter blocks give AES-${keyLength * 8}-CTR, in any order and at the wrap`, () => {
    const key = randomBytes(keyLength);
    const salt = randomBytes(16);
    const keystream = new Keystream(key, salt);
    const reference = (sequence: number, payload: Buffer) => {
      const iv = Buffer.alloc(16);
      iv.writeUInt32BE(sequence, 10);
      for (let at = 0; at < 14; at++) iv[at] = iv[at]! ^ salt[at]!;
      return createDecipheriv(`aes-${keyLength * 8}-ctr`, key, iv).update(payload);
    };
    for (let round = 0; round < 400; round++) {
      // Now and then a late retransmission, another length, and bytes that are not aligned.
      const sequence = (0x7fff_ff80 + round - (round % 7 === 3 ? 40 : 0) + (round % 11 === 5 ? 100 : 0)) & 0x7fff_ffff;
      const start = round % 5 === 4 ? 17 : 16;
      const packet = randomBytes(start + (round % 13 === 0 ? 1456 : round % 3 === 0 ? 187 : 1316));
      const expected = reference(sequence, packet.subarray(start));
      keystream.apply(sequence, packet, start, packet.length);
      assert.deepEqual(packet.subarray(start), expected, `round ${round}`);
    }
  });
}

test('a listener takes the keys of a caller and encrypts with them', () => {
  const caller = new SrtEncryption('passphrase123', 32);
  const listener = new SrtEncryption('passphrase123', 16);
  const result = listener.takeKeys(caller.createFirstKey(), true);
  assert.equal(result.failed, undefined);
  assert.equal(listener.keyLength, 32);
  assert.equal(caller.readAnswer(result.answer), undefined);
  for (const [from, to] of [
    [caller, listener],
    [listener, caller],
  ] as const) {
    const packet = Buffer.from('................media');
    from.encrypt(77, packet, 16, packet.length);
    assert.notEqual(packet.toString('utf8', 16), 'media');
    assert.equal(to.decrypt(from.sendKey, 77, packet, 16), true);
    assert.equal(packet.toString('utf8', 16), 'media');
  }
});

test('another passphrase and another cipher are answered with their state', () => {
  const message = new SrtEncryption('passphrase123', 16).createFirstKey();
  const other = new SrtEncryption('passphrase124', 16);
  const wrong = other.takeKeys(message, true);
  assert.equal(wrong.failed, keyState.badSecret);
  assert.equal(parseKeyState(wrong.answer), keyState.badSecret);
  assert.equal(other.decrypt(keyFlag.even, 1, Buffer.alloc(20), 16), false);
  const gcm = Uint8Array.from(message);
  gcm[8] = 4;
  assert.equal(new SrtEncryption('passphrase123', 16).takeKeys(gcm, true).failed, keyState.badCipher);
});

test('a sender announces its next key, changes to it once it is confirmed, and drops the old one (6.1.6)', () => {
  const sender = new SrtEncryption('passphrase123', 16, { afterPackets: 100, announcePackets: 20 });
  const receiver = new SrtEncryption('passphrase123', 16);
  receiver.takeKeys(sender.createFirstKey(), true);
  const keys: number[] = [];
  let announced = -1;
  for (let sequence = 0; sequence < 260; sequence++) {
    const packet = Buffer.from('................media');
    const key = sender.sendKey;
    sender.encrypt(sequence, packet, 16, packet.length);
    keys.push(key);
    assert.equal(receiver.decrypt(key, sequence, packet, 16), true, `packet ${sequence}`);
    assert.equal(packet.toString('utf8', 16), 'media', `packet ${sequence}`);
    if (sender.announcement && announced < 0) {
      announced = sequence;
      assert.equal(parseKeyMaterial(sender.announcement).keys, 3);
    }
    // The peer confirms late: the old key stays in use until then.
    if (announced >= 0 && sequence === 119) {
      sender.readAnswer(receiver.takeKeys(sender.announcement!, false).answer);
      assert.equal(sender.announcement, undefined);
    } else if (sequence > 120 && sender.announcement) {
      sender.readAnswer(receiver.takeKeys(sender.announcement, false).answer);
    }
  }
  assert.equal(announced, 79);
  assert.equal(keys.indexOf(keyFlag.odd), 121);
  assert.equal(keys.lastIndexOf(keyFlag.odd), 220);
});
