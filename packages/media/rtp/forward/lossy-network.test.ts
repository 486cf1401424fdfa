import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '../../random.fixture.ts';
import { parseRtp, type RtpPacket } from '../packet.ts';
import { joinRtp } from '../pieces.fixture.ts';
import { videoSlot, videoSource, vp8Packet } from './forward.fixture.ts';

const PACKETS = 3000;
const INTERVAL_MS = 10;
const LOSS_PERCENT = 10;
const JITTER_MS = 100;
const DELAY_MS = 20;

/** A network of one direction in virtual time. */
class LossyNetwork<T> {
  readonly #random: (below: number) => number;
  #arriving: { readonly atMs: number; readonly item: T }[] = [];

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  send(item: T, nowMs: number): void {
    if (this.#random(100) < LOSS_PERCENT) return;
    this.#arriving.push({ atMs: nowMs + DELAY_MS + this.#random(JITTER_MS), item });
  }

  take(nowMs: number): T[] {
    const due = this.#arriving.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    this.#arriving = this.#arriving.filter(({ atMs }) => atMs > nowMs);
    return due.map(({ item }) => item);
  }
}

suite('forwarding over lossy networks', () => {
  for (const seed of [1, 2, 3]) {
    test(`10 % loss and 100 ms of jitter on both sides lose few packets, seed ${seed}`, () => {
      const up = new LossyNetwork<RtpPacket>(seed);
      const upFeedback = new LossyNetwork<readonly number[]>(seed + 10);
      const down = new LossyNetwork<Uint8Array>(seed + 20);
      const downFeedback = new LossyNetwork<readonly number[]>(seed + 30);
      const source = videoSource();
      const slot = videoSlot({ payloadType: 96 });
      const receiver = videoSource();
      slot.assign(source);
      const sent = (index: number) => vp8Packet(65_000 + index, { isKey: index === 0 });
      const received = new Map<number, RtpPacket>();
      for (let nowMs = 0; nowMs < PACKETS * INTERVAL_MS + 2000; nowMs += INTERVAL_MS) {
        const index = nowMs / INTERVAL_MS;
        // The first packet arrives: a key frame that is lost is requested again, which is another test.
        if (index === 0) down.send(joinRtp(slot.forward(source.push(sent(0), nowMs)!, nowMs)!), nowMs);
        else if (index < PACKETS) up.send(sent(index), nowMs);
        for (const numbers of upFeedback.take(nowMs))
          for (const number of numbers) up.send(sent((number - 65_000) & 0xffff), nowMs);
        for (const packet of up.take(nowMs)) {
          const forward = source.push(packet, nowMs);
          const pieces = forward && slot.forward(forward, nowMs);
          if (pieces) down.send(joinRtp(pieces), nowMs);
        }
        for (const numbers of downFeedback.take(nowMs))
          for (const pieces of slot.resend(numbers)) down.send(joinRtp(pieces), nowMs);
        for (const bytes of down.take(nowMs)) {
          const taken = receiver.push(parseRtp(bytes), nowMs);
          if (taken) received.set(taken.packet.sequence, taken.packet);
        }
        const [toSender, toSlot] = [source.nacks(nowMs), receiver.nacks(nowMs)];
        if (toSender.length > 0) upFeedback.send(toSender, nowMs);
        if (toSlot.length > 0) downFeedback.send(toSlot, nowMs);
      }
      const missing = PACKETS - received.size;
      assert.ok(missing <= PACKETS * 0.01, `${missing} of ${PACKETS} packets are missing`);
      // The slot's numbers are those of the sender, moved by a constant: nothing is out of place.
      for (const [sequence, { payload }] of received)
        assert.deepEqual(new Uint8Array(payload), sent(sequence - 100).payload, `packet ${sequence}`);
    });
  }
});
