import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { splitRtp } from '@oxbow/media/rtp/packet';
import { AES_CM, AES_GCM } from './packet-cipher.ts';
import { deriveKeys } from './session-keys.ts';
import { Srtp } from './srtp.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
const hex = (value: Uint8Array | undefined) => value && Buffer.from(value).toString('hex');

test('session keys are those of RFC 3711 B.3', () => {
  const secret = { key: bytes('E1F97A0D3E018BE0D64FA32C06DE4139'), salt: bytes('0EC675AD498AFEEBB6960B3AABE6') };
  const keys = deriveKeys(secret, 'rtp');
  assert.equal(hex(keys.key), 'c61e7a93744f39ee10734afe3ff7a087');
  assert.equal(hex(keys.salt), '30cbbc08863d8c85d49db34a9ae1');
  assert.equal(hex(keys.authentication), 'cebe321f6ff7716b6fd4ab49af256a156d38baa4');
});

for (const profile of [AES_CM, AES_GCM]) {
  suite(`SRTP profile ${profile.id}`, () => {
    const secret = (fill: number) => ({
      key: new Uint8Array(profile.keyBytes).fill(fill),
      salt: new Uint8Array(profile.saltBytes).fill(fill + 1),
    });
    const open = () => ({
      sender: new Srtp({ profile: profile.id, local: secret(1), remote: secret(3) }),
      receiver: new Srtp({ profile: profile.id, local: secret(3), remote: secret(1) }),
    });
    const copy = (sealed: Uint8Array | undefined) => sealed && Uint8Array.from(sealed);
    const protect = (srtp: Srtp, packet: Uint8Array) => copy(srtp.protect(splitRtp(packet)!));
    const seal = (srtp: Srtp, packet: Uint8Array) => protect(srtp, packet) ?? assert.fail('refused');
    const rtp = (sequence: number, ssrc = 7) => {
      const packet = Buffer.alloc(40, sequence & 0xff);
      packet.writeUInt16BE(0x8060, 0);
      packet.writeUInt16BE(sequence & 0xffff, 2);
      packet.writeUInt32BE(ssrc, 8);
      return new Uint8Array(packet);
    };
    const sealReport = (srtp: Srtp) => copy(srtp.protectRtcp(report)) ?? assert.fail('refused');
    const report = bytes('81c90007 00000001 00000002 00000000 00000003 00000004 00000005 00000006');

    test('a packet is readable only by the peer, and only once', () => {
      const { sender, receiver } = open();
      const sealed = seal(sender, rtp(5));
      assert.notDeepEqual(sealed.subarray(12, 40), rtp(5).subarray(12));
      assert.equal(hex(receiver.unprotect(sealed)), hex(rtp(5)));
      assert.equal(receiver.unprotect(sealed), undefined);
    });

    test('each changed bit is detected', () => {
      const { sender, receiver } = open();
      const sealed = seal(sender, rtp(5));
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const changed = Uint8Array.from(sealed);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(receiver.unprotect(changed), undefined, `bit ${bit}`);
      }
      assert.ok(receiver.unprotect(sealed));
    });

    test('the sequence number wraps, also with loss and reordering at the wrap', () => {
      const { sender, receiver } = open();
      const aroundWrap = (wrap: number) => Array.from({ length: 80 }, (_, n) => 65_536 * wrap - 40 + n);
      const sent = [...aroundWrap(1), 90_000, 90_001, 115_000, 115_001, ...aroundWrap(2)];
      const sealed = sent.map((n) => (n % 7 === 3 ? undefined : seal(sender, rtp(n))));
      for (let n = 0; n + 1 < sealed.length; n += 2) {
        for (const one of [sealed[n + 1], sealed[n]]) if (one) assert.ok(receiver.unprotect(one), `packet ${n}`);
      }
    });

    test('contributing sources and header extensions stay readable', () => {
      const { sender, receiver } = open();
      const packet = bytes('92600001 00000000 00000009 00000001 00000002 bede0001 10ff0000 aabbccdd');
      const sealed = seal(sender, packet);
      assert.equal(hex(sealed.subarray(0, 28)), hex(packet.subarray(0, 28)));
      assert.equal(hex(receiver.unprotect(sealed)), hex(packet));
    });

    test('a report is readable only by the peer, and only once', () => {
      const { sender, receiver } = open();
      const sealed = sealReport(sender);
      for (const at of [0, 5, 12, sealed.length - 12, sealed.length - 1]) {
        const changed = Uint8Array.from(sealed);
        changed[at]! ^= 1;
        assert.equal(receiver.unprotectRtcp(changed), undefined);
      }
      assert.equal(hex(receiver.unprotectRtcp(sealed)), hex(report));
      assert.equal(receiver.unprotectRtcp(sealed), undefined);
      assert.equal(hex(receiver.unprotectRtcp(sealReport(sender))), hex(report));
    });

    test('a packet older than the first one of its source is not sent, and nothing throws', () => {
      const { sender, receiver } = open();
      assert.ok(receiver.unprotect(seal(sender, rtp(3))));
      assert.equal(protect(sender, rtp(-2)), undefined);
      assert.ok(receiver.unprotect(seal(sender, rtp(4))));
    });

    test('malformed packets are not sent, and sources have a limit on both sides', () => {
      const { sender } = open();
      for (let length = 0; length < 16; length++) {
        const malformed = new Uint8Array(length).fill(0x9f);
        assert.equal(splitRtp(malformed), undefined);
        if (length < 12) assert.equal(sender.protect({ header: malformed, payload: malformed }), undefined);
        assert.equal(sender.protectRtcp(new Uint8Array(Math.min(length, 7))), undefined);
      }
      const sent = Array.from({ length: 1100 }, (_, ssrc) => protect(sender, rtp(1, ssrc)));
      assert.equal(sent.filter((one) => one !== undefined).length, 1024);
    });

    test('forged packets of unknown sources take no source away from the peer', () => {
      const { sender, receiver } = open();
      const forged = seal(sender, rtp(1));
      for (let ssrc = 100; ssrc < 300; ssrc++) {
        new DataView(forged.buffer, forged.byteOffset).setUint32(8, ssrc);
        assert.equal(receiver.unprotect(forged), undefined);
      }
      assert.ok(receiver.unprotect(seal(sender, rtp(2))));
    });

    test('random packets are rejected without an error (10,000 inputs, seeded)', () => {
      const { receiver } = open();
      const random = seeded(3711);
      for (let n = 0; n < 10_000; n++) {
        const packet = Uint8Array.from({ length: random(80) }, () => random(256));
        if (packet.length > 0) packet[0] = 0x80 | random(64);
        assert.equal(receiver.unprotect(packet), undefined);
        assert.equal(receiver.unprotectRtcp(packet), undefined);
      }
    });

    test('packets that are too short, or of too many sources, are dropped', () => {
      const { sender, receiver } = open();
      for (let length = 0; length < 30; length++) {
        assert.equal(receiver.unprotect(new Uint8Array(length).fill(0x90)), undefined);
        assert.equal(receiver.unprotectRtcp(new Uint8Array(length).fill(0x90)), undefined);
      }
      const read = Array.from({ length: 70 }, (_, ssrc) => receiver.unprotect(seal(sender, rtp(1, ssrc))));
      assert.equal(read.filter((one) => one !== undefined).length, 64);
    });
  });
}
