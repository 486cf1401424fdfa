import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRtp, type RtpPacket } from '../packet.ts';
import { joinRtp } from '../pieces.fixture.ts';
import { parseRtcp } from '../rtcp.ts';
import { videoSlot, videoSource, vp8Packet } from './forward.fixture.ts';
import type { ForwardSlot } from './forward-slot.ts';
import type { ForwardSource } from './forward-source.ts';
import { VideoAllowance } from './video-allowance.ts';
import { readVp8 } from './vp8-descriptor.ts';

function send(source: ForwardSource, slot: ForwardSlot, packet: RtpPacket, nowMs = 0): RtpPacket | undefined {
  const taken = source.push(packet, nowMs);
  const pieces = taken && slot.forward(taken, nowMs);
  return pieces && parseRtp(joinRtp(pieces));
}

test('nothing is sent before the first packet of a key frame', () => {
  const [source, slot] = [videoSource(), videoSlot()];
  slot.assign(source);
  assert.ok(slot.waitsForKey);
  assert.equal(send(source, slot, vp8Packet(5)), undefined);
  const first = send(source, slot, vp8Packet(7, { isKey: true }))!;
  assert.deepEqual([first.sequence, first.timestamp, first.ssrc, first.payloadType], [100, 5000, 0xabcd, 120]);
  assert.ok(!slot.waitsForKey);
  assert.equal(send(source, slot, vp8Packet(6)), undefined, 'it is older than the key frame');
});

test('a hole of the source is a hole of the slot, and a late packet fills it', () => {
  const [source, slot] = [videoSource(), videoSlot()];
  slot.assign(source);
  send(source, slot, vp8Packet(65_535, { isKey: true }));
  const numbers = [65_537, 65_536].map((n) => send(source, slot, vp8Packet(n))!.sequence);
  assert.deepEqual(numbers, [102, 101]);
});

test('with another source numbers, timestamps and pictures continue, as of one source', () => {
  const [one, other, slot] = [videoSource(), videoSource(), videoSlot()];
  slot.assign(one);
  send(one, slot, vp8Packet(900, { isKey: true, picture: 50 }), 0);
  const last = send(one, slot, vp8Packet(901, { picture: 51 }), 66)!;
  slot.assign(other);
  assert.ok(slot.waitsForKey);
  assert.equal(send(one, slot, vp8Packet(902, { picture: 52 }), 70) !== undefined, false);
  const next = send(other, slot, vp8Packet(7, { isKey: true, picture: 9, ssrc: 5, timestamp: 4_294_967_000 }), 1066)!;
  assert.equal(next.sequence, last.sequence + 1);
  assert.equal(next.timestamp - last.timestamp, 90_000, 'as much as has passed');
  assert.equal(next.ssrc, last.ssrc);
  assert.equal(readVp8(next.payload)!.picture!.id, readVp8(last.payload)!.picture!.id + 1);
  assert.equal(readVp8(next.payload)!.layer!.index, readVp8(last.payload)!.layer!.index + 1);
});

test('a NACK is answered with the same bytes as before (RFC 7714 8.4); unknown and too many ones are not', () => {
  const [source, slot] = [videoSource(), videoSlot()];
  slot.assign(source);
  const taken = source.push(vp8Packet(10, { isKey: true }), 0)!;
  const sent = slot.forward(taken, 0)!;
  assert.deepEqual(slot.resend([100]), [sent]);
  assert.deepEqual(slot.resend([99, 101, 40_000]), []);
  const many = slot.resend(new Array<number>(100_000).fill(100));
  assert.ok(many.length < 20_000, 'a receiver cannot multiply the traffic');
  slot.assign(undefined);
  assert.deepEqual(slot.resend([100]), []);
});

test('the report of the source has the timestamps of the slot', () => {
  const [source, slot] = [videoSource(), videoSlot()];
  slot.assign(source);
  const report = {
    ...({ type: 'senderReport', ssrc: 1, utcMs: 1_795_000_000_000, ntpMiddle: 0, timestamp: 69_000 } as const),
    packets: 1,
    bytes: 1,
    reports: [],
  };
  assert.equal(slot.report(report), undefined, 'nothing is sent yet');
  send(source, slot, vp8Packet(10, { isKey: true, timestamp: 60_000 }));
  const [printed] = parseRtcp(slot.report(report)!);
  assert.ok(printed?.type === 'senderReport');
  assert.deepEqual([printed.ssrc, printed.timestamp], [0xabcd, 5000 + 9000]);
  assert.ok(Math.abs(printed.utcMs - report.utcMs) < 1);
});

test('a paused slot sends nothing, and begins again with a key frame', () => {
  const [source, slot] = [videoSource(), videoSlot()];
  slot.assign(source);
  send(source, slot, vp8Packet(1, { isKey: true }));
  slot.isPaused = true;
  assert.equal(send(source, slot, vp8Packet(2, { isKey: true })), undefined);
  slot.isPaused = false;
  assert.equal(send(source, slot, vp8Packet(3)), undefined);
  assert.equal(send(source, slot, vp8Packet(4, { isKey: true }))!.sequence, 101);
});

test('three seconds of loss take a picture away, ten good seconds give it back', () => {
  const allowance = new VideoAllowance(8);
  let nowMs = 0;
  const second = (loss: number, sent: number) => {
    allowance.report(loss);
    allowance.report(0);
    nowMs += 1000;
    return allowance.tick(sent, nowMs);
  };
  assert.equal(allowance.tick(3, 0), false);
  assert.deepEqual([second(0.3, 3), second(0.3, 3), second(0.3, 3)], [false, false, true]);
  assert.equal(allowance.allowed, 2);
  for (let i = 0; i < 9; i++) assert.equal(second(0, 2), false);
  assert.ok(second(0, 2));
  assert.equal(allowance.allowed, 3);
  for (let i = 0; i < 60; i++) second(0.5, allowance.allowed);
  assert.equal(allowance.allowed, 0, 'sound alone is left');
  assert.equal(allowance.tick(0, nowMs + 1000), false, 'without reports nothing changes');
});
