/**
 * The effect of a step of the computer's clock on a pulled stream (docs/media.md 1 and 3).
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Fed, feed, made, publish } from './run/feeder-stream.fixture.ts';
import type { RunFeeder } from './run/run-feeder.ts';
import type { QueuedSegment } from './segment/queued-segment.ts';

const TD = 6;

/** Segments in real time from one number to another, each fetched when it is listed. */
function pull(
  fed: Fed,
  feeder: RunFeeder,
  from: number,
  to: number,
  more: (i: number) => Partial<QueuedSegment> = () => ({}),
): void {
  for (let i = from; i < to; i++) {
    publish(feeder, made(fed, i, 50 + TD * i, more(i), TD));
    fed.clock.advance(1000 * TD);
  }
}

/** How far UTC of the last frame is behind the clock, seconds. */
const behindS = ({ clock, frames }: Fed) => Math.round((clock.nowMs() * 1000 - frames.at(-1)!.atUs) / 100_000) / 10;
const gapsOf = ({ runs }: Fed) =>
  runs.slice(1).flatMap(({ gaps }) => gaps.map(({ cause, fromUs, toUs }) => [cause, (toUs - fromUs) / 1e6]));

suite('a computer clock that is set forward while a stream is pulled', () => {
  for (const stepS of [1.5, 5, 20, 3600, 2 * 86_400]) {
    test(`by ${stepS} s: the next burst begins a run with a new UTC offset, softly, and the step is a gap with cause clock`, () => {
      const fed = feed();
      const feeder = fed.connect();
      pull(fed, feeder, 0, 20);
      const before = behindS(fed);
      fed.clock.step(1000 * stepS);
      pull(fed, feeder, 20, 40);
      assert.equal(fed.runs.length, 2);
      const [first, second] = fed.runs;
      assert.equal(second!.soft, true);
      assert.equal(second!.run.utcOffsetUs - first!.run.utcOffsetUs, stepS * 1e6);
      assert.deepEqual(gapsOf(fed), [['clock', stepS]]);
      assert.equal(fed.frames.length, 40 * TD * 10, 'no frame is lost');
      const at = fed.frames.findIndex(({ atUs }) => atUs >= second!.startUs);
      assert.equal(at, 20 * TD * 10, 'at the first key frame of the next burst');
      assert.equal(behindS(fed), before);
      // Media after a gap keeps the new UTC offset.
      feeder.absent('source-skipped', 'HTTP 404');
      pull(fed, feeder, 41, 43);
      assert.equal(fed.runs.at(-1)!.run.utcOffsetUs, second!.run.utcOffsetUs);
    });
  }

  test('between the playlist and the frames of its segment: the next segment begins a run, as a gap with cause clock', () => {
    const fed = feed();
    const feeder = fed.connect();
    pull(fed, feeder, 0, 20);
    const before = behindS(fed);
    const listed = made(fed, 20, 50 + TD * 20, {}, TD);
    fed.clock.step(3_600_000);
    publish(feeder, listed);
    fed.clock.advance(1000 * TD);
    pull(fed, feeder, 21, 30);
    assert.equal(behindS(fed), before);
    assert.deepEqual(gapsOf(fed), [['clock', 3600]]);
    assert.equal(fed.frames.length, 30 * TD * 10, 'no frame is lost');
  });

  test('does not change the UTC offset of a source with dates', () => {
    const fed = feed();
    const feeder = fed.connect();
    let sourceMs = fed.clock.nowMs();
    const dated = () => {
      const programDateTimeMs = sourceMs;
      sourceMs += 1000 * TD;
      return { programDateTimeMs, edgeMs: programDateTimeMs + 1000 * TD };
    };
    pull(fed, feeder, 0, 20, dated);
    fed.clock.step(20_000);
    pull(fed, feeder, 20, 40, dated);
    assert.equal(fed.runs.length, 1);
  });

  test('is applied once it has happened twice, before the run is old enough too', () => {
    const fed = feed();
    const feeder = fed.connect();
    pull(fed, feeder, 0, 1);
    fed.clock.step(3000);
    fed.clock.step(4000);
    pull(fed, feeder, 1, 20);
    assert.equal(fed.runs.length, 2);
    assert.equal(fed.runs[1]!.run.utcOffsetUs - fed.runs[0]!.run.utcOffsetUs, 7_000_000);
  });

  test('while the source is down is a gap with cause clock, and shifts the following media', () => {
    for (const stepS of [5, 86_400]) {
      const fed = feed();
      const feeder = fed.connect();
      pull(fed, feeder, 0, 10);
      const before = behindS(fed);
      fed.clock.step(1000 * stepS);
      pull(fed, feeder, 10, 11, () => ({ discontinuity: true, discontinuitySequence: 1 }));
      pull(fed, feeder, 11, 20, () => ({ discontinuitySequence: 1 }));
      assert.equal(behindS(fed), before);
      assert.deepEqual(gapsOf(fed), [['clock', stepS]]);
    }
  });

  test('is not assumed after the computer slept if the playlist lost nothing', () => {
    const fed = feed();
    const feeder = fed.connect();
    pull(fed, feeder, 0, 20);
    // An hour has passed, but not for the monotonic clock; the playlist is long, and all of it is fetched at
    // once.
    fed.clock.step(3_600_000);
    const edge = 20 + 3600 / TD;
    const arrivedMs = fed.clock.nowMs();
    for (let i = 20; i < edge; i++) {
      publish(feeder, made(fed, i, 50 + TD * i, { arrivedMs, toEdgeS: (edge - i) * TD }, TD));
    }
    pull(fed, feeder, edge, edge + 10);
    assert.equal(fed.runs.length, 1);
  });
});

suite('a computer clock that is set back while a stream is pulled', () => {
  test('changes nothing until it passes its previous value: the UTC offset stays', () => {
    const fed = feed();
    const feeder = fed.connect();
    pull(fed, feeder, 0, 10);
    fed.clock.step(-20_000);
    pull(fed, feeder, 10, 20);
    assert.equal(fed.runs.length, 1);
    fed.clock.step(20_000);
    pull(fed, feeder, 20, 30);
    assert.equal(fed.runs.length, 1, 'it is back where it was');
    fed.clock.step(-20_000);
    pull(fed, feeder, 30, 40);
    fed.clock.step(25_000);
    pull(fed, feeder, 40, 50);
    assert.equal(fed.runs.length, 2);
    assert.equal(fed.runs[1]!.run.utcOffsetUs - fed.runs[0]!.run.utcOffsetUs, 5_000_000);
  });

  test('a gap in the media keeps its length, and UTC never goes back', () => {
    const fed = feed();
    const feeder = fed.connect();
    pull(fed, feeder, 0, 10);
    fed.clock.step(-20_000);
    pull(fed, feeder, 10, 15);
    feeder.absent('source-skipped', 'HTTP 404');
    fed.clock.advance(1000 * TD);
    pull(fed, feeder, 16, 20);
    assert.deepEqual(gapsOf(fed), [['source-skipped', TD]]);
    assert.equal(fed.runs[1]!.run.utcOffsetUs, fed.runs[0]!.run.utcOffsetUs);
  });
});

test('the skew of a source that comes in bursts, by its own clock or by playlists that are loaded late, does not move the UTC offset', () => {
  const fed = feed();
  const feeder = fed.connect();
  for (let i = 0; i < 600; i++) {
    publish(feeder, made(fed, i, 50 + TD * i, {}, TD));
    // A quarter of a percent slow, and up to two seconds late.
    fed.clock.advance(1000 * TD * 1.0025 + (i % 2 === 0 ? 2000 : -2000));
  }
  assert.equal(fed.runs.length, 1);
});
