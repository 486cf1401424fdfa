import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { seeded } from '@oxbow/media/random.fixture';
import { ticksToUs } from '@oxbow/media/run';
import { ArrivalClock } from './arrival-clock.ts';
import type { Sink } from './sink.ts';
import { audio, film, NOW_US, open, video } from './stream.fixture.ts';

const S = 1_000_000;

/** A clock that got frames of 40 ms; `arrivals`: when each one arrives, µs after the first. */
function measured(arrivals: readonly number[], fromPtsUs = 0): ArrivalClock {
  const clock = new ArrivalClock();
  for (const [i, atUs] of arrivals.entries()) clock.add(fromPtsUs + i * 40_000, NOW_US + atUs, atUs);
  return clock;
}

suite('the UTC offset of a publisher', () => {
  test('is the arrival of the frame that waited least, not that of the first one', () => {
    const steady = measured(Array.from({ length: 60 }, (_, i) => i * 40_000));
    assert.equal(steady.offsetUs, NOW_US);
    const backlog = measured(Array.from({ length: 60 }, (_, i) => Math.max(0, i - 25) * 40_000));
    assert.equal(backlog.offsetUs, NOW_US - 1 * S, 'a GOP of one second was sent at once');
  });

  test('is found when it has been steady for 200 ms, at the latest after two seconds', () => {
    assert.equal(measured([0, 40_000, 80_000]).isSettled, false);
    assert.equal(measured([0, 40_000, 80_000, 120_000, 160_000, 200_000]).isSettled, true);
    assert.equal(measured(Array.from({ length: 100 }, (_, i) => i * 3000)).isSettled, false, 'the burst is not over');
    assert.equal(measured(Array.from({ length: 101 }, (_, i) => i * 20_000)).isSettled, true, 'two seconds');
  });

  test('is found as soon when the encoder sends B-frames after the frames that they refer to', () => {
    const clock = new ArrivalClock();
    for (const [i, pts] of [2, 5, 3, 4, 8, 6].entries()) {
      clock.add(pts * 40_000, NOW_US + i * 40_000, i * 40_000, i * 40_000);
    }
    assert.equal(clock.isSettled, true);
    assert.equal(clock.offsetUs, NOW_US - 160_000);
  });

  test('of a standby publisher follows the drift of its clock', () => {
    const clock = measured(Array.from({ length: 250 }, (_, i) => i * 41_000));
    const newestUs = NOW_US + 249 * 1000;
    assert.ok(newestUs - clock.offsetUs <= 120_000, `${newestUs - clock.offsetUs} µs old`);
  });
});

/** Publishes a film of `seconds` whose frames before `liveS` were waiting when the publisher connected. */
function publishBurst(heard: ReturnType<typeof open>, seconds: number, liveS: number, frames: readonly Frame[]) {
  const arrival = new ArrivalClock();
  const { clock, stream } = heard;
  const firstUs = ticksToUs(frames[0]!.pts, 90_000);
  const add = (frame: Frame) => {
    const us = (ms: number) => Math.round(ms * 1000);
    const timescale = frame.trackId === 1 ? video.timescale : audio.timescale;
    arrival.add(ticksToUs(frame.pts, timescale), us(clock.nowMs()), us(clock.monotonicMs()));
  };
  const [first] = frames;
  add(first!);
  stream.startRun({
    tracks: [video],
    utcOffsetUs: arrival.offsetUs,
    arrival,
    clock: 'arrival',
    pace: { kind: 'continuous' },
  });
  stream.publish(first!);
  for (const frame of frames.slice(1)) {
    if (ticksToUs(frame.pts, 90_000) - firstUs > seconds * S) break;
    if (ticksToUs(frame.pts, 90_000) - firstUs > liveS * S) clock.advance(40);
    add(frame);
    stream.publish(frame);
  }
  return arrival;
}

suite('a run by arrival', () => {
  test('that begins with a burst is moved back to when its media was captured, for all sinks', () => {
    const heard = open();
    const { runs, stream } = heard;
    const got: number[] = [];
    const sink: Sink = {
      startRun: ({ run, startUs }) => void got.push(run.utcOffsetUs + S, startUs),
      write() {},
      flush() {},
      endRun() {},
      damage() {},
    };
    stream.sinks.attach(sink, { name: 'other' });
    publishBurst(heard, 6, 1.6, film(6));
    assert.equal(runs[0]!.startUs, NOW_US);
    assert.equal(stream.placement.utcOffsetUs, NOW_US - 1.6 * S - 1 * S);
    assert.deepEqual(got, [NOW_US, NOW_US, NOW_US - 1.6 * S, NOW_US - 1.6 * S]);
    assert.equal(stream.edge.endUs, heard.clock.nowMs() * 1000 + 40_000, 'the end of the last frame');
    assert.equal(runs[0]!.opening!.settle().startUs, NOW_US - 1.6 * S, 'the required sink asks');
    assert.equal(stream.placement.context!.opening, undefined);
  });

  test('is final once a sink needs it: later frames do not move it', () => {
    const heard = open();
    heard.stream.sinks.attach(
      {
        startRun: ({ opening }) => void opening?.settle(),
        write() {},
        flush() {},
        endRun() {},
        damage() {},
      },
      { name: 'eager' },
    );
    publishBurst(heard, 6, 1.6, film(6));
    assert.equal(heard.stream.placement.utcOffsetUs, NOW_US - S);
  });

  test('never begins before the end of what the stream has, and its gap is measured to its final start', () => {
    for (const [endUs, startUs, gaps] of [
      [NOW_US - 1 * S, NOW_US - 1 * S, []],
      [NOW_US - 5 * S, NOW_US - 1.6 * S, [[NOW_US - 5 * S, NOW_US - 1.6 * S]]],
    ] as const) {
      const heard = open({
        endUs,
        hasMedia: true,
        gaps: [{ fromUs: endUs, toUs: NOW_US, cause: 'offline', detail: '' }],
      });
      publishBurst(heard, 6, 1.6, film(6));
      const { context } = heard.stream.placement;
      assert.equal(context!.startUs, startUs);
      assert.deepEqual(
        context!.gaps.map(({ fromUs, toUs }) => [fromUs, toUs]),
        gaps,
      );
    }
  });

  test('of every seed has an offset that is the minimum of the first two seconds, and UTC that only grows', () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = seeded(seed);
      const endUs = NOW_US - random(4 * S);
      const heard = open({ endUs, hasMedia: true });
      const arrival = publishBurst(heard, 3 + random(4), random(30) / 10, film(8));
      heard.stream.offline('left');
      const { startUs, run } = heard.runs[0]!.opening!.settle();
      assert.ok(startUs >= endUs, `seed ${seed}`);
      assert.ok(run.utcOffsetUs >= arrival.offsetUs, `seed ${seed}`);
      assert.ok(startUs === endUs || run.utcOffsetUs - arrival.offsetUs < 6000, `seed ${seed}`);
    }
  });
});
