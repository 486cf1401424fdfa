import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import { seeded } from '../lib/random.fixture.ts';
import type { Frame } from '../media/frame.ts';
import { ticksToUs } from '../media/run.ts';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from './frames.fixture.ts';
import type { RunStart } from './input.ts';
import { referenceOf } from './reference.ts';
import type { RunContext, Sink } from './sink.ts';
import { Stream, type StreamPast } from './stream.ts';
import type { StreamEvent } from './stream-event.ts';

const NOW_US = 1_795_000_000_000_000;
const video = videoTrack();
const audio = audioTrack();

interface Heard {
  readonly clock: ManualClock;
  readonly stream: Stream;
  readonly runs: RunContext[];
  readonly frames: { run: number; frame: Frame }[];
  readonly calls: string[];
  readonly events: StreamEvent[];
}

function open(past: Partial<StreamPast> = {}): Heard {
  const clock = createManualClock(NOW_US / 1000);
  const runs: RunContext[] = [];
  const frames: { run: number; frame: Frame }[] = [];
  const calls: string[] = [];
  const sink: Sink = {
    startRun(context) {
      runs.push(context);
      calls.push(`run ${context.run.id}`);
    },
    write: (frame) => void frames.push({ run: runs.at(-1)!.run.id, frame }),
    flush: () => void calls.push('flush'),
    endRun: () => void calls.push('end'),
    damage: () => void calls.push('damage'),
  };
  const stream = new Stream({
    clock,
    past: { endUs: NOW_US, hasMedia: false, lastRun: 0, absences: [], ...past },
  });
  stream.attach(sink, { name: 'test', required: true });
  const events: StreamEvent[] = [];
  stream.events.subscribe((event) => events.push(event));
  return { clock, stream, runs, frames, calls, events };
}

/** A run whose pts 0 is now, unless told otherwise. */
const start = (options: Partial<RunStart> = {}): RunStart => ({
  ...{ tracks: [video], eUs: NOW_US, clock: 'source', pace: { kind: 'continuous' } },
  ...options,
});
const bursty = { kind: 'bursty', intervalS: 6 } as const;
const film = (seconds: number, startS = 1, delay = 0) =>
  videoFrames({ track: video, seconds, rate: 25, gopS: 1, startS, delay });

function publish({ stream, clock }: Heard, frames: readonly Frame[], frameMs = 40): void {
  for (const frame of frames) {
    if (frame.trackId === 1) clock.advance(frameMs);
    stream.publish(frame);
  }
}

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

  test('UTC of every frame is E + pts, and timestamps are not touched (rule 1)', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = film(3);
    publish(heard, frames);
    assert.deepEqual(
      heard.frames.map(({ frame }) => frame),
      frames,
    );
    assert.equal(heard.runs[0]!.run.eUs, NOW_US);
    assert.equal(heard.stream.endUs, NOW_US + 4_000_000);
    assert.equal(heard.stream.context, heard.runs[0]);
  });

  test('times near or below zero are moved by whole seconds, in every track alike, and E the other way', () => {
    const heard = open();
    const tracks = [video, audioTrack(44_100)];
    heard.stream.startRun(start({ tracks }));
    const frames = interleave(tracks, [film(5, -2.5, 1), audioFrames({ track: tracks[1]!, seconds: 5, startS: -2 })]);
    publish(heard, frames);
    const { run } = heard.runs[0]!;
    assert.equal(run.eUs, NOW_US - 3_000_000);
    assert.ok(heard.frames.every(({ frame }) => frame.dts >= 0));
    for (const [i, { frame }] of heard.frames.entries()) {
      const { timescale } = tracks.find(({ id }) => id === frame.trackId)!;
      assert.equal(run.eUs + ticksToUs(frame.pts, timescale), NOW_US + ticksToUs(frames[i]!.pts, timescale));
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
    assert.deepEqual([heard.runs[0]!.run.id, heard.runs[0]!.run.eUs], [7, NOW_US + 30_000]);
  });

  test('what a source offers again is left out up to the end of what is there (rule 31)', () => {
    for (const [clock, pace] of [
      ['source', { kind: 'continuous' }],
      ['source', bursty],
      ['arrival', bursty],
    ] as const) {
      const heard = open({ endUs: NOW_US + 15_000_000, hasMedia: true });
      heard.stream.startRun(start({ clock, pace, tracks: [video, audio] }));
      heard.stream.listed({ eUs: NOW_US, clock, mayRepeat: true, missingUs: 0 });
      publish(heard, interleave([video, audio], [film(30), audioFrames({ track: audio, seconds: 30, startS: 1 })]));
      const behind = clock === 'source' ? 0 : 3_000_000;
      // By arrival it is not known better than by three seconds: the run begins earlier and E is moved.
      assert.equal(heard.frames[0]!.frame.pts, 90_000 * (15 - behind / 1e6));
      assert.equal(heard.runs[0]!.startUs, NOW_US + 15_000_000);
      assert.deepEqual(heard.runs[0]!.absences, []);
    }
  });

  test('an overlap of more than a minute is a clock that jumped back: nothing is dropped, UTC goes on (rule 3)', () => {
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
    heard.stream.startRun(start({ eUs: NOW_US - 20_000_000 }));
    publish(heard, film(1));
    assert.equal(heard.runs[0]!.startUs, NOW_US - 19_000_000);
    assert.deepEqual(heard.runs[0]!.absences, []);
    assert.equal(heard.stream.endUs, NOW_US - 18_000_000);
  });
});

suite('what is missing (rule 5)', () => {
  test('a hole of more than half a second has its causes, a smaller one joins', () => {
    for (const [ms, absences] of [
      [500, []],
      [501, [{ fromUs: NOW_US + 3_000_000, toUs: NOW_US + 3_501_000, cause: 'source-down', detail: 'HTTP 503' }]],
    ] as const) {
      const heard = open();
      heard.stream.startRun(start());
      publish(heard, film(2));
      heard.stream.absent('source-down', 'HTTP 503');
      heard.stream.startRun(start({ eUs: NOW_US + ms * 1000 }));
      publish(heard, film(1, 3));
      assert.deepEqual(heard.runs[1]!.absences, absences);
      assert.deepEqual(heard.calls, ['run 1', 'end', 'run 2']);
    }
  });

  test('before the first run the stream was offline since it was made', () => {
    const offline = { fromUs: NOW_US, toUs: NOW_US, cause: 'offline', detail: 'not yet started' } as const;
    const heard = open({ absences: [offline] });
    assert.deepEqual(heard.stream.absence, { cause: 'offline', detail: 'not yet started' });
    heard.stream.startRun(start());
    publish(heard, film(1));
    assert.deepEqual(heard.runs[0]!.absences, [{ ...offline, toUs: NOW_US + 1_000_000 }]);
    assert.equal(heard.stream.absence, undefined);
  });

  test('while media is missing the stream says so, since when, and has no run', () => {
    const heard = open();
    heard.stream.startRun(start());
    publish(heard, film(2));
    assert.deepEqual(heard.stream.absencesSince(0), []);
    heard.stream.offline('stopped');
    heard.clock.advance(5000);
    assert.equal(heard.stream.context, undefined);
    assert.deepEqual(heard.stream.absencesSince(NOW_US + 3_000_000), [
      { fromUs: NOW_US + 3_000_000, toUs: NOW_US + 7_000_000, cause: 'offline', detail: 'stopped' },
    ]);
    const told = heard.events.map((event) => (event.type === 'absent' ? [event.cause, event.atUs] : event.type));
    assert.deepEqual(told, ['run', ['offline', NOW_US + 3_000_000]]);
  });

  test('after an absence the same media may come back without a new start, under the same E', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = film(12);
    publish(heard, frames.slice(0, 50));
    heard.stream.absent('bad-media', 'unreadable');
    publish(heard, frames.slice(130));
    assert.deepEqual(
      heard.runs.map(({ run, startUs }) => [run.id, run.eUs, startUs - NOW_US]),
      [
        [1, NOW_US, 1_000_000],
        [2, NOW_US, 7_000_000],
      ],
    );
    assert.equal(heard.runs[1]!.absences[0]!.cause, 'bad-media');
    heard.stream.offline('unpublished');
    assert.throws(() => heard.stream.publish(frames[0]!), { name: 'AssertionError' });
  });

  test('a jump of more than half a second is a new run of the same E, from the next key frame', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = film(10);
    publish(heard, [...frames.slice(0, 60), ...frames.slice(90)]);
    assert.deepEqual(
      heard.runs.map(({ run, startUs }) => [run.id, run.eUs, startUs - NOW_US]),
      [
        [1, NOW_US, 1_000_000],
        [2, NOW_US, 5_000_000],
      ],
    );
    const [absence] = heard.runs[1]!.absences;
    assert.deepEqual(
      [absence!.cause, absence!.fromUs, absence!.toUs],
      ['source-skipped', NOW_US + 3_400_000, NOW_US + 5_000_000],
    );
    assert.equal(heard.stream.context, heard.runs[1]);
  });

  test('a jump of more than two frames is damage, less is not', () => {
    for (const [missing, damages] of [
      [2, 0],
      [3, 1],
      [12, 1],
    ] as const) {
      const heard = open();
      heard.stream.startRun(start());
      publish(heard, film(4).toSpliced(30, missing));
      assert.equal(heard.calls.filter((call) => call === 'damage').length, damages);
      assert.equal(heard.runs.length, 1);
    }
  });

  test('frames of a variable rate, whose durations are guesses, are all taken', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = videoFrames({ track: video, seconds: 20, rate: 'variable', gopS: 2, startS: 1 });
    publish(heard, frames);
    assert.equal(heard.frames.length, frames.length);
  });

  test('a frame at or before the last one is dropped and counted', () => {
    const heard = open();
    heard.stream.startRun(start());
    const frames = film(2);
    publish(heard, [...frames.slice(0, 30), frames[29]!, frames[20]!, ...frames.slice(30)]);
    assert.equal(heard.frames.length, 50);
    assert.equal(heard.events.filter((event) => event.type === 'damage').length, 2);
  });

  test('timestamps that begin again are a new run where the old one ended, as late as the old one was', () => {
    for (const pace of [{ kind: 'continuous' }, bursty] as const) {
      const heard = open();
      heard.stream.startRun(start({ pace, clock: 'arrival' }));
      publish(heard, film(20));
      heard.clock.advance(2000);
      publish(heard, film(5));
      assert.equal(heard.runs.length, 2);
      const joinUs = NOW_US + 21_000_000 + (pace === bursty ? 0 : 2_040_000 - 40_000);
      assert.ok(Math.abs(heard.runs[1]!.startUs - joinUs) <= 40_000, `${heard.runs[1]!.startUs - NOW_US}`);
      assert.equal(heard.frames.length, 625);
    }
  });

  test('a new start while media flows ends the run at the next key frame, and the hole in between is told', () => {
    const heard = open();
    heard.stream.startRun(start());
    publish(heard, film(2));
    heard.stream.startRun(start({ eUs: NOW_US + 3_000_000 }));
    publish(heard, film(3, 1).slice(1));
    assert.equal(heard.runs[1]!.startUs, NOW_US + 5_000_000);
    assert.equal(heard.runs[1]!.absences[0]!.cause, 'source-skipped');
  });

  test('every instant from the first frame to the last is media or has a cause (rule 5)', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seeded(seed);
      const heard = open();
      let atS = 1;
      for (let i = 0; i < 8; i++) {
        const seconds = 1 + random(4);
        const eUs = NOW_US + (random(3) - 1) * 200_000;
        if (i === 0 || random(2)) heard.stream.startRun(start({ eUs }));
        publish(heard, film(seconds, atS));
        if (random(2)) heard.stream.absent('source-down', '');
        atS += seconds + random(5) / 2;
      }
      let endUs = NOW_US;
      for (const context of heard.runs) {
        const own = heard.frames.filter(({ run }) => run === context.run.id).map(({ frame }) => frame);
        for (const { fromUs, toUs } of context.absences) {
          assert.equal(fromUs, endUs);
          endUs = toUs;
        }
        const joint = context.startUs - endUs;
        assert.ok(joint >= 0 && joint <= 500_000, `seed ${seed}: ${joint}`);
        endUs = context.run.eUs + ticksToUs(own.at(-1)!.pts + own.at(-1)!.duration, 90_000);
      }
      assert.equal(heard.stream.endUs, endUs);
    }
  });
});

suite('skew of a run (rules 1 and 3)', () => {
  const slow = (options: Partial<RunStart>, frameMs = 40.4) => {
    const heard = open();
    heard.stream.startRun(start({ clock: 'arrival', ...options }));
    publish(heard, film(120), frameMs);
    return heard;
  };

  test('a source whose clock is slow is given a new E at a key frame, softly', () => {
    const heard = slow({});
    assert.equal(heard.runs.length, 2);
    const [first, second] = heard.runs as [RunContext, RunContext];
    assert.equal(first.soft, undefined);
    assert.equal(second.soft, true);
    assert.deepEqual([second.run.id, second.tracks, second.reference], [2, first.tracks, first.reference]);
    const stepUs = second.run.eUs - first.run.eUs;
    assert.ok(stepUs > 250_000 && stepUs < 500_000);
    const at = heard.frames.find(({ run }) => run === 2)!.frame;
    assert.ok(at.key);
    assert.equal(second.startUs, second.run.eUs + ticksToUs(at.pts, 90_000));
    assert.ok(!heard.calls.includes('end'), 'timestamps go on');
    assert.equal(heard.frames.length, 3000);
    assert.ok(heard.stream.skewUs! < 900_000, 'less is missing than would be without');
  });

  test('a source that tells its time, one that comes in bursts, and one that is fast keep their E', () => {
    assert.equal(slow({ clock: 'source' }).runs.length, 1);
    assert.equal(slow({ clock: 'source' }).stream.skewUs, undefined);
    assert.equal(slow({ pace: bursty }).runs.length, 1);
    const fast = slow({}, 39.6);
    assert.equal(fast.runs.length, 1);
    assert.ok(fast.stream.skewUs! < -250_000);
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
    assert.equal(second.run.eUs - first.run.eUs, 7_000_000);
    const fromUs = NOW_US + 13_000_000;
    assert.deepEqual(second.absences, [
      { fromUs, toUs: fromUs + 7_000_000, cause: 'clock', detail: 'the clock was set forward' },
    ]);
    assert.equal(second.soft, true);
    heard.stream.absent('source-down', '');
    publish(heard, film(3, 30));
    assert.equal(heard.runs[2]!.run.eUs, second.run.eUs, 'what comes after keeps the new E');
  });

  test('a run is not given a new E before it is ten seconds old', () => {
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
    heard.stream.startRun(start({ clock: 'arrival', eUs: NOW_US - 7_000_000 }));
    publish(heard, film(3, 61));
    assert.equal(heard.runs[1]!.startUs, NOW_US + 61_000_000, 'and the next one goes on where it ended');
  });
});

test('sinks are told of bursts and damage', () => {
  const heard = open();
  heard.stream.startRun(start());
  heard.stream.flush();
  heard.stream.damage('a packet was lost');
  assert.deepEqual(heard.calls, ['flush', 'damage']);
  assert.deepEqual(heard.events, [{ type: 'damage', reason: 'a packet was lost' }]);
});
