/**
 * RunFeeder on a real Stream: every frame that a source lists once is published once, or its time is a listed
 * gap.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { audioFrames, audioTrack } from '../../../live/frames.fixture.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import { type Fed, feed, type Made, made, publish, RATE, track } from './feeder-stream.fixture.ts';

/** Asserts that a sink received all of these once, in order, and that UTC never goes back. */
function assertAll({ frames, runs, stream, events }: Fed, offered: readonly Made[]): void {
  const wanted = offered.flatMap((each) => each.frames);
  assert.equal(frames.length, wanted.length, `${wanted.length - frames.length} frames are missing`);
  for (const [i, { frame }] of frames.entries()) assert.equal(frame.data, wanted[i]!.data);
  for (const [i, { atUs }] of frames.slice(1).entries()) assert.ok(atUs > frames[i]!.atUs, 'UTC runs forward');
  assert.deepEqual(
    runs.slice(1).flatMap(({ gaps }) => gaps),
    [],
  );
  assert.ok(!events.some(({ type }) => type === 'clipped'));
  assert.ok(stream.edge.endUs >= frames.at(-1)!.atUs);
}

suite('new media of a source whose clock is early', () => {
  for (const overlapMs of [30, 41, 60, 200, 1000, 5000, 20_000, 59_000, 61_000, 3_600_000]) {
    test(`loses no frame at a DISCONTINUITY whose date is ${overlapMs} ms early`, () => {
      const fed = feed();
      const feeder = fed.connect();
      const all = Array.from({ length: 10 }, (_, i) => {
        const isNext = i >= 3;
        const dateMs = fed.clock.nowMs() - 18_000 - (isNext ? overlapMs : 0);
        const each = made(fed, i, isNext ? 1000 + 6 * i : 50 + 6 * i, {
          programDateTimeMs: dateMs,
          edgeMs: dateMs + 18_000,
          toEdgeS: 18,
          discontinuity: i === 3,
          discontinuitySequence: isNext ? 1 : 0,
          ...(i < 3 && { opening: 1 }),
        });
        publish(feeder, each);
        fed.clock.advance(6000);
        return each;
      });
      assertAll(fed, all);
    });
  }

  for (const staleS of [8, 15, 30]) {
    test(`loses no frame at a DISCONTINUITY without a date after a first list that was ${staleS} s old`, () => {
      const fed = feed();
      const feeder = fed.connect();
      const all = Array.from({ length: 40 }, (_, i) => {
        const isNext = i >= 20;
        const arrivedMs = fed.clock.nowMs() + (i < 3 ? 1000 * staleS : 0);
        const each = made(
          fed,
          i,
          isNext ? 5 + 2 * i : 50 + 2 * i,
          { arrivedMs, discontinuity: i === 20, discontinuitySequence: isNext ? 1 : 0, ...(i < 3 && { opening: 1 }) },
          2,
        );
        publish(feeder, each);
        fed.clock.advance(2000);
        return each;
      });
      assertAll(fed, all);
    });
  }

  test('loses no frame when the clock of the computer is set back before a DISCONTINUITY without a date', () => {
    for (const backS of [3, 20, 59, 3600]) {
      const fed = feed();
      const feeder = fed.connect();
      const all = Array.from({ length: 40 }, (_, i) => {
        const isNext = i >= 20;
        if (i === 20) fed.clock.step(-1000 * backS);
        const more = { discontinuity: i === 20, discontinuitySequence: isNext ? 1 : 0, ...(i < 3 && { opening: 1 }) };
        const each = made(fed, i, isNext ? 5 + 2 * i : 50 + 2 * i, more, 2);
        publish(feeder, each);
        fed.clock.advance(2000);
        return each;
      });
      assertAll(fed, all);
    }
  });

  test('keeps the length of a gap: the time of lost segments is reported', () => {
    for (const [name, discontinuity] of [
      ['in the same clock', false],
      ['at a DISCONTINUITY', true],
    ] as const) {
      const fed = feed();
      const feeder = fed.connect();
      for (let i = 0; i < 10; i++) {
        const isNext = i >= 3;
        const dateMs = fed.clock.nowMs() - 18_000 - (isNext ? 20_000 : 0);
        const isBreak = i === 3 || (discontinuity && i === 7);
        const each = made(fed, i, isNext ? (discontinuity && i >= 7 ? 9000 : 1000) + 6 * i : 50 + 6 * i, {
          programDateTimeMs: dateMs,
          edgeMs: dateMs + 18_000,
          toEdgeS: 18,
          discontinuity: isBreak,
        });
        if (i === 6) feeder.absent('source-skipped', 'HTTP 404');
        else publish(feeder, each);
        fed.clock.advance(6000);
      }
      const gaps = fed.runs.slice(1).flatMap(({ gaps }) => gaps);
      assert.equal(gaps.length, 1, name);
      const [{ fromUs, toUs, cause, detail }] = gaps as [(typeof gaps)[0]];
      assert.deepEqual([cause, detail], ['source-skipped', 'HTTP 404']);
      assert.ok(Math.abs(toUs - fromUs - 6_000_000) < 200_000, `${name}: ${toUs - fromUs}`);
    }
  });

  test('keeps the time of segments that are lost just before the origin restarts', () => {
    const fed = feed();
    const feeder = fed.connect();
    for (let i = 0; i < 10; i++) {
      // The dates are 15 s early from the third segment on, also after the restart.
      const dateMs = fed.clock.nowMs() - 18_000 - (i >= 2 ? 15_000 : 0);
      const life = i >= 6 ? { epoch: 1, opening: 2 } : {};
      const more = { programDateTimeMs: dateMs, edgeMs: dateMs + 18_000, toEdgeS: 18, ...life };
      const each = made(fed, i >= 6 ? i - 6 : i, (i >= 6 ? 0 : 100) + 6 * i, {
        ...more,
        discontinuity: i === 2 || i === 6,
      });
      if (i === 5) feeder.absent('source-skipped', 'HTTP 404');
      else publish(feeder, each);
      fed.clock.advance(6000);
    }
    assert.equal(fed.frames.length, 9 * 6 * RATE);
    const gaps = fed.runs.slice(1).flatMap(({ gaps }) => gaps);
    assert.deepEqual(
      gaps.map(({ fromUs, toUs, detail }) => [detail, (toUs - fromUs) / 1e6]),
      [['HTTP 404', 6]],
    );
  });
});

test('a segment whose timestamps jump begins a run before its sound is published, whichever track comes first', () => {
  for (const jumpS of [-40, 0.6, 40]) {
    const fed = feed();
    const feeder = fed.connect();
    const audio = audioTrack();
    const tracks = [track, audio];
    const sounds: Frame[][] = [];
    for (let i = 0; i < 6; i++) {
      const mediaS = 100 + 2 * i + (i >= 3 ? jumpS : 0);
      const each = made(fed, i, mediaS, {}, 2);
      sounds.push(
        audioFrames({ track: audio, seconds: 2, startS: mediaS, seed: i }).filter(({ dts }) => dts >= mediaS * 48_000),
      );
      feeder.publish(each.segment, { groups: [{ tracks, frames: [...sounds.at(-1)!, ...each.frames] }], damages: [] });
      fed.clock.advance(2000);
    }
    assert.equal(fed.runs.length, 2, `${jumpS} s`);
    const written = fed.frames.filter(({ frame }) => frame.trackId === audio.id);
    assert.equal(written.length, sounds.flat().length, `${jumpS} s`);
    const begins = fed.frames.findIndex(({ frame }) => sounds[3]!.includes(frame));
    assert.ok(
      fed.frames.slice(begins).every(({ run }) => run === 2),
      `${jumpS} s`,
    );
  }
});

suite('media that a source offers again', () => {
  /** Lists of three segments of 6 s, each with a date. */
  const listed = (fed: Fed, from: number, to: number, more: (i: number) => Partial<QueuedSegment> = () => ({})) =>
    Array.from({ length: to - from }, (_, k) => {
      const i = from + k;
      const dateMs = 1_795_000_000_000 + 6000 * i;
      return made(fed, i, 50 + 6 * i, { programDateTimeMs: dateMs, edgeMs: dateMs + 18_000, toEdgeS: 18, ...more(i) });
    });

  test('is not published twice after a reconnect, and the skipped frames are counted', () => {
    const fed = feed();
    const first = listed(fed, 0, 5);
    const before = fed.connect();
    for (const each of first) publish(before, each);
    fed.stream.absent('source-down', 'the source restarted');
    const after = fed.connect();
    const again = listed(fed, 2, 6, () => ({ opening: 1, arrivedMs: 1_795_000_000_000 + 48_000 }));
    for (const each of again) publish(after, each);
    const wanted = [...first, ...again.slice(3)].flatMap(({ frames }) => frames.map(({ data }) => data));
    assert.deepEqual(
      fed.frames.map(({ frame }) => frame.data.length),
      wanted.map(({ length }) => length),
    );
    assert.deepEqual(fed.runs.at(-1)!.gaps, []);
    const clipped = fed.events.flatMap((event) => (event.type === 'clipped' ? [event.durationUs] : []));
    assert.deepEqual(clipped, [18_000_000]);
  });

  test('is not published twice if it contains a DISCONTINUITY', () => {
    const fed = feed();
    const first = listed(fed, 0, 5);
    const before = fed.connect();
    for (const each of first) publish(before, each);
    fed.stream.absent('source-down', '');
    const after = fed.connect();
    for (const each of listed(fed, 2, 6, (i) => ({ opening: 1, discontinuity: i === 4 }))) publish(after, each);
    assert.equal(fed.frames.length, 6 * 6 * RATE);
  });

  test('is not published twice when the origin restarts with other numbers', () => {
    const fed = feed();
    const feeder = fed.connect();
    const first = listed(fed, 0, 5, (i) => (i < 3 ? { opening: 1 } : {}));
    for (const each of first) publish(feeder, each);
    const again = listed(fed, 3, 6, (i) => ({ opening: 2, epoch: 1, msn: i - 3, discontinuity: i === 3 }));
    for (const each of again) publish(feeder, each);
    assert.equal(fed.frames.length, 6 * 6 * RATE);
  });

  test('differs from new media: segments after the first playlist are never skipped', () => {
    const fed = feed();
    const first = listed(fed, 0, 10);
    const before = fed.connect();
    for (const each of first) publish(before, each);
    fed.stream.absent('source-down', '');
    const after = fed.connect();
    // The source's clock was set back by 30 s meanwhile, so that new media has the dates of known media.
    const later = Array.from({ length: 6 }, (_, i) => {
      const dateMs = 1_795_000_000_000 + 60_000 + 6000 * i - 30_000;
      const more = { programDateTimeMs: dateMs, edgeMs: dateMs + 18_000, toEdgeS: 18, ...(i < 2 && { opening: 1 }) };
      return made(fed, 100 + i, 5000 + 6 * i, more);
    });
    for (const each of later) publish(after, each);
    assert.equal(
      fed.frames.length,
      (10 + 4) * 6 * RATE,
      'the two of the first playlist cannot be distinguished from old media',
    );
    const clipped = fed.events.flatMap((event) => (event.type === 'clipped' ? [event.durationUs] : []));
    assert.deepEqual(clipped, [12_000_000]);
  });

  test('is compared by the clock of the stream: a UTC offset that was moved forward applies to it too', () => {
    const fed = feed();
    const feeder = fed.connect();
    const early = (i: number) => {
      const dateMs = 1_795_000_000_000 + 6000 * i - (i >= 3 ? 20_000 : 0);
      return { programDateTimeMs: dateMs, edgeMs: dateMs + 18_000, toEdgeS: 18, discontinuity: i === 3 };
    };
    const first = Array.from({ length: 6 }, (_, i) => made(fed, i, (i >= 3 ? 1000 : 50) + 6 * i, early(i)));
    for (const each of first) publish(feeder, each);
    // Another server with the same media: the last two segments again, and a new one.
    for (const i of [4, 5, 6]) {
      const more = { ...early(i), msn: i + 700, epoch: 1, opening: 2, discontinuity: i === 4 };
      publish(feeder, made(fed, i, 1000 + 6 * i, more));
    }
    assert.equal(fed.frames.length, 7 * 6 * RATE);
  });
});

test('a pull without dates whose timestamps jump stays with the edge of its playlist; the window that it loads at once is one run', () => {
  const S = 1_000_000;
  const lengthS = 2;
  for (const jumpS of [1, 3, 12, 384, 3600, 25 * 86_400].flatMap((s) => [s, -s])) {
    for (const latency of [{}, { lowLatency: true } as const]) {
      const fed = feed();
      const feeder = fed.connect();
      const baseS = 30 * 86_400;
      // Ten segments are there at the start.
      for (let i = 0; i < 10; i++) {
        const opening = { toEdgeS: lengthS * (10 - i), opening: 1, ...latency };
        publish(feeder, made(fed, i, baseS + i * lengthS, opening, lengthS));
      }
      assert.equal(fed.runs.length, 1);
      for (let i = 10; i < 40; i++) {
        fed.clock.advance(lengthS * 1000);
        publish(feeder, made(fed, i, baseS + i * lengthS + (i >= 20 ? jumpS : 0), latency, lengthS));
        const aheadUs = fed.stream.edge.endUs - fed.clock.nowMs() * 1000;
        // Arrival is no more exact than two target durations.
        assert.ok(Math.abs(aheadUs) <= (2 * lengthS + 1) * S, `${jumpS} s: ${aheadUs / S} s off the clock at ${i}`);
      }
      assert.ok(fed.frames.slice(1).every(({ atUs }, i) => atUs > fed.frames[i]!.atUs));
      assert.equal(fed.frames.length, 40 * lengthS * RATE, `${jumpS} s`);
    }
  }
});
