import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAck, readLossList, writeFullAck, writeLossRange } from './ack.ts';
import { fuzzSrtControl, fuzzSrtHandshake, fuzzSrtKeyMaterial } from './fuzz.fixture.ts';
import { parseHandshake } from './handshake.ts';
import * as header from './header.ts';
import { parseKeyMaterial } from './key-material.ts';
import { indexOf, sequenceOf, unwrapTimestamp } from './sequence.ts';
import { parseStreamId, printStreamId } from './stream-id.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');

/** A conclusion with the extensions that libsrt 1.5.1 sends for `srt://…?streamid=publish:a`. */
const conclusion = bytes(`
  80000000 00000000 0001f6a3 00000000
  00000005 00000005 3c1f7e55 000005dc 00002000 ffffffff 12345678 89abcdef
  0100007f 00000000 00000000 00000000
  00010003 00010501 000000bf 00780078
  00050003 6c627570 3a687369 00000061`);

test('a conclusion of libsrt has its parameters and its stream id (3.2.1)', () => {
  const handshake = parseHandshake(conclusion);
  assert.equal(handshake.version, 5);
  assert.equal(handshake.sequence, 0x3c1f7e55);
  assert.equal(handshake.socketId, 0x12345678);
  assert.deepEqual(handshake.parameters, { version: 0x010501, flags: 0xbf, receiveLatencyMs: 120, sendLatencyMs: 120 });
  assert.equal(handshake.streamId, 'publish:a');
});

test('a handshake that ends within an extension is refused with the offset', () => {
  assert.throws(() => parseHandshake(conclusion.subarray(0, conclusion.length - 4)), {
    name: 'FormatError',
    offset: 84,
  });
  assert.throws(() => parseHandshake(conclusion.subarray(0, 60)), { name: 'FormatError', offset: 60 });
});

test('stream ids are stored in groups of four reversed bytes (3.2.1.3)', () => {
  assert.equal(Buffer.from(printStreamId('abcdef')).toString('hex'), '64636261' + '00006665');
  for (const text of ['', 'a', 'abcd', '#!::r=live/ü,m=publish', 'x'.repeat(512)]) {
    assert.equal(parseStreamId(printStreamId(text)), text);
  }
  assert.throws(() => printStreamId('x'.repeat(513)), RangeError);
  assert.throws(() => parseStreamId(new Uint8Array(516)), { name: 'FormatError' });
});

test('headers of data packets are written and read in place (3.1)', () => {
  const packet = new Uint8Array(20);
  header.writeDataHeader(packet, {
    sequence: 0x7ffffffe,
    message: 0x3ffffff,
    key: 2,
    timestamp: 2 ** 32 + 5.7,
    destination: 9,
  });
  assert.equal(Buffer.from(packet).toString('hex'), '7ffffffe' + 'd3ffffff' + '00000005' + '00000009' + '00000000');
  assert.equal(header.isControl(packet), false);
  assert.equal(header.dataSequence(packet), 0x7ffffffe);
  assert.equal(header.dataKey(packet), 2);
  assert.equal(header.isRetransmitted(packet), false);
  header.markRetransmitted(packet);
  assert.equal(header.isRetransmitted(packet), true);
  assert.equal(header.timestampOf(packet), 5);
});

test('headers of control packets are written and read in place (3.2)', () => {
  const packet = new Uint8Array(16);
  header.writeControlHeader(packet, header.control.extension, header.keyMessage.response, 7, 8, 9);
  assert.equal(Buffer.from(packet).toString('hex'), 'ffff0004' + '00000007' + '00000008' + '00000009');
  assert.equal(header.isControl(packet), true);
  assert.equal(header.controlType(packet), header.control.extension);
  assert.equal(header.controlSubtype(packet), header.keyMessage.response);
  assert.equal(header.typeSpecific(packet), 7);
});

test('ACKs may be full, small or light (3.2.4)', () => {
  const packet = new Uint8Array(16 + 28);
  const ack = {
    sequence: 5,
    rttUs: 100,
    rttVarianceUs: 50,
    availablePackets: 8192,
    packetRate: 475,
    linkCapacity: 1000,
    byteRate: 625_000,
  };
  writeFullAck(packet, ack);
  assert.deepEqual(parseAck(packet), ack);
  assert.equal(parseAck(packet.subarray(0, 20)).rttUs, undefined);
  assert.equal(parseAck(packet.subarray(0, 20)).sequence, 5);
  assert.equal(parseAck(packet.subarray(0, 32)).availablePackets, 8192);
  assert.throws(() => parseAck(packet.subarray(0, 16)), { name: 'FormatError' });
});

test('loss lists compress ranges (Appendix A)', () => {
  const packet = new Uint8Array(16 + 12);
  let at = writeLossRange(packet, 16, 3, 3);
  at = writeLossRange(packet, at, 0x7ffffffe, 4);
  assert.equal(at, packet.length);
  assert.equal(Buffer.from(packet.subarray(16)).toString('hex'), '00000003' + 'fffffffe' + '00000004');
  const ranges: number[][] = [];
  readLossList(packet, (first, last) => ranges.push([first, last]));
  assert.deepEqual(ranges, [
    [3, 3],
    [0x7ffffffe, 4],
  ]);
  assert.throws(() => readLossList(packet.subarray(0, 24), () => {}), { name: 'FormatError', offset: 20 });
});

test('key material is refused when a field is wrong', () => {
  const message = bytes(`12 2029 01 00000000 02 00 02 00 0000 04 04 ${'00'.repeat(16)} ${'ab'.repeat(24)}`);
  assert.equal(parseKeyMaterial(message).keyLength, 16);
  for (const [at, value] of [
    [0, 0x22],
    [1, 0],
    [3, 0],
    [7, 1],
    [14, 0],
    [15, 8],
  ] as const) {
    const damaged = Uint8Array.from(message);
    damaged[at] = value;
    assert.throws(() => parseKeyMaterial(damaged), { name: 'FormatError' }, `byte ${at}`);
  }
});

test('sequence numbers wrap at 31 bits and timestamps at 32', () => {
  assert.equal(sequenceOf(0x7fffffff, 1), 0);
  assert.equal(sequenceOf(5, 2 ** 31), 5);
  assert.equal(indexOf(0x7ffffff0, 0x10, 20), 32);
  assert.equal(indexOf(0x7ffffff0, 0x7fffffe0, 3), -16);
  assert.equal(indexOf(7, 7, 2 ** 31 + 100), 2 ** 31);
  assert.equal(unwrapTimestamp(100, 0xffff_fff0), 2 ** 32 + 100);
  assert.equal(unwrapTimestamp(0xffff_fff0, 2 ** 32 + 100), 0xffff_fff0);
  assert.equal(unwrapTimestamp(50, 5 * 2 ** 32 + 40), 5 * 2 ** 32 + 50);
});

test('handshakes survive 2,000 random and damaged packets', () => {
  assert.ok(fuzzSrtHandshake(1, 2000) > 200);
});

test('key material survives 2,000 random and damaged messages', () => {
  assert.ok(fuzzSrtKeyMaterial(1, 2000) > 200);
});

test('bodies of control packets survive 2,000 random inputs', () => {
  assert.ok(fuzzSrtControl(1, 2000) > 200);
});
