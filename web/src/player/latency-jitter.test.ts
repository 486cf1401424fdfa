/**
 * The target and the rate controller together, on simulated networks and decoders.
 * In: arrivals of Parts. Out: waits, stalls and latency.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyTarget } from './latency-target.ts';
import { RATE_EVERY_MS, RateController } from './rate-controller.ts';

const start = Date.UTC(2026, 0, 31, 20);
const STEP_MS = 10;
const PART_MS = 200;
const FRAME_S = 1 / 30;
/** As in the player: of these a wait is a stall, and within those it belongs to the last one. */
const STALL_MS = 300;
const SETTLING_MS = 1_500;

interface Link {
  /** From the end of Part `number` to its arrival, ms; Parts arrive in order. */
  readonly delayMs: (number: number) => number;
  /** Media that the decoder needs ahead of the picture, seconds. */
  readonly decoderS?: number;
}

interface Outcome {
  /** By minute. */
  readonly waits: number[];
  readonly stalls: number[];
  /** Latency at the end of each minute, seconds. */
  readonly latencies: number[];
}

/** Plays a stream whose Parts arrive over a link. */
function simulate(minutes: number, { delayMs, decoderS = 0.1 }: Link): Outcome {
  const target = new LatencyTarget();
  const controller = new RateController();
  const promise = { partTargetS: PART_MS / 1000, holdBackS: 6 };
  const outcome: Outcome = { waits: [], stalls: [], latencies: [] };
  let [part, arrivesAt, bufferedMs, shownMs, rate] = [1, 0, 0, -600, 1];
  let waitingAt: number | null = null;
  let settledAt = 0;
  let isStall = false;
  const count = (counts: number[], at: number) => {
    const minute = Math.floor(at / 60_000);
    counts[minute] = (counts[minute] ?? 0) + 1;
  };
  for (let at = 0; at < minutes * 60_000; at += STEP_MS) {
    for (; ; part++) {
      arrivesAt = Math.max(arrivesAt, part * PART_MS + delayMs(part));
      if (arrivesAt > at) break;
      bufferedMs = part * PART_MS;
      target.listed(start + bufferedMs, start + at, promise, 0.01);
      target.arrived(start + bufferedMs, start + at, FRAME_S);
    }
    const aheadS = (bufferedMs - shownMs) / 1000;
    if (aheadS < decoderS) {
      if (waitingAt === null && at - settledAt >= SETTLING_MS) {
        target.waits(aheadS);
        count(outcome.waits, at);
      }
      waitingAt ??= at;
      if (!isStall && at - waitingAt >= STALL_MS && waitingAt - settledAt >= SETTLING_MS) {
        isStall = true;
        target.stalled();
        count(outcome.stalls, at);
      }
    } else {
      const within = bufferedMs - target.targetLatencyS * 1000;
      if (isStall && within > shownMs + 150) shownMs = within;
      if (isStall) settledAt = at;
      waitingAt = null;
      isStall = false;
      shownMs += STEP_MS * rate;
    }
    if (at % RATE_EVERY_MS === 0) {
      const lateS = (at - shownMs - target.lineMs!) / 1000 - target.targetLatencyS;
      const step = controller.next({ lateS, aheadS });
      rate = step.rate;
      const within = Math.min(step.seekByS, aheadS - 0.15);
      if (within > 0.15) {
        shownMs += within * 1000;
        controller.onSeek();
        settledAt = at;
      }
      if (waitingAt === null) target.smooth(aheadS, at);
    }
    if (at % 60_000 === 60_000 - STEP_MS) outcome.latencies.push((at - shownMs) / 1000);
  }
  return outcome;
}

const sum = (counts: readonly number[], fromMinute = 0) =>
  counts.slice(fromMinute).reduce((total, one) => total + one, 0);

/** Random numbers from 0 to 1, always the same. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

test('on an even network the latency is below 0.4 s, without a wait', () => {
  const random = numbers(1);
  const { waits, latencies } = simulate(10, { delayMs: () => 10 + 10 * random() });
  assert.equal(sum(waits), 0);
  assert.ok(
    latencies.every((s) => s < 0.42),
    latencies.join(),
  );
});

test('on networks with jitter there are few stalls, and none once it is known', () => {
  for (const jitterMs of [50, 100, 200, 400, 700]) {
    for (let seed = 1; seed <= 5; seed++) {
      const random = numbers(seed);
      // The third power: most Parts arrive soon, some late.
      const { waits, stalls, latencies } = simulate(10, { delayMs: () => 30 + jitterMs * random() ** 3 });
      const found = `${jitterMs} ms: waits ${waits.join()}; stalls ${stalls.join()}; ${latencies.join()}`;
      assert.ok(sum(stalls) <= 1 && sum(waits) <= 15 && sum(waits, 2) <= 2, found);
      assert.ok(latencies.at(-1)! < 0.5 + (1.5 * jitterMs) / 1000, found);
    }
  }
});

test('a pause of the network that returns every 20 s stalls twice at most', () => {
  for (const pauseMs of [300, 600, 900]) {
    const delayMs = (number: number) => (number % 100 === 0 ? 20 + pauseMs : 20);
    const { waits, stalls } = simulate(10, { delayMs });
    assert.ok(sum(stalls) <= 2 && sum(waits) <= 3, `${pauseMs} ms: waits ${waits.join()}; stalls ${stalls.join()}`);
  }
});

test('pauses of the network that are too rare to be expected raise the target until they fit', () => {
  const { stalls } = simulate(30, { delayMs: (number) => (number % 450 === 0 ? 620 : 20) });
  assert.ok(sum(stalls) <= 8 && sum(stalls, 20) <= 3, stalls.join());
});

test('after one outage of the network the latency returns within three minutes', () => {
  const { stalls, latencies } = simulate(5, { delayMs: (number) => (number >= 300 && number < 325 ? 5_000 : 20) });
  assert.equal(sum(stalls), 1);
  assert.ok(latencies.at(-1)! < 0.7, latencies.join());
});

test('a decoder that needs more than Chromium waits a few times, and then no more', () => {
  for (const decoderS of [0.15, 0.2, 0.3]) {
    const { waits } = simulate(10, { delayMs: () => 20, decoderS });
    assert.ok(sum(waits) <= 5 && sum(waits, 3) === 0, `${decoderS} s: waits ${waits.join()}`);
  }
});
