import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { seeded } from '@oxbow/media/random.fixture';
import { createManualClock } from '../lib/clock.ts';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from './frames.fixture.ts';
import { type InboxItem, openInbox } from './inbox.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';
import { MemoryBudget } from './memory-budget.ts';
import { SinkList } from './sink-list.ts';
import { Stream } from './stream.ts';
import type { StreamEvent } from './stream-event.ts';

const video = videoTrack();
const audio = audioTrack();
const tracks = [video, audio];
/** As inbox.ts counts it. */
const sizeOf = ({ data }: Frame) => data.length + 256;
const film = (seconds: number, options: Partial<Parameters<typeof videoFrames>[0]> = {}) =>
  interleave(tracks, [
    videoFrames({ track: video, seconds, rate: 25, gopS: 1, ...options }),
    audioFrames({ track: audio, seconds }),
  ]);

function open() {
  const clock = createManualClock();
  const stream = new Stream({ clock, past: { endUs: 0, hasMedia: false, lastRun: 0, gaps: [] } });
  const events: StreamEvent[] = [];
  stream.events.subscribe((event) => void events.push(event));
  const startRun = (requestKeyFrame?: () => void) =>
    stream.startRun({
      tracks,
      utcOffsetUs: 0,
      clock: 'source',
      pace: { kind: 'continuous' },
      ...(requestKeyFrame && { requestKeyFrame }),
    });
  const publish = (frames: readonly Frame[]) => {
    for (const frame of frames) stream.publish(frame);
  };
  return { clock, stream, events, startRun, publish };
}

/** Takes what waits, and leaves the iterator open. */
async function drain(items: AsyncIterator<InboxItem>): Promise<InboxItem[]> {
  const taken: InboxItem[] = [];
  const nothing = Symbol('nothing');
  for (;;) {
    const next = items.next();
    const result = await Promise.race([next, new Promise((resolve) => setImmediate(resolve, nothing))]);
    if (result === nothing || (result as IteratorResult<InboxItem>).done) return taken;
    taken.push((result as IteratorResult<InboxItem>).value);
  }
}
const framesOf = (items: readonly InboxItem[]) => items.flatMap((item) => (item.type === 'frame' ? [item.frame] : []));
const typesOf = (items: readonly InboxItem[]) => items.map(({ type }) => type).filter((type) => type !== 'frame');
const noSignal = new AbortController().signal;

suite('an inbox', () => {
  test('gives runs and frames in order, and ends a run before the next one', async () => {
    const { stream, startRun, publish } = open();
    await using inbox = openInbox(stream.sinks, { name: 'test', maxBytes: 1e6, signal: noSignal });
    const frames = film(2);
    startRun();
    publish(frames);
    stream.offline('stopped');
    startRun();
    publish(film(1, { startS: 20 }).filter(({ trackId }) => trackId === 1));
    const items = await drain(inbox[Symbol.asyncIterator]());
    assert.deepEqual(typesOf(items), ['run', 'end', 'run']);
    assert.deepEqual(framesOf(items).slice(0, frames.length), frames);
  });

  test('wakes a consumer that waits', async () => {
    const { stream, startRun, publish } = open();
    await using inbox = openInbox(stream.sinks, { name: 'test', maxBytes: 1e6, signal: noSignal });
    const iterator = inbox[Symbol.asyncIterator]();
    const first = iterator.next();
    startRun();
    publish(film(1));
    assert.equal((await first).value?.type, 'run');
    assert.equal((await iterator.next()).value?.type, 'frame');
    await drain(iterator);
    const last = iterator.next();
    stream.offline('stopped');
    assert.deepEqual((await last).value, { type: 'end' });
  });

  test('ends at once when its signal fires, when it is disposed, and when the loop is left', async () => {
    for (const how of ['signal', 'dispose', 'break'] as const) {
      const { stream, startRun, publish } = open();
      const controller = new AbortController();
      const inbox = openInbox(stream.sinks, { name: 'test', maxBytes: 1e6, signal: controller.signal });
      startRun();
      publish(film(1));
      let taken = 0;
      for await (const _ of inbox) {
        taken++;
        if (taken < 3) continue;
        if (how === 'signal') controller.abort();
        if (how === 'dispose') await inbox[Symbol.asyncDispose]();
        if (how === 'break') break;
      }
      assert.equal(taken, 3, how);
      publish(film(1, { startS: 12 }));
      assert.deepEqual(stream.sinks.pressure().sinks, [], how);
    }
    const { stream } = open();
    const inbox = openInbox(stream.sinks, { name: 'test', maxBytes: 1e6, signal: AbortSignal.abort() });
    assert.equal((await inbox[Symbol.asyncIterator]().next()).done, true);
  });

  test('ends after the last frame when the stream is closed', async () => {
    const { stream, startRun, publish } = open();
    await using inbox = openInbox(stream.sinks, { name: 'test', maxBytes: 1e6, signal: noSignal });
    startRun();
    const frames = film(1);
    publish(frames);
    stream.offline('removed');
    stream.sinks.close();
    const items: InboxItem[] = [];
    for await (const item of inbox) items.push(item);
    assert.deepEqual(typesOf(items), ['run', 'end']);
    assert.deepEqual(framesOf(items), frames);
  });

  test('starts with the frames since the last key frame where that is requested', async () => {
    const { stream, startRun, publish } = open();
    using _ = stream.sinks.bufferGop();
    startRun();
    const frames = film(1.5);
    publish(frames);
    await using inbox = openInbox(stream.sinks, { name: 'test', maxBytes: 1e6, signal: noSignal, fromKeyFrame: true });
    const items = await drain(inbox[Symbol.asyncIterator]());
    const from = frames.findLastIndex(({ trackId, key }) => trackId === 1 && key);
    assert.deepEqual(framesOf(items), frames.slice(from));
  });
});

suite('an inbox that is full', () => {
  test('keeps the GOP that is being read and the newest ones, and reports the others', async () => {
    const { stream, events, startRun, publish } = open();
    const frames = film(6);
    const gopStarts = frames.flatMap(({ trackId, key }, i) => (trackId === 1 && key ? [i] : []));
    const maxBytes = frames.slice(0, gopStarts[3]).reduce((sum, frame) => sum + sizeOf(frame), 0) + 2000;
    await using inbox = openInbox(stream.sinks, { name: 'slow', maxBytes, signal: noSignal });
    const iterator = inbox[Symbol.asyncIterator]();
    startRun();
    publish(frames.slice(0, 30));
    await iterator.next();
    const [first] = framesOf([(await iterator.next()).value!]);
    publish(frames.slice(30));
    const items = await drain(iterator);
    const expected = [...frames.slice(0, gopStarts[1]), ...frames.slice(gopStarts[4])];
    assert.deepEqual([first, ...framesOf(items)], expected);
    await inbox[Symbol.asyncDispose]();
    const lost = events.filter(({ type }) => type === 'sink-lost') as { gops: number; frames: number }[];
    assert.equal(
      lost.reduce((sum, { gops }) => sum + gops, 0),
      3,
    );
    assert.equal(
      lost.reduce((sum, { frames: count }) => sum + count, 0),
      frames.length - expected.length,
    );
  });

  test('asks the source for a key frame when it drops the GOP that flows', () => {
    const { stream, startRun, publish } = open();
    let requests = 0;
    openInbox(stream.sinks, { name: 'slow', maxBytes: 2000, signal: noSignal });
    startRun(() => requests++);
    publish(film(1));
    assert.equal(requests, 1);
  });

  test('does not keep the frames that were read', async () => {
    const { stream, startRun, publish } = open();
    await using inbox = openInbox(stream.sinks, { name: 'slow', maxBytes: 1e6, signal: noSignal });
    startRun();
    publish(film(1));
    assert.ok(inbox.queuedBytes! > 0);
    await drain(inbox[Symbol.asyncIterator]());
    assert.equal(inbox.queuedBytes, 0);
  });

  test('whatever comes and however slowly it is read: bounded, in order, whole GOPs are lost, and each loss is counted', async () => {
    for (let seed = 1; seed <= 150; seed++) await fuzz(seed);
  });
});

/** One history of an inbox: runs of random GOPs, soft re-anchors, and a consumer that reads now and then. */
async function fuzz(seed: number): Promise<void> {
  const random = seeded(seed);
  const name = `seed ${seed}`;
  let lostGops = 0;
  let lostFrames = 0;
  const clock = createManualClock();
  const list = new SinkList({
    clock,
    keyFrames: new KeyFrameRequests(clock, () => undefined),
    emit(event) {
      if (event.type !== 'sink-lost') return assert.fail(`${name}: ${event.type}`);
      lostGops += event.gops;
      lostFrames += event.frames;
    },
  });
  const maxBytes = 3000 + random(60_000);
  const sinks = {
    attach: list.attach.bind(list),
    lost: list.lost.bind(list),
    memory: new MemoryBudget(maxBytes * 2),
    pressed: () => {},
    requestKeyFrame: () => false,
  };
  const inbox = openInbox(sinks, { name: 'slow', maxBytes, signal: noSignal });
  const iterator = inbox[Symbol.asyncIterator]();
  /** GOPs in order: the frames that were written. */
  const gops: { run: number; frames: Frame[]; bytes: number }[] = [];
  const taken: { run: number; frame: Frame }[] = [];
  let run: number | undefined;
  let runs = 0;
  let isFirst = false;
  const take = async (count: number) => {
    for (let i = 0; i < count && inbox.queuedBytes! > 0; i++) {
      const { value } = await iterator.next();
      if (value!.type === 'end') {
        assert.notEqual(run, undefined, name);
        run = undefined;
      } else if (value!.type === 'run') {
        assert.equal(
          value!.context.soft === true,
          run !== undefined,
          `${name}: a run continues only the one that was given`,
        );
        run = value!.context.run.id;
        isFirst = true;
      } else {
        const { frame } = value!;
        if (isFirst) assert.ok(frame.key && frame.trackId === 1, `${name}: a run starts with a key frame`);
        isFirst = false;
        taken.push({ run: run!, frame });
      }
    }
  };
  for (let hard = 0; hard < 3; hard++) {
    const gopS = [0.2 + random(10) / 10, 0.3, 1 + random(3)];
    const frames = film(2 + random(6), { gopS, seed, maxBytes: 30 + random(600) });
    const first = frames.findIndex(({ trackId }) => trackId === 1);
    const context = { tracks, reference: video, pace: { kind: 'continuous' }, startUs: 0, gaps: [] } as const;
    list.startRun({ ...context, run: { id: ++runs, utcOffsetUs: 0, clock: 'source' } });
    for (const frame of frames.slice(first)) {
      const begins = frame.key && frame.trackId === 1;
      if (begins && gops.at(-1)?.run === runs && random(4) === 0)
        list.startRun({ ...context, run: { id: ++runs, utcOffsetUs: runs, clock: 'source' }, soft: true });
      if (begins) gops.push({ run: runs, frames: [], bytes: 0 });
      gops.at(-1)!.frames.push(frame);
      gops.at(-1)!.bytes += sizeOf(frame);
      list.write(frame);
      assert.ok(inbox.queuedBytes! <= maxBytes, `${name}: ${inbox.queuedBytes} of ${maxBytes} bytes`);
      if (random(40) === 0) await take(random(60));
    }
    list.endRun();
  }
  await take(Number.POSITIVE_INFINITY);
  await inbox[Symbol.asyncDispose]();

  const got = new Set(taken.map(({ frame }) => frame));
  const runOf = new Map(gops.flatMap((gop) => gop.frames.map((frame) => [frame, gop.run])));
  const kept = gops.flatMap(({ frames }) => frames.filter((frame) => got.has(frame)));
  assert.deepEqual(
    taken.map(({ frame }) => frame),
    kept,
    `${name}: order`,
  );
  for (const { run: given, frame } of taken) assert.equal(given, runOf.get(frame), `${name}: the run of a frame`);
  let lost = 0;
  let dropped = 0;
  for (const { frames, bytes } of gops) {
    const count = frames.filter((frame) => got.has(frame)).length;
    lost += frames.length - count;
    if (count === frames.length) continue;
    dropped++;
    if (count === 0) continue;
    assert.ok(bytes > maxBytes, `${name}: ${count} of ${frames.length} frames of a GOP that would fit`);
    assert.ok(got.has(frames[count - 1]!), `${name}: a GOP that is too large loses its end`);
  }
  assert.deepEqual([lostGops, lostFrames], [dropped, lost], name);
}
