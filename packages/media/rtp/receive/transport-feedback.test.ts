import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../random.fixture.ts';
import { TransportFeedback } from './transport-feedback.ts';

/** Arrival in ms by number, as a sender reads it; undefined for a packet that did not arrive. */
function read(content: Uint8Array): { arrivals: Map<number, number | undefined>; count: number } {
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const [base, packets] = [view.getUint16(0), view.getUint16(2)];
  let time = (view.getUint32(4) >>> 8) * 64 * 4;
  const symbols: number[] = [];
  let at = 8;
  for (; symbols.length < packets; at += 2) {
    const chunk = view.getUint16(at);
    if (chunk < 0x8000) for (let i = 0; i < (chunk & 0x1fff); i++) symbols.push((chunk >> 13) & 3);
    else for (let i = 6; i >= 0; i--) symbols.push((chunk >> (2 * i)) & 3);
  }
  const arrivals = new Map<number, number | undefined>();
  for (const [i, symbol] of symbols.slice(0, packets).entries()) {
    const sequence = (base + i) & 0xffff;
    if (symbol === 0) arrivals.set(sequence, undefined);
    else {
      time += symbol === 1 ? view.getUint8(at) : view.getInt16(at);
      at += symbol;
      arrivals.set(sequence, time / 4);
    }
  }
  assert.ok(content.length % 4 === 0 && at <= content.length && content.length - at < 4);
  return { arrivals, count: view.getUint32(4) & 0xff };
}

test('arrivals and losses are read as they were, in quarters of a millisecond (3.1)', () => {
  const feedback = new TransportFeedback();
  assert.equal(feedback.print(), undefined);
  for (const [sequence, ms] of [
    [65_534, 1000],
    [65_535, 1000.5],
    [1, 1100],
    [2, 1090.25],
  ] as const) {
    feedback.arrived(sequence, ms);
  }
  const { arrivals, count } = read(feedback.print()!);
  assert.deepEqual(
    [...arrivals],
    [
      [65_534, 1000],
      [65_535, 1000.5],
      [0, undefined],
      [1, 1100],
      [2, 1090.25],
    ],
  );
  assert.equal(count, 0);
  assert.equal(feedback.print(), undefined);
  feedback.arrived(4, 1200);
  const next = read(feedback.print()!);
  assert.deepEqual(
    [...next.arrivals],
    [
      [3, undefined],
      [4, 1200],
    ],
  );
  assert.equal(next.count, 1);
});

test('5,000 packets with losses are each reported once (seeded)', () => {
  const random = seeded(17);
  const feedback = new TransportFeedback();
  const sent = new Map<number, number>();
  const seen = new Map<number, number>();
  const take = () => {
    for (let content = feedback.print(); content; content = feedback.print()) {
      for (const [sequence, ms] of read(content).arrivals) {
        if (ms === undefined) continue;
        assert.ok(!seen.has(sequence));
        seen.set(sequence, ms);
      }
    }
  };
  let ms = 5_000_000;
  for (let i = 0; i < 5000; i++) {
    ms += random(20) === 0 ? random(30_000) : random(8);
    if (random(10) > 0) {
      feedback.arrived((i + 63_000) & 0xffff, ms);
      sent.set((i + 63_000) & 0xffff, ms);
    }
    if (random(40) === 0) take();
  }
  take();
  assert.deepEqual([...seen], [...sent]);
});

test('arrivals that are never taken are bounded', () => {
  const feedback = new TransportFeedback();
  for (let i = 0; i < 20_000; i++) feedback.arrived(i & 0xffff, i);
  let packets = 0;
  for (let content = feedback.print(); content; content = feedback.print()) {
    packets += [...read(content).arrivals.values()].filter((ms) => ms !== undefined).length;
  }
  assert.equal(packets, 4096);
});
