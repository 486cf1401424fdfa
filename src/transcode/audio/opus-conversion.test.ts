import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { AudioTrack, Frame } from '@oxbow/media/frame';
import { createManualClock } from '../../lib/clock.ts';
import { OpusConversion } from './opus-conversion.ts';
import { FakeTranscoders } from './transcoder.fixture.ts';

const aac: AudioTrack = {
  id: 2,
  kind: 'audio',
  timescale: 44_100,
  language: 'deu',
  label: '',
  config: { codec: 'aac', record: Uint8Array.of(0x12, 0x10), codecs: 'mp4a.40.2', sampleRate: 44_100, channels: 2 },
};
const opus: AudioTrack = { ...aac, config: { ...aac.config, codec: 'opus', codecs: 'opus', sampleRate: 48_000 } };
const frame = (n: number): Frame => ({ trackId: 2, dts: n, pts: n, duration: 1, key: true, data: Uint8Array.of(9) });
/** Lets a process that was opened become ready. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function open(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const transcoders = new FakeTranscoders();
  const clock = createManualClock();
  const times: number[] = [];
  const failures: string[] = [];
  const counts = { lost: 0 };
  const report = {
    failed: (why: string) => void failures.push(why),
    lost: (count: number) => {
      counts.lost += count;
    },
  };
  const conversion = new OpusConversion({ open: transcoders.open, clock, report }, ({ pts }) => void times.push(pts));
  const pass = (ms: number) => {
    clock.advance(ms);
    t.mock.timers.tick(ms);
  };
  return { transcoders, conversion, times, failures, counts, pass };
}

test('the Opus track is known before the process has started', (t) => {
  const { conversion } = open(t);
  const track = conversion.startRun(aac)!;
  assert.deepEqual([track.id, track.language, track.timescale], [2, 'deu', 48_000]);
  const { codec, channels, convertedFrom } = track.config;
  assert.deepEqual([codec, channels, convertedFrom], ['opus', 2, 'aac']);
  const mono = conversion.startRun({ ...aac, config: { ...aac.config, channels: 1 } })!;
  const surround = conversion.startRun({ ...aac, config: { ...aac.config, channels: 6 } })!;
  assert.deepEqual([mono.config.channels, surround.config.channels], [1, 2]);
  conversion[Symbol.dispose]();
});

test('frames that come while the process starts are dropped: their sound would be late', async (t) => {
  const { transcoders, conversion, times, counts } = open(t);
  conversion.startRun(aac);
  conversion.write(frame(0));
  await settle();
  conversion.write(frame(1));
  transcoders.last.answer();
  assert.deepEqual(times, [1]);
  assert.equal(counts.lost, 0);
  conversion[Symbol.dispose]();
});

test('Opus needs no process, and a run of Opus ends it', async (t) => {
  const { transcoders, conversion } = open(t);
  assert.equal(conversion.startRun(opus), undefined);
  await settle();
  assert.equal(transcoders.opened.length, 0);
  conversion.startRun(aac);
  await settle();
  assert.equal(conversion.pid, 1);
  conversion.startRun(opus);
  assert.equal(conversion.pid, undefined);
  conversion[Symbol.dispose]();
});

test('a new run has no frames of the one before it', async (t) => {
  const { transcoders, conversion, times } = open(t);
  conversion.startRun(aac);
  await settle();
  conversion.write(frame(100));
  conversion.startRun(aac);
  conversion.startRun(aac);
  conversion.write(frame(1));
  transcoders.last.answer();
  assert.deepEqual(times, [1]);
  assert.equal(transcoders.opened.length, 1, 'it is the same process');
  conversion[Symbol.dispose]();
});

test('a process that ends is replaced, at most every three seconds', async (t) => {
  const { transcoders, conversion, times, failures, pass } = open(t);
  conversion.startRun(aac);
  await settle();
  for (let i = 0; i < 60; i++) {
    if (conversion.pid !== undefined) transcoders.last.end('crashed');
    await settle();
    conversion.write(frame(i));
    await settle();
    pass(100);
  }
  assert.deepEqual([transcoders.opened.length, failures.length], [2, 2]);
  pass(10_000);
  conversion.write(frame(100));
  await settle();
  conversion.write(frame(101));
  transcoders.last.answer();
  assert.deepEqual(times, [101]);
  conversion[Symbol.dispose]();
});

test('a process that cannot be started is tried again later', async (t) => {
  const { transcoders, conversion, failures, counts, pass } = open(t);
  transcoders.fails = 'no room';
  conversion.startRun(aac);
  await settle();
  conversion.write(frame(0));
  assert.deepEqual([failures, counts.lost], [['no room'], 1]);
  transcoders.fails = undefined;
  pass(3000);
  conversion.write(frame(1));
  await settle();
  assert.equal(conversion.pid, 1);
  conversion[Symbol.dispose]();
});

test('a slow process loses frames, and large frames are not sent to it', async (t) => {
  const { transcoders, conversion, times, counts } = open(t);
  conversion.startRun(aac);
  await settle();
  conversion.write({ ...frame(0), data: new Uint8Array(300_000) });
  for (let i = 1; i <= 100; i++) conversion.write(frame(i));
  assert.equal(counts.lost, 37);
  transcoders.last.answer();
  assert.equal(times.length, 64);
  conversion.write(frame(200));
  transcoders.last.answer();
  assert.equal(times.at(-1), 200);
  conversion[Symbol.dispose]();
});

test('after its end nothing is delivered and no process runs', async (t) => {
  const { transcoders, conversion, times } = open(t);
  conversion.startRun(aac);
  await settle();
  conversion.write(frame(1));
  const { last } = transcoders;
  conversion[Symbol.dispose]();
  conversion[Symbol.dispose]();
  last.answer();
  conversion.write(frame(2));
  assert.equal(conversion.startRun(aac), undefined);
  await settle();
  assert.deepEqual([times, conversion.pid, transcoders.opened.length], [[], undefined, 1]);
  assert.equal(await last.ended, 'not needed any more');
});

test('a process that becomes ready after the end is ended', async (t) => {
  const { transcoders, conversion } = open(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  transcoders.starting = promise;
  conversion.startRun(aac);
  conversion[Symbol.dispose]();
  resolve();
  await settle();
  assert.equal(await transcoders.last.ended, 'closed');
});
