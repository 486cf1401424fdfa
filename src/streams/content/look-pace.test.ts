import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LookPace } from './look-pace.ts';

const SECOND = 1_000_000;
const SHARE = 0.0007;
const USUAL = [80_000, 250_000];
const FROZEN = [80_000, 1_500];

interface Plan {
  readonly seconds: number;
  /** Processor time of a picture at a time, ms. */
  readonly cpuMs: (second: number) => number;
  readonly sizes?: (second: number) => readonly number[];
  readonly isWrong?: (second: number) => boolean;
  readonly isBounded?: boolean;
  /** Groups of two seconds that come at once. */
  readonly burst?: number;
}

/** The times at which a stream is looked at, s, and what that took, ms. */
function looksOf({ seconds, cpuMs, sizes = () => USUAL, isWrong = () => false, isBounded = true, burst = 1 }: Plan) {
  const pace = new LookPace(SHARE);
  const times: number[] = [];
  let spentMs = 0;
  let running: (() => void)[] = [];
  for (let second = 0; second < seconds; second += 2) {
    const look = { atUs: second * SECOND, durationUs: 2 * SECOND, sizes: sizes(second) };
    if (pace.isDue(look, 2 * SECOND, isBounded)) {
      const countedUs = pace.begin(look);
      times.push(second);
      spentMs += cpuMs(second);
      running.push(() => pace.measured(cpuMs(second) * 1000, countedUs, isWrong(second)));
    }
    if ((second / 2) % burst !== burst - 1) continue;
    for (const end of running) end();
    running = [];
  }
  return { times, spentMs, share: spentMs / 1000 / seconds };
}

const distances = (times: readonly number[]) => times.slice(1).map((time, i) => time - times[i]!);

suite('the pace of content checks', () => {
  test('what costs little is looked at as often as the setting says', () => {
    const { times } = looksOf({ seconds: 60, cpuMs: () => 1.3 });
    assert.deepEqual(new Set(distances(times)), new Set([2]));
  });

  test('the distance follows from the processor time, and the share is kept when a picture becomes dear', () => {
    const { times, share } = looksOf({ seconds: 7200, cpuMs: (second) => (second < 3600 ? 7 : 28) });
    assert.deepEqual(new Set(distances(times.filter((time) => time < 3600))), new Set([10]));
    assert.deepEqual(new Set(distances(times.filter((time) => time > 3700))), new Set([40]));
    assert.ok(share <= SHARE * 1.01, `${share}`);
  });

  test('whatever one costs, they are at most a minute apart', () => {
    const { times } = looksOf({ seconds: 1200, cpuMs: () => 500 });
    assert.deepEqual(new Set(distances(times)), new Set([60]));
  });

  test('a change of the sizes is looked at in the same group, and twice more soon', () => {
    const { times } = looksOf({
      seconds: 620,
      cpuMs: () => 14,
      sizes: (second) => (second < 606 ? USUAL : FROZEN),
    });
    assert.deepEqual(
      times.filter((time) => time >= 600),
      [600, 606, 608, 610],
    );
  });

  test('what looks wrong is looked at often until half of what may be spent ahead is spent', () => {
    const isWrong = (second: number) => second >= 1000 && second < 4600;
    const { times, spentMs } = looksOf({ seconds: 9000, cpuMs: () => 14, isWrong });
    const between = (from: number, to: number) => distances(times.filter((time) => time >= from && time < to));
    assert.ok(Math.max(...between(1000, 1030)) <= 2);
    assert.deepEqual(new Set(between(1100, 4600)), new Set([20]));
    assert.ok(Math.max(...between(4610, 9000)) <= 40, 'half of the share pays for it');
    assert.ok(spentMs <= 1000 * SHARE * (9000 + 450) + 14, `${spentMs} ms`);
  });

  test('sizes that always change, and pictures that always look wrong, cost no more than the share', () => {
    const hours = 10;
    const change = { sizes: (second: number) => (second % 4 === 0 ? USUAL : FROZEN), isWrong: () => true };
    const { spentMs } = looksOf({ seconds: hours * 3600, cpuMs: () => 30, ...change });
    assert.ok(spentMs <= 1000 * SHARE * (hours * 3600 + 900) + 30, `${spentMs} ms`);
  });

  test('a stream that always looks wrong still has some left for a change of its sizes', () => {
    const { times } = looksOf({
      seconds: 3620,
      cpuMs: () => 14,
      isWrong: () => true,
      sizes: (second) => (second < 3602 ? FROZEN : USUAL),
    });
    assert.ok(times.includes(3602) && times.includes(3604));
  });

  test('groups that come at once are counted before they are decoded', () => {
    const { times, share } = looksOf({ seconds: 3600, cpuMs: () => 14, burst: 5 });
    assert.deepEqual(times.slice(0, 3), [0, 20, 40]);
    assert.ok(share <= SHARE * 1.1, `${share}`);
  });

  test('without a bound it is always as often as the setting says', () => {
    const { times } = looksOf({ seconds: 60, cpuMs: () => 90, isBounded: false });
    assert.equal(times.length, 30);
  });

  test('after a failure, and after a jump back of the media', () => {
    const pace = new LookPace(SHARE);
    const at = (second: number) => ({ atUs: second * SECOND, durationUs: 2 * SECOND, sizes: USUAL });
    const isDue = (second: number) => pace.isDue(at(second), 2 * SECOND, true);
    pace.begin(at(1000));
    pace.failed(at(1000));
    assert.deepEqual([1002, 1020, 1032].map(isDue), [false, false, true]);
    pace.measured(14_000, pace.begin(at(1032)), false);
    assert.deepEqual([1034, 500].map(isDue), [false, true]);
    pace.measured(14_000, pace.begin(at(500)), false);
    assert.deepEqual([502, 540].map(isDue), [false, true]);
  });
});
