import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Frame, Track, VideoTrack } from '@oxbow/media/frame';
import { mpeg2Config } from '@oxbow/media/mpeg2/sequence';
import { createManualClock } from '../../lib/clock.ts';
import type { RunStart } from '../../live/input.ts';
import { FakeLiveEncoders } from '../live/live-encoder.fixture.ts';
import { PublisherPipeline } from '../stage/publisher-pipeline.ts';
import { planVideo } from './plan.ts';
import { createVideoStage } from './video-stage.ts';

const vp8: VideoTrack = {
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec: 'vp8', record: new Uint8Array(0), codecs: 'vp8', width: 640, height: 360 },
};
const sized = (width: number, height: number): VideoTrack => ({ ...vp8, config: { ...vp8.config, width, height } });
const opus: Track = {
  id: 2,
  kind: 'audio',
  timescale: 48_000,
  language: 'und',
  label: '',
  config: { codec: 'opus', record: Uint8Array.of(1), codecs: 'opus', sampleRate: 48_000, channels: 2 },
};
const start = (tracks: readonly Track[] = [vp8, opus], requestKeyFrame?: () => void): RunStart => ({
  tracks,
  utcOffsetUs: 0,
  clock: 'arrival',
  pace: { kind: 'continuous' },
  ...(requestKeyFrame && { requestKeyFrame }),
});
const video = (n: number, key = false): Frame => ({
  trackId: 1,
  dts: n,
  pts: n,
  duration: 40 + n,
  key,
  data: Uint8Array.of(1),
});
const sound = (n: number): Frame => ({ ...video(n, true), trackId: 2 });
/** Lets a process that was opened become ready. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function open(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const calls: string[] = [];
  const starts: RunStart[] = [];
  const frames: Frame[] = [];
  const failures: string[] = [];
  const bugs: unknown[] = [];
  let lost = 0;
  let slow = 0;
  const encoders = new FakeLiveEncoders();
  const clock = createManualClock();
  const next = {
    startRun(run: RunStart) {
      starts.push(run);
      const names = run.tracks.map(({ config }) =>
        'width' in config ? `${config.codec}@${config.height}` : config.codec,
      );
      calls.push(`run ${names.join(' ')}`);
    },
    publish(frame: Frame) {
      frames.push(frame);
      calls.push(`${frame.trackId}:${frame.dts}${frame.key && frame.trackId === 1 ? ' key' : ''}`);
    },
    flush: () => void calls.push('flush'),
    absent: (cause: string) => void calls.push(`absent ${cause}`),
    suspend: () => void calls.push('suspend'),
    offline: () => void calls.push('offline'),
    damage: () => void calls.push('damage'),
  };
  const stage = createVideoStage({
    open: encoders.open,
    clock,
    report: {
      failed: (why) => void failures.push(why),
      slow: () => void slow++,
      lost: (count) => {
        lost += count;
      },
      bug: (error) => void bugs.push(error),
    },
  });
  const input = new PublisherPipeline([stage], next);
  const pass = (ms: number) => {
    clock.advance(ms);
    t.mock.timers.tick(ms);
  };
  return {
    stage,
    input,
    calls,
    starts,
    frames,
    encoders,
    failures,
    bugs,
    pass,
    counts: () => ({ lost, slow }),
  };
}

test('the run begins with the first converted picture; audio before it waits and keeps its order', async (t) => {
  const { stage, input, calls, starts, frames } = open(t);
  input.startRun(start());
  input.publish(sound(0));
  input.publish(video(1, true));
  input.publish(sound(2));
  assert.deepEqual(calls, []);
  await settle();
  assert.deepEqual(calls, ['run h264@360 opus', '2:0', '2:2', '1:1 key']);
  input.publish(video(3));
  input.publish(sound(4));
  assert.deepEqual(calls.slice(4), ['1:3', '2:4']);
  const { tracks, pace } = starts[0]!;
  assert.deepEqual([tracks[0]!.id, (tracks[0] as VideoTrack).config.convertedFrom], [1, 'vp8']);
  assert.deepEqual(pace, { kind: 'continuous', apartUs: 1_500_000 });
  assert.deepEqual(frames.find(({ dts }) => dts === 3)?.duration, 43, 'the duration of the source');
  await stage.reset();
});

test('runs without VP8 pass at once, and start no process', async (t) => {
  const { input, calls, encoders } = open(t);
  input.startRun(start([{ ...vp8, config: { ...vp8.config, codec: 'h264' } }, opus]));
  input.publish(video(0, true));
  await settle();
  assert.deepEqual([calls, encoders.opened.length], [['run h264@360 opus', '1:0 key'], 0]);
});

test('a key frame of VP8 becomes one, and one that the stream requests is made from the next picture', async (t) => {
  const { stage, input, calls, starts } = open(t);
  let asked = 0;
  input.startRun(start([vp8], () => asked++));
  input.publish(video(0, true));
  await settle();
  for (const [n, key] of [[1], [2, true], [3]] as const) input.publish(video(n, key));
  starts[0]!.requestKeyFrame!();
  input.publish(video(4));
  input.publish(video(5));
  assert.deepEqual(calls, ['run h264@360', '1:0 key', '1:1', '1:2 key', '1:3', '1:4 key', '1:5']);
  assert.equal(asked, 0, 'the publisher need not send a large frame');
  await stage.reset();
});

test('another size begins another run, after the last picture of the one before', async (t) => {
  const { stage, input, calls, encoders } = open(t);
  input.startRun(start());
  input.publish(video(0, true));
  await settle();
  encoders.last.isStalled = true;
  input.publish(video(1));
  input.startRun(start([sized(321, 181), opus]));
  input.publish(video(2, true));
  input.publish(sound(2));
  assert.deepEqual(calls, ['run h264@360 opus', '1:0 key']);
  encoders.last.isStalled = false;
  assert.deepEqual(calls.slice(2), ['1:1', 'run h264@180 opus', '2:2', '1:2 key']);
  assert.equal(encoders.opened.length, 1, 'the process continues');
  await stage.reset();
});

test('a second track of VP8 has no place in the stream', async (t) => {
  const { stage, input, calls } = open(t);
  input.startRun(start([vp8, { ...vp8, id: 3 }]));
  input.publish(video(0, true));
  input.publish({ ...video(0, true), trackId: 3 });
  await settle();
  assert.deepEqual(calls, ['run h264@360', '1:0 key']);
  await stage.reset();
});

test('a process that ends is replaced; the time is a gap up to the next key frame, which is requested', async (t) => {
  const { stage, input, calls, encoders, failures, pass, counts } = open(t);
  let asked = 0;
  input.startRun(start([vp8, opus], () => asked++));
  input.publish(video(0, true));
  await settle();
  encoders.last.end('killed by SIGKILL');
  await settle();
  assert.deepEqual([failures, asked], [['killed by SIGKILL'], 1]);
  input.publish(video(1));
  input.publish(sound(1));
  pass(1000);
  input.publish(video(2));
  assert.deepEqual([asked, counts().lost], [2, 2]);
  await settle();
  assert.equal(encoders.opened.length, 2);
  input.publish(video(3, true));
  assert.deepEqual(calls, ['run h264@360 opus', '1:0 key', 'absent internal', '2:1', '1:3 key']);
  await stage.reset();
});

test('a process that cannot be started is tried again with pauses, and the run begins when one runs', async (t) => {
  const { stage, input, calls, encoders, failures, pass } = open(t);
  encoders.fails = 'too many run';
  input.startRun(start());
  input.publish(video(0, true));
  await settle();
  input.publish(video(1, true));
  await settle();
  assert.deepEqual(failures, ['too many run', 'too many run']);
  input.publish(video(2, true));
  await settle();
  assert.equal(failures.length, 2, 'not at once again');
  encoders.fails = undefined;
  pass(500);
  input.publish(sound(3));
  input.publish(video(3, true));
  await settle();
  assert.deepEqual(calls, ['absent internal', 'absent internal', 'run h264@360 opus', '2:3', '1:3 key']);
  await stage.reset();
});

test('on a machine that is too slow frames up to a key frame are lost, counted and reported as a gap', async (t) => {
  const { stage, input, calls, encoders, pass, counts } = open(t);
  input.startRun(start([vp8]));
  input.publish(video(0, true));
  await settle();
  encoders.last.isStalled = true;
  input.publish(video(1));
  pass(1900);
  input.publish(video(2));
  pass(101);
  input.publish(video(3));
  input.publish(video(4, true));
  assert.deepEqual(counts(), { lost: 2, slow: 1 });
  encoders.last.isStalled = false;
  assert.deepEqual(calls.slice(2), ['1:1', '1:2', 'absent overload']);
  input.publish(video(5));
  input.publish(video(6, true));
  assert.deepEqual([calls.slice(5), counts()], [['1:6 key'], { lost: 3, slow: 1 }]);
  await stage.reset();
});

test('frames wait longer for a process that starts, and until it has caught up', async (t) => {
  const { stage, input, calls, encoders, pass, counts } = open(t);
  input.startRun(start([vp8]));
  input.publish(video(0, true));
  pass(5000);
  input.publish(video(1));
  await settle();
  assert.deepEqual(calls, ['run h264@360', '1:0 key', '1:1']);
  encoders.last.isStalled = true;
  input.publish(video(2));
  pass(2001);
  input.publish(video(3));
  assert.deepEqual(counts(), { lost: 1, slow: 1 });
  await stage.reset();
});

test('media that pauses is finished first; what follows begins with a key frame', async (t) => {
  const { stage, input, calls, encoders } = open(t);
  input.startRun(start([vp8]));
  input.publish(video(0, true));
  await settle();
  encoders.last.isStalled = true;
  input.publish(video(1));
  input.absent('source-down', 'no media');
  assert.deepEqual(calls, ['run h264@360', '1:0 key']);
  encoders.last.isStalled = false;
  input.publish(video(9));
  input.publish(video(10, true));
  assert.deepEqual(calls.slice(2), ['1:1', 'absent source-down', '1:10 key']);
  await stage.reset();
});

test('a publisher that leaves before its first picture came out has a run of what it sent', async (t) => {
  const { stage, input, calls, pass } = open(t);
  input.startRun(start());
  input.publish(sound(0));
  input.publish(video(0, true));
  input.suspend('gone');
  input.startRun(start());
  input.publish(video(5, true));
  await settle();
  assert.deepEqual(calls, ['run h264@360 opus', '2:0', '1:0 key', 'suspend', 'run h264@360 opus', '1:5 key']);
  pass(3000);
  await stage.reset();
});

test('a run whose picture never comes out ends after two seconds, and begins again when media comes', async (t) => {
  const { stage, input, calls, encoders, pass } = open(t);
  encoders.fails = 'too many run';
  input.startRun(start());
  await settle();
  input.publish(sound(0));
  input.absent('source-down', 'no media');
  pass(2000);
  assert.deepEqual(calls, ['absent internal', 'absent source-down']);
  encoders.fails = undefined;
  input.publish(sound(1));
  input.publish(video(1, true));
  await settle();
  assert.deepEqual(calls.slice(2), ['run h264@360 opus', '2:1', '1:1 key']);
  await stage.reset();
});

test('frames that wait for a run are bounded', async (t) => {
  const { stage, input, calls, encoders, counts } = open(t);
  encoders.fails = 'too many run';
  input.startRun(start());
  for (let n = 0; n < 3000; n++) input.publish(sound(n));
  assert.deepEqual([calls.length, counts().lost], [0, 3000 - 2048]);
  await stage.reset();
});

test('MPEG-2 is converted as VP8 is, with B-frames in the order of their times and with square samples', async (t) => {
  const { stage, input, starts, frames, encoders } = open(t);
  // 720 by 576 for a screen of 16 to 9, 25 frames a second (ISO/IEC 13818-2, 6.2.2.1).
  const config = mpeg2Config(Uint8Array.of(0xb3, 0x2d, 0x02, 0x40, 0x33));
  input.startRun(start([{ ...vp8, config }, opus]));
  await settle();
  encoders.last.isStalled = true;
  const order = [
    [0, 3600],
    [3, 3600],
    [1, 3601],
    [2, 3602],
    [6, 3603],
    [4, 3604],
  ] as const;
  for (const [n, duration] of order) input.publish({ ...video(n, n === 0), pts: n, duration });
  encoders.last.isStalled = false;
  assert.deepEqual((starts[0]!.tracks[0] as VideoTrack).config.convertedFrom, 'mpeg2');
  const { renditions, picture } = planVideo({ ...vp8, config }, 16);
  assert.deepEqual(
    [renditions[0]!.width, renditions[0]!.height, renditions[0]!.frameRate.num, picture.matrix],
    [1024, 576, 25_000, 'bt601'],
  );
  // The process of this test returns what it gets, in the order of decoding.
  assert.deepEqual(
    frames.slice(0, 2).map(({ duration }) => duration),
    [3600, 3600],
  );
  await stage.reset();
});

test('the plan has even sides, no B-frames, and a cap by the size', () => {
  const of = (width: number, height: number) => planVideo(sized(width, height), 16);
  const [rendition] = of(1279, 719).renditions;
  assert.deepEqual([rendition!.width, rendition!.height, rendition!.bFrames], [1278, 718, 0]);
  const rates = [of(1280, 720), of(1920, 1080), of(7680, 4320), of(160, 90)].map(
    ({ renditions }) => renditions[0]!.maxRate,
  );
  assert.deepEqual(
    rates.map((rate) => Math.round(rate / 1e5) / 10),
    [4, 8, 12, 0.5],
  );
});
