import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import type { AudioMode } from '../../config/schema.ts';
import { createManualClock } from '../../lib/clock.ts';
import type { RunStart } from '../../live/input.ts';
import { PublisherPipeline } from '../stage/publisher-pipeline.ts';
import { createAudioStage } from './audio-stage.ts';
import { FakeTranscoders } from './transcoder.fixture.ts';

const video: Track = {
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec: 'h264', record: Uint8Array.of(1), codecs: 'avc1.64001f', width: 640, height: 360 },
};
const mp2: Track = {
  id: 2,
  kind: 'audio',
  timescale: 48_000,
  language: 'und',
  label: '',
  config: {
    codec: 'mp3',
    layer: 2,
    record: new Uint8Array(0),
    codecs: 'mp4a.6B',
    sampleRate: 48_000,
    channels: 2,
  },
};
const { layer: _, ...layer3 } = mp2.config as Extract<Track, { kind: 'audio' }>['config'];
const mp3: Track = { ...mp2, kind: 'audio', config: layer3 };
const start = (tracks: readonly Track[] = [video, mp2]): RunStart => ({
  tracks,
  utcOffsetUs: 0,
  clock: 'arrival',
  pace: { kind: 'continuous' },
});
const frame = (trackId: number, n: number): Frame => ({
  trackId,
  dts: n,
  pts: n,
  duration: 1,
  key: true,
  data: Uint8Array.of(trackId),
});
/** Lets a process that was opened become ready. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function open(t: TestContext, mode: AudioMode = 'auto') {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const calls: string[] = [];
  const failures: string[] = [];
  const bugs: unknown[] = [];
  let lost = 0;
  let throws: Error | undefined;
  const transcoders = new FakeTranscoders();
  const clock = createManualClock();
  const next = {
    startRun: ({ tracks }: RunStart) => void calls.push(`run ${tracks.map(({ config }) => config.codec).join(' ')}`),
    publish({ trackId, dts, data }: Frame) {
      if (throws) throw throws;
      calls.push(`${trackId}:${dts}${data.length === 3 ? ' aac' : ''}`);
    },
    flush: () => void calls.push('flush'),
    absent: (cause: string) => void calls.push(`absent ${cause}`),
    suspend: () => void calls.push('suspend'),
    offline: () => void calls.push('offline'),
    damage: () => void calls.push('damage'),
  };
  const stage = createAudioStage({
    open: transcoders.open,
    clock,
    mode: () => mode,
    report: {
      failed: (why) => void failures.push(why),
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
    transcoders,
    failures,
    bugs,
    pass,
    lost: () => lost,
    fail: (error: Error) => {
      throws = error;
    },
  };
}

test('video passes at once; audio comes back as AAC in its order', async (t) => {
  const { stage, input, calls, transcoders } = open(t);
  input.startRun(start());
  input.publish(frame(1, 0));
  input.publish(frame(2, 0));
  input.publish(frame(1, 1));
  input.publish(frame(2, 1));
  await settle();
  assert.deepEqual(calls, ['run h264 aac', '1:0', '1:1']);
  transcoders.last.answer();
  assert.deepEqual(calls.slice(3), ['2:0 aac', '2:1 aac']);
  await stage.reset();
});

test('a run begins when the process is ready, so that its first sound is not missing', async (t) => {
  const { stage, input, calls, transcoders } = open(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  transcoders.starting = promise;
  input.startRun(start());
  input.publish(frame(1, 0));
  input.publish(frame(2, 0));
  await settle();
  assert.deepEqual(calls, []);
  resolve();
  await settle();
  assert.deepEqual(calls, ['run h264 aac', '1:0']);
  transcoders.last.answer();
  assert.deepEqual(calls.slice(2), ['2:0 aac']);
  await stage.reset();
});

test('a process that does not start holds the run back by ten seconds, and no longer', async (t) => {
  const { stage, input, calls, transcoders, pass } = open(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  transcoders.starting = promise;
  input.startRun(start());
  input.publish(frame(1, 0));
  pass(9999);
  assert.deepEqual(calls, []);
  pass(1);
  input.publish(frame(1, 1));
  assert.deepEqual(calls, ['run h264 aac', '1:0', '1:1']);
  resolve();
  await stage.reset();
});

test('a run without such audio starts no process', async (t) => {
  const { input, calls, transcoders } = open(t);
  input.startRun(start([video, mp3]));
  input.publish(frame(2, 0));
  await settle();
  assert.equal(transcoders.opened.length, 0);
  assert.deepEqual(calls, ['run h264 mp3', '2:0']);
});

test('segments are not converted here', async (t) => {
  const { input, calls, transcoders } = open(t);
  input.startRun({ ...start(), pace: { kind: 'bursty', intervalS: 6 } });
  await settle();
  assert.deepEqual([calls, transcoders.opened.length], [['run h264 mp3'], 0]);
});

test('the end of a run waits for its last audio, and what comes after it keeps its order', async (t) => {
  const { stage, input, calls, transcoders } = open(t);
  input.startRun(start());
  input.publish(frame(2, 0));
  await settle();
  input.startRun(start());
  input.publish(frame(1, 9));
  input.publish(frame(2, 9));
  input.absent('source-down', 'gone');
  assert.deepEqual(calls, ['run h264 aac']);
  transcoders.last.answer();
  const second = ['run h264 aac', '1:9', '2:9 aac', 'absent source-down'];
  assert.deepEqual(calls, ['run h264 aac', '2:0 aac', ...second]);
  await stage.reset();
});

test('a process that does not answer delays the end of a run by two seconds, and its late audio is dropped', async (t) => {
  const { stage, input, calls, transcoders, pass } = open(t);
  input.startRun(start());
  input.publish(frame(2, 0));
  await settle();
  input.suspend('gone');
  pass(1999);
  assert.deepEqual(calls, ['run h264 aac']);
  pass(1);
  assert.deepEqual(calls, ['run h264 aac', 'suspend']);
  input.startRun(start());
  input.publish(frame(2, 5));
  transcoders.last.answer();
  assert.deepEqual(calls, ['run h264 aac', 'suspend', 'run h264 aac', '2:5 aac']);
  await stage.reset();
});

test('a process that ends is started again at once, then with pauses; video passes all the time', async (t) => {
  const { stage, input, calls, transcoders, failures, pass, lost } = open(t);
  input.startRun(start());
  input.publish(frame(2, 0));
  await settle();
  transcoders.last.end('killed by SIGKILL');
  await settle();
  assert.deepEqual([failures, lost()], [['killed by SIGKILL'], 1]);
  input.publish(frame(2, 1));
  input.publish(frame(1, 1));
  await settle();
  assert.equal(transcoders.opened.length, 2);
  assert.deepEqual(transcoders.last.sent[0], 1, 'it has the tracks');
  transcoders.last.answer();
  assert.deepEqual(calls, ['run h264 aac', '1:1', '2:1 aac']);
  transcoders.last.end('killed by SIGKILL');
  await settle();
  input.publish(frame(2, 2));
  await settle();
  assert.equal(transcoders.opened.length, 2, 'not at once again');
  pass(500);
  input.publish(frame(2, 3));
  await settle();
  assert.equal(transcoders.opened.length, 3);
  await stage.reset();
});

test('a process that hangs is ended', async (t) => {
  const { stage, input, transcoders, failures, pass } = open(t);
  input.startRun(start());
  for (let n = 0; n < 20; n++) input.publish(frame(2, n));
  await settle();
  for (let i = 0; i < 11; i++) pass(500);
  await settle();
  assert.deepEqual(failures, ['nothing came out for 5 s']);
  assert.equal(transcoders.opened.length, 1);
  await stage.reset();
});

test('a process that starts late or is slow does not hang while it continues', async (t) => {
  const { stage, input, transcoders, failures, pass } = open(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  transcoders.starting = promise;
  input.startRun(start());
  pass(10_000);
  for (let n = 0; n < 48; n++) input.publish(frame(2, n));
  pass(4000);
  resolve();
  await settle();
  for (let part = 1; part <= 3; part++) {
    for (let i = 0; i < 8; i++) pass(500);
    transcoders.last.answer(16);
  }
  await settle();
  assert.deepEqual(failures, []);
  await stage.reset();
});

test('a process that cannot be started costs the audio alone, and memory is bounded', async (t) => {
  const { input, calls, transcoders, lost } = open(t);
  transcoders.fails = 'too many run';
  input.startRun(start());
  await settle();
  for (let n = 0; n < 50; n++) {
    input.publish(frame(1, n));
    input.publish(frame(2, n));
    await settle();
  }
  assert.equal(calls.filter((call) => call.startsWith('1:')).length, 50);
  assert.equal(lost(), 50);
});

test('frames that a slow process does not take are lost beyond a bound', async (t) => {
  const { stage, input, transcoders, lost } = open(t);
  input.startRun(start());
  await settle();
  for (let n = 0; n < 2000; n++) input.publish(frame(2, n));
  assert.equal(lost(), 500);
  assert.equal(transcoders.last.sent.filter((each) => typeof each === 'object' && 'data' in each).length, 1500);
  await stage.reset();
});

test('after reset, calls that waited are dropped, and the process has ended', async (t) => {
  const { stage, input, calls, transcoders, pass } = open(t);
  input.startRun(start());
  input.publish(frame(2, 0));
  await settle();
  input.suspend('gone');
  await stage.reset();
  pass(1000);
  assert.deepEqual(calls, ['run h264 aac']);
  assert.equal(await transcoders.last.ended, 'not needed any more');
  transcoders.last.answer();
  assert.deepEqual(calls, ['run h264 aac']);
});

test('a sink that throws is reported, and ends the conversion, not the server', async (t) => {
  const { stage, input, transcoders, bugs, fail } = open(t);
  input.startRun(start());
  input.publish(frame(2, 0));
  await settle();
  const error = new Error('a bug');
  fail(error);
  transcoders.last.answer();
  assert.deepEqual(bugs, [error]);
  await stage.reset();
});

test('a process without frames for half a minute is ended, and a later frame starts another one', async (t) => {
  const { stage, input, transcoders, failures, pass } = open(t);
  input.startRun(start());
  input.publish(frame(2, 0));
  await settle();
  transcoders.last.answer();
  pass(30_000);
  pass(1000);
  assert.equal(await transcoders.last.ended, 'not needed any more');
  await settle();
  input.publish(frame(2, 9));
  await settle();
  assert.deepEqual([transcoders.opened.length, transcoders.last.sent[0], failures], [2, 1, []]);
  await stage.reset();
});

test('the process ends when no publisher is expected any more', async (t) => {
  const { input, calls, transcoders } = open(t);
  input.startRun(start());
  input.publish(frame(2, 0));
  await settle();
  input.offline('gone');
  transcoders.last.answer();
  assert.deepEqual(calls, ['run h264 aac', '2:0 aac', 'offline']);
  assert.equal(await transcoders.last.ended, 'not needed any more');
});
