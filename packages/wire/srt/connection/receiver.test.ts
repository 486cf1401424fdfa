import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { SenderClock } from './drift.ts';
import { LossRanges } from './loss-ranges.ts';
import { Pacing } from './pacing.ts';
import { SrtReceiver } from './receiver.ts';

/** A receiver of one-byte payloads, whose sender's clock is the local one. */
function open(options: { latencyUs?: number; maxPackets?: number; maxBytes?: number } = {}) {
  const events: string[] = [];
  const receiver = new SrtReceiver(
    { latencyUs: 100_000, maxPackets: 1024, maxBytes: 10_000, ...options },
    new SenderClock(0, 0),
    {
      deliver: (payload) => events.push(`${payload[0]}`),
      lose: (packets) => events.push(`-${packets}`),
      report: (from, to) => events.push(`?${from}-${to - 1}`),
    },
  );
  const take = (index: number, nowUs = index * 1000, isRepeated = false) => {
    if (receiver.wants(index, isRepeated)) receiver.take(index, Uint8Array.of(index), index * 1000, nowUs, isRepeated);
  };
  return { receiver, events, take };
}

test('contiguous packets are delivered at once, whatever the latency', () => {
  const { events, take } = open();
  for (const index of [0, 1, 2]) take(index);
  assert.deepEqual(events, ['0', '1', '2']);
});

test('a missing packet is reported at once and its successors wait for it', () => {
  const { receiver, events, take } = open();
  for (const index of [0, 3, 4]) take(index);
  assert.deepEqual(events, ['0', '?1-2']);
  take(2);
  take(1);
  assert.deepEqual(events, ['0', '?1-2', '1', '2', '3', '4']);
  assert.equal(receiver.counters.lost, 2);
  assert.equal(receiver.counters.recovered, 2);
  assert.equal(receiver.counters.dropped, 0);
});

test('packets that are out of order are not repaired, also where the second transmission is faster than the first', () => {
  const { receiver, take } = open();
  for (const index of [0, 2, 1, 4, 3, 8]) take(index);
  assert.equal(receiver.counters.repaired, 0);
  for (const index of [5, 6, 7]) take(index, 9_000, true);
  assert.equal(receiver.counters.repaired, 3);
  take(6, 10_000);
  assert.equal(receiver.counters.repaired, 2, 'the network had only delayed it');
  take(7, 10_000, true);
  assert.equal(receiver.counters.repaired, 2);
});

test('a missing packet is given up at the deadline of the next one', () => {
  const { receiver, events, take } = open();
  for (const index of [0, 3, 4, 6]) take(index);
  receiver.tick(102_999);
  assert.equal(events.at(-1), '?5-5');
  receiver.tick(103_000);
  assert.deepEqual(events.slice(-3), ['-2', '3', '4']);
  receiver.tick(106_000);
  assert.deepEqual(events.slice(-2), ['-1', '6']);
  take(5);
  assert.equal(receiver.counters.duplicates, 1);
  assert.equal(receiver.counters.dropped, 3);
});

test('the packets before a late one get the complete latency from its arrival', () => {
  const { receiver, events, take } = open();
  take(0);
  take(2, 60_000);
  receiver.tick(159_999);
  assert.deepEqual(events, ['0', '?1-1']);
  take(1, 159_999);
  assert.deepEqual(events, ['0', '?1-1', '1', '2']);
});

test('packets that the sender dropped are not waited for', () => {
  const { receiver, events, take } = open();
  for (const index of [0, 3, 5, 8]) take(index);
  receiver.drop(4, 5);
  receiver.drop(6, 7);
  assert.deepEqual(events.slice(-1), ['?6-7']);
  receiver.drop(1, 3);
  assert.deepEqual(events.slice(4), ['-2', '3', '-1', '5', '-1']);
  take(7);
  assert.deepEqual(events.slice(-2), ['7', '8']);
  assert.deepEqual(receiver.missing, []);
});

test('the buffer is bounded in packets: the oldest loss is given up', () => {
  const { receiver, events, take } = open({ maxPackets: 16 });
  for (let index = 0; index < 20; index++) if (index !== 2) take(index);
  assert.equal(receiver.counters.dropped, 1);
  assert.equal(receiver.counters.overflowed, 1);
  assert.deepEqual(events.slice(-2), ['18', '19']);
});

test('the buffer is bounded in bytes', () => {
  const { receiver, take } = open({ maxBytes: 10 });
  for (let index = 0; index < 20; index++) if (index !== 2) take(index);
  assert.equal(receiver.counters.dropped, 1);
  assert.equal(receiver.buffered, 0);
});

test('after an interruption that is longer than the buffer, delivery continues with what arrives', () => {
  const { receiver, events, take } = open({ maxPackets: 16 });
  take(0);
  take(100_000);
  assert.deepEqual(events, ['0', '-99999', `${100_000 & 0xff}`]);
  assert.equal(receiver.next, 100_001);
});

test('a timestamp far in the future cannot hold packets back', () => {
  const { receiver, events } = open();
  receiver.take(1, Uint8Array.of(1), 1e15, 0, false);
  receiver.tick(1_100_000);
  assert.deepEqual(events, ['?0-0', '-1', '1']);
});

test('random arrivals are delivered in order, each packet once, and every index is delivered or lost', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed);
    const { receiver, events, take } = open({ maxPackets: 64 });
    let at = 0;
    for (let round = 0; round < 400; round++) {
      at += random(3);
      take(Math.max(0, at - random(12)), round * 1000);
      if (random(20) === 0) at += random(50);
      if (random(30) === 0) receiver.drop(receiver.next, receiver.next + random(6));
      receiver.tick(round * 1000);
    }
    let expected = 0;
    for (const event of events) {
      if (event.startsWith('?')) continue;
      if (event.startsWith('-')) expected += Number(event.slice(1));
      else assert.equal(Number(event), expected++ & 0xff, `seed ${seed}`);
    }
    assert.equal(expected, receiver.next, `seed ${seed}`);
    assert.ok(receiver.end - receiver.next <= 64, `seed ${seed}`);
  }
});

test('ranges of missing packets are split and shortened', () => {
  const losses = new LossRanges();
  losses.append(0, 10, 0, 7);
  losses.append(20, 21, 0);
  assert.equal(losses.remove(5), 7);
  assert.equal(losses.remove(5), undefined);
  assert.equal(losses.remove(20), 0);
  assert.equal(losses.removeRange(2, 7), 4);
  assert.deepEqual(
    losses.ranges.map(({ from, to }) => [from, to]),
    [
      [0, 2],
      [7, 10],
    ],
  );
});

test('the clock of a sender that is slow by 100 ppm is followed', () => {
  const clock = new SenderClock(0, 0);
  // ACKACKs every 10 ms for 10 minutes.
  for (let us = 10_000; us < 600_000_000; us += 10_000) clock.sample(us, us * (1 - 100e-6), 1000);
  const error = clock.localUs(600_000_000 * (1 - 100e-6)) - 600_000_000;
  assert.ok(Math.abs(error) < 2000, `${error} µs`);
});

test('the sending rate is that of the input and a quarter more', () => {
  const pacing = new Pacing(undefined, 0);
  for (let us = 0; us < 2_000_000; us += 1000) pacing.queue(5000, us);
  assert.ok(Math.abs(pacing.rate - 6_250_000) < 300_000, `${pacing.rate}`);
  const limited = new Pacing(100_000, 0);
  limited.spend(200_000);
  limited.refill(500_000);
  assert.equal(limited.allows, false);
  limited.refill(1_500_000);
  assert.equal(limited.allows, true);
});
