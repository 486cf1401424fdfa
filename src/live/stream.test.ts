import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ticksToUs } from '@oxbow/media/run';
import { audioFrames, audioTrack, interleave } from './frames.fixture.ts';
import type { RunStart } from './input.ts';
import { referenceOf } from './reference.ts';
import type { RunContext } from './sink.ts';
import { audio, bursty, film, NOW_US, open, publish, start, video } from './stream.fixture.ts';

suite('where a run begins', () => {
  test('a run begins at the first key frame of the reference track; what comes before is no media', () => {
    const heard = open();
    heard.stream.startRun(start());
    publish(heard, film(3).slice(10));
    assert.equal(heard.frames[0]!.frame.dts, 2 * 90_000);
    assert.equal(heard.runs[0]!.startUs, NOW_US + 2_000_000);
    assert.equal(heard.runs[0]!.reference, video);
  });

  test('frames of other tracks that come before it and belong after it are kept, however a burst is ordered', () => {
    const heard = open();
    const tracks = [video, audio];
    heard.stream.startRun(start({ tracks, pace: bursty }));
    const sounds = audioFrames({ track: audio, seconds: 20, startS: 0.5 });
    for (const frame of [...sounds, ...film(20)]) heard.stream.publish(frame);
    const got = heard.frames.filter(({ frame }) => frame.trackId === 2).map(({ frame }) => frame);
    assert.deepEqual(
      got,
      sounds.filter((frame) => frame.pts >= 48_000),
    );
  });

  test('of frames that wait for a key frame, memory holds the last 2,048', () => {
    const heard = open();
    heard.stream.startRun(start({ tracks: [video, audio] }));
    const sounds = audioFrames({ track: audio, seconds: 60 });
    for (const frame of [...sounds, ...film(1, 10)]) heard.stream.publish(frame);
    assert.equal(heard.frames.filter(({ frame }) => frame.trackId === 2).length, 2048);
  });

  test('the reference is the first video track, else the first audio track (rule 6)', () => {
    assert.equal(referenceOf([audio, video]), video);
    assert.equal(referenceOf([audio, audioTrack(44_100, { id: 3 })]), audio);
    assert.throws(() => referenceOf([]));
  });

  test('publishing without a run is our bug', () => {
    const { stream } = open();
    assert.throws(() => stream.publish(film(1)[0]!), { name: 'AssertionError' });
    assert.throws(() => stream.startRun(start({ tracks: [] })), { name: 'AssertionError' });
  });

  test('UTC of every frame is the UTC offset + pts, and timestamps are not touched (rule 1)', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = film(3);
    publish(heard, frames);
    assert.deepEqual(
      heard.frames.map(({ frame }) => frame),
      frames,
    );
    assert.equal(heard.runs[0]!.run.utcOffsetUs, NOW_US);
    assert.equal(heard.stream.edge.endUs, NOW_US + 4_000_000);
    assert.equal(heard.stream.placement.context, heard.runs[0]);
  });

  test('times near or below zero are moved by whole seconds, in every track alike, and the UTC offset the other way', () => {
    const heard = open();
    const tracks = [video, audioTrack(44_100)];
    heard.stream.startRun(start({ tracks }));
    const frames = interleave(tracks, [film(5, -2.5, 1), audioFrames({ track: tracks[1]!, seconds: 5, startS: -2 })]);
    publish(heard, frames);
    const { run } = heard.runs[0]!;
    assert.equal(run.utcOffsetUs, NOW_US - 3_000_000);
    assert.ok(heard.frames.every(({ frame }) => frame.dts >= 0));
    for (const [i, { frame }] of heard.frames.entries()) {
      const { timescale } = tracks.find(({ id }) => id === frame.trackId)!;
      assert.equal(run.utcOffsetUs + ticksToUs(frame.pts, timescale), NOW_US + ticksToUs(frames[i]!.pts, timescale));
    }
    assert.equal(heard.runs[0]!.startUs, NOW_US - 2_460_000);
  });
});

suite('what was there before (rule 2)', () => {
  test("a run that would overlap the past by its clock's jitter is moved behind it", () => {
    const heard = open({ endUs: NOW_US + 1_030_000, hasMedia: true, lastRun: 6 });
    heard.stream.startRun(start());
    publish(heard, film(1));
    assert.equal(heard.runs[0]!.startUs, NOW_US + 1_030_000);
    assert.deepEqual([heard.runs[0]!.run.id, heard.runs[0]!.run.utcOffsetUs], [7, NOW_US + 30_000]);
  });

  test('what a source offers again is left out up to the end of what is there (rule 31)', () => {
    for (const [clock, pace] of [
      ['source', { kind: 'continuous' }],
      ['source', bursty],
      ['arrival', bursty],
    ] as const) {
      const heard = open({ endUs: NOW_US + 15_000_000, hasMedia: true });
      heard.stream.startRun(start({ clock, pace, tracks: [video, audio] }));
      heard.stream.nextSegment({ utcOffsetUs: NOW_US, clock, listedUs: NOW_US, mayRepeat: true, missingUs: 0 });
      publish(heard, interleave([video, audio], [film(30), audioFrames({ track: audio, seconds: 30, startS: 1 })]));
      const behind = clock === 'source' ? 0 : 3_000_000;
      // By arrival it is not known better than by three seconds: the run begins earlier and the UTC offset is
      // moved.
      assert.equal(heard.frames[0]!.frame.pts, 90_000 * (15 - behind / 1e6));
      assert.equal(heard.runs[0]!.startUs, NOW_US + 15_000_000);
      assert.deepEqual(heard.runs[0]!.gaps, []);
    }
  });

  test('an overlap of more than a minute is a clock that jumped back: no frame is dropped, UTC continues (rule 3)', () => {
    const heard = open({ endUs: NOW_US + 90_000_000, hasMedia: true });
    heard.stream.startRun(start());
    publish(heard, film(2));
    assert.equal(heard.frames[0]!.frame.pts, 90_000);
    assert.equal(heard.runs[0]!.startUs, NOW_US + 90_000_000);
  });

  test('what comes as it is captured is not dropped when the wall clock was set back (rule 3)', () => {
    const heard = open({ endUs: NOW_US + 30_000_000, hasMedia: true });
    heard.stream.startRun(start({ clock: 'arrival' }));
    publish(heard, film(2));
    assert.equal(heard.frames[0]!.frame.pts, 90_000);
    assert.equal(heard.runs[0]!.startUs, NOW_US + 30_000_000);
  });

  test('the very first run may lie before the stream was made', () => {
    const heard = open();
    heard.stream.startRun(start({ utcOffsetUs: NOW_US - 20_000_000 }));
    publish(heard, film(1));
    assert.equal(heard.runs[0]!.startUs, NOW_US - 19_000_000);
    assert.deepEqual(heard.runs[0]!.gaps, []);
    assert.equal(heard.stream.edge.endUs, NOW_US - 18_000_000);
  });
});

suite('skew of a run (rules 1 and 3)', () => {
  const slow = (options: Partial<RunStart>, frameMs = 40.4) => {
    const heard = open();
    heard.stream.startRun(start({ clock: 'arrival', ...options }));
    publish(heard, film(120), frameMs);
    return heard;
  };

  test('a source whose clock is slow is given a new UTC offset at a key frame, softly', () => {
    const heard = slow({});
    assert.equal(heard.runs.length, 2);
    const [first, second] = heard.runs as [RunContext, RunContext];
    assert.equal(first.soft, undefined);
    assert.equal(second.soft, true);
    assert.deepEqual([second.run.id, second.tracks, second.reference], [2, first.tracks, first.reference]);
    const stepUs = second.run.utcOffsetUs - first.run.utcOffsetUs;
    assert.ok(stepUs > 250_000 && stepUs < 500_000);
    const at = heard.frames.find(({ run }) => run === 2)!.frame;
    assert.ok(at.key);
    assert.equal(second.startUs, second.run.utcOffsetUs + ticksToUs(at.pts, 90_000));
    assert.ok(!heard.calls.includes('end'), 'timestamps continue');
    assert.equal(heard.frames.length, 3000);
    assert.ok(heard.stream.placement.skewUs! < 900_000, 'less is missing than would be without');
  });

  test('a source with its own clock, a bursty one, and a fast one keep their UTC offset', () => {
    assert.equal(slow({ clock: 'source' }).runs.length, 1);
    assert.equal(slow({ clock: 'source' }).stream.placement.skewUs, undefined);
    assert.equal(slow({ pace: bursty }).runs.length, 1);
    const fast = slow({}, 39.6);
    assert.equal(fast.runs.length, 1);
    assert.ok(fast.stream.placement.skewUs! < -250_000);
  });

  test('a wall clock that is set forward makes a new run at once, and a gap with cause clock', () => {
    const heard = open();
    heard.stream.startRun(start({ clock: 'arrival' }));
    const frames = film(20);
    publish(heard, frames.slice(0, 290));
    heard.clock.step(7000);
    publish(heard, frames.slice(290));
    assert.equal(heard.runs.length, 2);
    const [first, second] = heard.runs as [RunContext, RunContext];
    assert.equal(second.run.utcOffsetUs - first.run.utcOffsetUs, 7_000_000);
    const fromUs = NOW_US + 13_000_000;
    assert.deepEqual(second.gaps, [
      { fromUs, toUs: fromUs + 7_000_000, cause: 'clock', detail: 'the clock was set forward' },
    ]);
    assert.equal(second.soft, true);
    heard.stream.absent('source-down', '');
    heard.clock.advance(9000);
    publish(heard, film(3, 30));
    assert.equal(heard.runs[2]!.run.utcOffsetUs, second.run.utcOffsetUs, 'what comes after keeps the new UTC offset');
  });

  test('a run is not given a new UTC offset before it is ten seconds old', () => {
    const heard = open();
    heard.stream.startRun(start({ clock: 'arrival' }));
    const frames = film(20);
    publish(heard, frames.slice(0, 60));
    heard.clock.step(7000);
    publish(heard, frames.slice(60));
    assert.equal(heard.runs[1]!.startUs, heard.runs[0]!.startUs + 17_000_000);
  });

  test('a wall clock that is set back leaves the run as it is', () => {
    const heard = open();
    heard.stream.startRun(start({ clock: 'arrival' }));
    const frames = film(60);
    publish(heard, frames.slice(0, 290));
    heard.clock.step(-7000);
    publish(heard, frames.slice(290));
    assert.equal(heard.runs.length, 1);
    heard.stream.absent('source-down', '');
    heard.stream.startRun(start({ clock: 'arrival', utcOffsetUs: NOW_US - 7_000_000 }));
    publish(heard, film(3, 61));
    assert.equal(heard.runs[1]!.startUs, NOW_US + 61_000_000, 'and the next one continues at its end');
  });
});

test('sinks get bursts and damage', () => {
  const heard = open();
  heard.stream.startRun(start());
  heard.stream.flush();
  heard.stream.damage('a packet was lost');
  assert.deepEqual(heard.calls, ['flush', 'damage']);
  assert.deepEqual(heard.events, [{ type: 'damage', reason: 'a packet was lost' }]);
});

test('frames are in use while a sink may hold them, and while a run waits for its key frame', () => {
  const heard = open();
  const { stream } = heard;
  const isUnused = () => {
    let unused = false;
    stream.flush(() => {
      unused = true;
    });
    return unused;
  };
  assert.equal(isUnused(), false, 'its sink does not say that it holds none');
  stream.sinks.close();
  const passing = { holdsFrames: false, startRun() {}, write() {}, flush() {}, endRun() {}, damage() {} };
  stream.sinks.attach(passing, { name: 'passing' });
  assert.equal(isUnused(), false, 'it has just left');
  assert.equal(isUnused(), true);
  stream.startRun(start({ pace: bursty }));
  const [first, ...others] = film(2);
  stream.publish({ ...first!, key: false });
  assert.equal(isUnused(), false, 'the run waits');
  publish(heard, [first!, ...others]);
  assert.equal(isUnused(), true);
  const buffer = stream.sinks.bufferGop();
  assert.equal(isUnused(), false, 'the GOP buffer');
  buffer[Symbol.dispose]();
  const attachment = stream.sinks.attach({ ...passing, holdsFrames: true }, { name: 'queue' });
  assert.equal(isUnused(), false, 'it waits for the next key frame');
  attachment[Symbol.dispose]();
  stream.suspend('it left');
  assert.equal(isUnused(), false, 'a publisher that returns is compared with it');
  stream.offline('over');
  stream.startRun(start({ pace: bursty }));
  const leaving: Disposable = stream.sinks.attach(
    { ...passing, holdsFrames: true, write: () => leaving[Symbol.dispose]() },
    { name: 'leaving' },
  );
  assert.equal(isUnused(), false);
  publish(heard, film(2, 10));
  assert.equal(isUnused(), false, 'a sink that left within the burst, and may have frames of it');
  assert.equal(isUnused(), true);
});
