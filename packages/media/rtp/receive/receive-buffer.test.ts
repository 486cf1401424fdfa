import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../random.fixture.ts';
import type { RtpPacket } from '../packet.ts';
import { ReceiveBuffer, type ReceiveOptions } from './receive-buffer.ts';

function open(options: Partial<ReceiveOptions> = {}) {
  const out: (number | 'lost')[] = [];
  const buffer = new ReceiveBuffer(
    { clockRate: 90_000, canRequest: true, ...options },
    { packet: ({ sequence }) => out.push(sequence), lost: () => out.push('lost') },
  );
  return { buffer, out };
}

function packet(sequence: number, timestamp = 0): RtpPacket {
  const payload = Uint8Array.of(1, 2, 3);
  return { payloadType: 96, marker: false, sequence: sequence & 0xffff, timestamp, ssrc: 1, payload };
}

test('packets out of order are released in order, also where the numbers wrap', () => {
  const { buffer, out } = open();
  for (const sequence of [65_534, 0, 65_535, 2, 1]) buffer.push(packet(sequence), 0);
  assert.deepEqual(out, [65_534, 65_535, 0, 1, 2]);
});

test('duplicates and late packets are dropped and counted', () => {
  const { buffer, out } = open();
  for (const sequence of [10, 11, 13, 13, 11, 9]) buffer.push(packet(sequence), 0);
  assert.deepEqual(out, [10, 11]);
  assert.deepEqual(buffer.counts, { late: 2, duplicates: 1, givenUp: 0, repaired: 0 });
});

test('without requests a hole is waited for 50 ms, then packets are lost', () => {
  const { buffer, out } = open({ canRequest: false });
  buffer.push(packet(1), 0);
  buffer.push(packet(3), 10);
  assert.deepEqual(buffer.nacks(20), []);
  buffer.tick(59);
  assert.deepEqual(out, [1]);
  buffer.tick(60);
  assert.deepEqual(out, [1, 'lost', 3]);
  assert.equal(buffer.counts.givenUp, 1);
});

test('a hole is requested three times, a round trip apart, and waited for at most 500 ms', () => {
  const { buffer, out } = open();
  buffer.missing.setRoundTrip(40);
  buffer.push(packet(1), 0);
  buffer.push(packet(4), 0);
  const requests: (readonly [number, readonly number[]])[] = [];
  let lostMs = 0;
  for (let nowMs = 0; nowMs <= 600; nowMs += 10) {
    const sequences = buffer.nacks(nowMs);
    if (sequences.length > 0) requests.push([nowMs, sequences]);
    buffer.tick(nowMs);
    if (lostMs === 0 && out.includes('lost')) lostMs = nowMs;
  }
  assert.deepEqual(requests, [
    [0, [2, 3]],
    [50, [2, 3]],
    [100, [2, 3]],
  ]);
  assert.equal(lostMs, 170);
  const slow = open();
  slow.buffer.missing.setRoundTrip(400);
  slow.buffer.push(packet(1), 0);
  slow.buffer.push(packet(3), 0);
  slow.buffer.tick(499);
  assert.deepEqual(slow.out, [1]);
  slow.buffer.tick(500);
  assert.deepEqual(slow.out, [1, 'lost', 3]);
});

test('a packet that is sent again fills the hole, and its answer measures the round trip', () => {
  const { buffer, out } = open();
  buffer.push(packet(1), 0);
  buffer.push(packet(3), 0);
  assert.deepEqual(buffer.nacks(0), [2]);
  buffer.push(packet(2), 30, true);
  assert.deepEqual(out, [1, 2, 3]);
  assert.equal(buffer.missing.waitMs(0), 3 * 37.5 + 20);
});

test('a sender that begins again far away is followed from its second packet on (RFC 3550 A.1)', () => {
  const { buffer, out } = open();
  for (const sequence of [1, 2, 40_000]) buffer.push(packet(sequence), 0);
  assert.deepEqual(out, [1, 2]);
  buffer.push(packet(40_001), 0);
  buffer.push(packet(40_002), 0);
  assert.deepEqual(out, [1, 2, 'lost', 40_001, 40_002]);
});

test('what waits is bounded in packets and bytes', () => {
  const { buffer, out } = open({ maxPackets: 10 });
  buffer.push(packet(0), 0);
  for (let sequence = 2; sequence < 2 + 11; sequence++) buffer.push(packet(sequence), 0);
  assert.deepEqual(out.slice(0, 3), [0, 'lost', 2]);
  const small = open({ maxBytes: 1000 });
  small.buffer.push(packet(0), 0);
  for (let sequence = 2; sequence < 2 + 2000; sequence += 2) small.buffer.push(packet(sequence), 0);
  assert.ok(small.buffer.waiting <= 5);
  assert.ok(small.buffer.missing.size <= 1024);
});

test('a report has losses since the last one, the highest number with its wraps, and jitter (RFC 3550 6.4.1, A.8)', () => {
  const { buffer } = open();
  for (let i = 0; i < 100; i++) if (i % 4 !== 3) buffer.push(packet(65_500 + i, i * 900), i * 10);
  assert.deepEqual(buffer.reception.take(), {
    lossRate: 24 / 99,
    lost: 24,
    highestSequence: 2 * 65_536 + 62,
    jitter: 0,
  });
  // Every second packet is 8 ms late: the mean difference is 8 ms.
  for (let i = 100; i < 300; i++) buffer.push(packet(65_500 + i, i * 900), i * 10 + 8 * (i % 2));
  const { lossRate, jitter } = buffer.reception.take();
  assert.equal(lossRate, 1 / 201);
  assert.ok(Math.abs(jitter - 720) < 5, String(jitter));
});

test('10,000 packets with losses, repeats and disorder come in order, each at most once (seeded)', () => {
  const random = seeded(3550);
  const { buffer, out } = open();
  const late: { readonly atMs: number; readonly sequence: number }[] = [];
  for (let i = 0; i < 10_000; i++) {
    if (random(10) > 0) late.push({ atMs: i + random(100), sequence: i });
    if (random(50) === 0) late.push({ atMs: i + random(300), sequence: i });
  }
  late.sort((a, b) => a.atMs - b.atMs);
  for (const { atMs, sequence } of late) {
    buffer.push(packet(sequence), atMs);
    buffer.tick(atMs);
  }
  buffer.flush();
  const numbers = out.filter((one) => one !== 'lost');
  assert.ok(numbers.every((one, i) => i === 0 || one > numbers[i - 1]!));
  assert.ok(numbers.length > 8900, String(numbers.length));
  // Each hole is reported, and nothing else.
  let holes = 0;
  for (const [i, one] of numbers.entries()) if (i > 0 && one !== numbers[i - 1]! + 1) holes++;
  assert.equal(out.length - numbers.length, holes);
});
