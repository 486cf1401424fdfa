import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Filed, PUSHED, PushSimulation } from './push-clock.ts';

const DAY_S = 86_400;
/** A base that no jump back takes below zero, ms. */
const BASE_MS = 40 * DAY_S * 1000;
const JUMPS_S = [1, 1.9, 2.1, 3, 12, 30, 384, 3600, DAY_S, 25 * DAY_S].flatMap((s) => [s, -s]);
/**
 * Jumps ahead are kept up to 2 s; a picture comes when its successor does, and a feed waits for the rest of
 * it.
 */
const WITHIN_US = 2_600_000;
const FRAMES_PER_S = 25;

const offUs = ({ utcUs, arrivedUs }: Filed) => utcUs - arrivedUs;
const runsOf = (filed: readonly Filed[]) => new Set(filed.map(({ run }) => run)).size;

function assertOrder(filed: readonly Filed[], name: string): void {
  for (const [i, { utcUs }] of filed.entries())
    assert.ok(i === 0 || utcUs > filed[i - 1]!.utcUs, `${name}: UTC runs back at picture ${i}`);
}

/** @param aheadUs most that a picture is ahead of its arrival @param lateUs most that it is behind */
function assertNear(filed: readonly Filed[], name: string, aheadUs: number, lateUs: number): void {
  for (const picture of filed) {
    const us = offUs(picture);
    assert.ok(us < aheadUs && us > -lateUs, `${name}: ${us / 1e6} s off at ${picture.arrivedUs / 1e6} s`);
  }
}

for (const protocol of PUSHED) {
  test(`timestamps over ${protocol} that jump: all is filed within two seconds of its arrival, also what later publishers send`, async () => {
    for (const jumpS of JUMPS_S) {
      const simulation = new PushSimulation();
      // In the middle of a GOP.
      await simulation.publish(protocol, 20, (ms) => BASE_MS + ms + (ms >= 8400 ? jumpS * 1000 : 0));
      simulation.clock.advance(3000);
      await simulation.publish(protocol, 8, (ms) => ms);
      const { filed } = simulation;
      const name = `${jumpS} s`;
      assertOrder(filed, name);
      assertNear(filed, name, WITHIN_US, WITHIN_US);
      // RTP waits for sender reports for 1.5 s.
      assertNear(
        filed.filter(({ arrivedUs }) => arrivedUs > 23_500_000),
        `${name}, second`,
        500_000,
        2_000_000,
      );
      assert.ok(filed.length >= 28 * FRAMES_PER_S - 60, `${name}: ${filed.length} pictures, more than a GOP is lost`);
    }
  });

  test(`the wrap of the clock over ${protocol} leaves no trace`, async () => {
    const ticks = {
      rtmp: 2 ** 32,
      'rtmp-31': 2 ** 31,
      srt: 2 ** 33 / 90,
      udp: 2 ** 33 / 90,
      rtp: 2 ** 32 / 90,
      rtsp: 2 ** 32 / 90,
    };
    for (const turns of [1, 2]) {
      const simulation = new PushSimulation();
      const fromMs = Math.round((turns * ticks[protocol] - 5600) / 40) * 40 + 13;
      await simulation.publish(protocol, 12, (ms) => fromMs + ms);
      const { filed } = simulation;
      assert.equal(runsOf(filed), 1);
      assert.ok(filed.length >= 12 * FRAMES_PER_S - 2, `${filed.length} pictures`);
      assert.deepEqual(simulation.damage, []);
    }
  });

  test(`a clock over ${protocol} that is slow or fast: never far behind, and ahead by no more than what was sent`, async () => {
    for (const speed of [0.9, 0.99, 1.01, 1.1]) {
      const simulation = new PushSimulation();
      await simulation.publish(protocol, 300, (ms) => BASE_MS + ms * speed);
      const { filed } = simulation;
      const aheadUs = Math.max(0, speed - 1) * 300_000_000;
      assertOrder(filed, `${speed}`);
      assertNear(filed, `${speed}`, aheadUs + 1_000_000, 6_000_000);
      // What is ahead holds the next publisher back by its own length alone.
      simulation.clock.advance(40_000);
      await simulation.publish(protocol, 8, (ms) => ms);
      assertNear(simulation.filed.slice(filed.length), `${speed}, second`, 500_000, 2_000_000);
    }
  });

  test(`a stall over ${protocol} that ends in a burst is no jump: its media keeps its time, in one run`, async () => {
    for (const stallS of [1, 4, 20]) {
      const simulation = new PushSimulation();
      const sendsAt = (ms: number) => (ms >= 8400 ? Math.max(ms, 8400 + stallS * 1000) : ms);
      await simulation.publish(protocol, 40, (ms) => BASE_MS + ms, sendsAt);
      const { filed } = simulation;
      assert.equal(runsOf(filed), 1, `${stallS} s`);
      assertNear(
        filed.filter(({ arrivedUs }) => arrivedUs > (9 + stallS) * 1e6),
        `${stallS} s`,
        500_000,
        2_000_000,
      );
      assert.ok(filed.length >= 40 * FRAMES_PER_S - 2, `${filed.length} pictures`);
    }
  });
}
