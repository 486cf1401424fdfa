import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../random.fixture.ts';
import { parseRtp, printRtp } from './packet.ts';
import {
  parseRtcp,
  printNack,
  printPictureLoss,
  printReceiverReport,
  printSenderReport,
  printTransportFeedback,
} from './rtcp.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));

test('a packet with everything is read: contributing sources, extension, padding (RFC 3550 5.1)', () => {
  const packet = parseRtp(bytes('b2e0ffff 00000001 0000000a 00000001 00000002 bede0001 10ab0000 112233 00000003'));
  assert.deepEqual(
    { ...packet, payload: [...packet.payload], extensions: [...packet.extensions!] },
    {
      payloadType: 96,
      marker: true,
      sequence: 0xffff,
      timestamp: 1,
      ssrc: 10,
      payload: [0x11, 0x22, 0x33, 0],
      extensions: [[1, Uint8Array.of(0xab)]],
    },
  );
});

test('header extensions with two bytes are read (RFC 8285 4.3)', () => {
  const packet = parseRtp(bytes('90600001 00000001 0000000a 10000001 0c02abcd 55'));
  assert.deepEqual(packet.extensions, new Map([[12, Uint8Array.of(0xab, 0xcd)]]));
});

test('what is printed is read again', () => {
  const packet = {
    payloadType: 111,
    marker: false,
    sequence: 3,
    timestamp: 0xffff_ffff,
    ssrc: 0x8000_0001,
    payload: Uint8Array.of(1, 2, 3),
    extensions: new Map([
      [3, Uint8Array.of(9, 8)],
      [4, Uint8Array.of(1)],
    ]),
  };
  assert.deepEqual(parseRtp(printRtp(packet)), packet);
  const { extensions: _, ...plain } = packet;
  assert.deepEqual(parseRtp(printRtp(plain)), plain);
});

test('other versions and wrong padding are refused', () => {
  for (const packet of [
    '00600001 00000001 0000000a',
    'a0600001 00000001 0000000a 0000ff',
    'a0600001 00000001 0000000a 00',
  ]) {
    assert.throws(() => parseRtp(bytes(packet)), { name: 'FormatError' });
  }
});

test('a sender report keeps its time to less than a microsecond', () => {
  const report = { ssrc: 5, utcMs: 1_790_000_000_123.25, timestamp: 90_000, packets: 10, bytes: 2000 };
  const [read] = parseRtcp(printSenderReport(report, 'oxbow'));
  assert.equal(read?.type, 'senderReport');
  assert.ok(read.type === 'senderReport' && Math.abs(read.utcMs - report.utcMs) < 0.001, JSON.stringify(read));
  assert.deepEqual(
    { ...read, utcMs: report.utcMs, ntpMiddle: 0 },
    { type: 'senderReport', ...report, ntpMiddle: 0, reports: [] },
  );
});

test('a receiver report is read again, with losses below zero', () => {
  const report = {
    ssrc: 7,
    lossRate: 0.5,
    lost: -3,
    highestSequence: 0x0002_0001,
    jitter: 12,
    lastReport: 0x8000_0000,
    delay: 65_536,
  };
  const [read] = parseRtcp(printReceiverReport(1, [report], 'oxbow'));
  assert.deepEqual(read, { type: 'receiverReport', ssrc: 1, reports: [report] });
});

test('a NACK names up to 17 packets in a word, also where the numbers wrap (RFC 4585 6.2.1)', () => {
  const sequences = [65_530, 65_531, 2, 10, 11, 40];
  const printed = printNack(1, 2, sequences);
  assert.equal(printed.length, 12 + 3 * 4);
  assert.deepEqual(parseRtcp(printed), [{ type: 'nack', source: 2, sequences }]);
});

test('feedback and goodbyes are read; unknown packets are skipped', () => {
  const compound = [
    printTransportFeedback(1, 2, new Uint8Array(8)),
    printPictureLoss(1, 2),
    bytes('82cb0002 00000004 00000005'),
  ];
  assert.deepEqual(parseRtcp(new Uint8Array(Buffer.concat(compound))), [
    { type: 'pictureLoss', source: 2 },
    { type: 'bye', sources: [4, 5] },
  ]);
  assert.deepEqual(parseRtcp(bytes('84ce0004 00000001 00000000 00000007 05000000')), [
    { type: 'fullIntra', source: 7, sequence: 5 },
  ]);
  // Exponent 2, mantissa 1000.
  assert.deepEqual(parseRtcp(bytes('8fce0005 00000001 00000000 52454d42 010803e8 00000007')), [
    { type: 'bandwidth', bitrate: 4000 },
  ]);
});

test('random packets throw FormatError and nothing else (20,000 inputs, seeded)', () => {
  const random = seeded(3550);
  for (let n = 0; n < 20_000; n++) {
    const packet = Uint8Array.from({ length: random(80) }, () => random(256));
    if (packet.length > 1) packet.set([0x80 | (packet[0]! & 0x3f), random(2) ? 200 + random(7) : packet[1]!]);
    if (packet.length > 3 && random(2)) packet.set([0, random(20)], 2);
    for (const parse of [parseRtp, parseRtcp]) {
      try {
        parse(packet);
      } catch (error) {
        assert.equal((error as Error).name, 'FormatError');
      }
    }
  }
});
