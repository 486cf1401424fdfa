import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { isRtcpReport, rtpPayloadAt } from './rtp-payload.ts';

const packet = (head: readonly number[], rest: readonly number[] = []) =>
  Uint8Array.from([...head, ...new Array(12 - head.length).fill(0), ...rest, 0x47, ...new Array(187).fill(0xff)]);

test('transport packets follow the fixed header, contributing sources and an extension (RFC 3550 5.1)', () => {
  assert.equal(rtpPayloadAt(packet([0x80, 33])), 12);
  assert.equal(rtpPayloadAt(packet([0x80, 0x80 | 33])), 12, 'with the marker bit');
  assert.equal(rtpPayloadAt(packet([0x82, 33], new Array(8).fill(1))), 20);
  assert.equal(rtpPayloadAt(packet([0x90, 33], [0, 0, 0, 1, 9, 9, 9, 9])), 20);
});

test('other datagrams are no MPEG-TS in RTP', () => {
  assert.equal(rtpPayloadAt(packet([0x80, 96])), undefined, 'another payload type');
  assert.equal(rtpPayloadAt(packet([0x40, 33])), undefined, 'another version');
  assert.equal(rtpPayloadAt(new Uint8Array(188).fill(0x47)), undefined, 'plain MPEG-TS');
  assert.equal(rtpPayloadAt(Uint8Array.of(0x80, 33)), undefined, 'a short one');
  assert.equal(rtpPayloadAt(packet([0x90, 33], [0, 0, 0xff, 0xff])), undefined, 'an extension without an end');
});

test('any datagram gives an offset within it, or none', () => {
  const random = seeded(7);
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from({ length: random(60) }, () => random(256));
    if (random(2) === 0) bytes.set([0x80 | random(32), 33].slice(0, bytes.length));
    const at = rtpPayloadAt(bytes);
    assert.ok(at === undefined || (at >= 12 && at < bytes.length));
  }
});

test('reports of RTCP are not media (RFC 3550 6.1)', () => {
  const report = Uint8Array.from([0x80, 200, 0, 6, ...new Array(24).fill(7)]);
  assert.equal(isRtcpReport(report), true, 'a sender report');
  assert.equal(isRtcpReport(Uint8Array.from([0x80, 201, 0, 1, 0, 0, 0, 7])), true, 'an empty receiver report');
  assert.equal(isRtcpReport(report.subarray(0, 20)), false, 'one that ends early');
  assert.equal(isRtcpReport(packet([0x80, 33])), false);
  assert.equal(isRtcpReport(new Uint8Array(188).fill(0x47)), false);
});
