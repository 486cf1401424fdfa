import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { createManualClock } from '../lib/clock.ts';
import { videoFrames, videoTrack } from './frames.fixture.ts';
import { openInbox } from './inbox.ts';
import { MemoryBudget } from './memory-budget.ts';
import { PressureGauge } from './pressure.ts';
import { Stream } from './stream.ts';
import type { StreamEvent } from './stream-event.ts';

const video = videoTrack();
const signal = new AbortController().signal;

function open({ streamBytes = 1e9, totalBytes = 1e9 } = {}) {
  const total = new MemoryBudget(totalBytes);
  const past = { endUs: 0, hasMedia: false, lastRun: 0, gaps: [] };
  const stream = new Stream({ clock: createManualClock(), past, memory: { streamBytes, total } });
  const events: StreamEvent[] = [];
  stream.events.subscribe((event) => void events.push(event));
  stream.startRun({ tracks: [video], utcOffsetUs: 0, clock: 'source', pace: { kind: 'continuous' } });
  /** Frames of 1,000 bytes, with their allowance, a key frame each second. */
  const publish = (seconds: number, fromS = 1) => {
    const frames = videoFrames({ track: video, seconds, rate: 10, gopS: 1, startS: fromS });
    for (const frame of frames) stream.publish({ ...frame, data: new Uint8Array(744) } satisfies Frame);
  };
  const levels = () => events.flatMap((event) => (event.type === 'pressure' ? [[event.sink, event.level]] : []));
  return { total, stream, events, publish, levels };
}

suite('a level of pressure', () => {
  test('is reached at 25, 50, 75 and 90 % of the bound, and left 5 % below', () => {
    const gauge = new PressureGauge(1000);
    const seen = [0, 249, 250, 499, 500, 750, 899, 900, 2000, 850, 849, 700, 699, 450, 449, 199, 0].map((bytes) => {
      const isChanged = gauge.set(bytes);
      return `${bytes}: ${gauge.level}${isChanged ? '!' : ''}`;
    });
    const expected = [
      ...['0: 0', '249: 0', '250: 25!', '499: 25', '500: 50!', '750: 75!', '899: 75', '900: 90!', '2000: 90'],
      ...['850: 90', '849: 75!', '700: 75', '699: 50!', '450: 50', '449: 25!', '199: 0!', '0: 0'],
    ];
    assert.deepEqual(seen, expected);
  });

  test('of a queue changes with each quarter, is reported once per change, and falls when its reader is back', async () => {
    const { stream, publish, levels } = open();
    await using inbox = openInbox(stream.sinks, { name: 'relay', maxBytes: 40_000, signal });
    publish(4);
    const { sinks, level } = stream.sinks.pressure();
    assert.deepEqual([level, sinks[0]!.level, sinks[0]!.queuedBytes, sinks[0]!.maxBytes], [90, 90, 40_000, 40_000]);
    assert.deepEqual(
      levels(),
      [25, 50, 75, 90].map((each) => ['relay', each]),
    );
    const items = inbox[Symbol.asyncIterator]();
    for (let taken = 0; taken < 41; taken++) await items.next();
    assert.deepEqual(
      levels().slice(4),
      [75, 50, 25, 0].map((each) => ['relay', each]),
    );
  });
});

suite('loss', () => {
  test('is counted for each sink, by cause: a slow reader, and a GOP larger than the queue', async () => {
    const { stream, events, publish } = open();
    await using _slow = openInbox(stream.sinks, { name: 'slow', maxBytes: 25_000, signal });
    await using _small = openInbox(stream.sinks, { name: 'small', maxBytes: 5000, signal });
    publish(4);
    const [slow, small] = stream.sinks.pressure().sinks;
    assert.deepEqual(slow!.lost, {
      slow: { gops: 2, frames: 20 },
      'gop-too-large': { gops: 0, frames: 0 },
      memory: { gops: 0, frames: 0 },
    });
    assert.deepEqual(small!.lost['gop-too-large'], { gops: 4, frames: 40 });
    assert.equal(small!.waitsForKeyFrame, true);
    const causes = events.flatMap((event) => (event.type === 'sink-lost' ? [`${event.sink} ${event.cause}`] : []));
    assert.deepEqual([...new Set(causes)].sort(), ['slow slow', 'small gop-too-large']);
  });

  test('at a ceiling of memory is of the sinks that wait, and other streams are not affected by the ceiling of one', async () => {
    const { stream, publish, total, levels } = open({ streamBytes: 25_000 });
    await using inbox = openInbox(stream.sinks, { name: 'relay', maxBytes: 1e6, signal });
    publish(4);
    assert.deepEqual(stream.sinks.pressure().sinks[0]!.lost.memory, { gops: 2, frames: 20 });
    assert.ok(total.bytes <= 25_000 && stream.sinks.pressure().memory.level >= 75);
    assert.equal(
      levels()
        .filter(([sink]) => sink === undefined)
        .at(-1)![1],
      75,
    );
    await inbox[Symbol.asyncDispose]();
    assert.deepEqual([total.bytes, stream.sinks.pressure().memory.bytes, stream.sinks.pressure().level], [0, 0, 0]);
  });

  test('at the ceiling of all streams keeps the sum of all below it', async () => {
    const { stream, publish, total } = open({ totalBytes: 30_000 });
    await using _a = openInbox(stream.sinks, { name: 'a', maxBytes: 1e6, signal });
    await using _b = openInbox(stream.sinks, { name: 'b', maxBytes: 1e6, signal });
    using _kept = stream.sinks.bufferGop();
    publish(6);
    assert.ok(total.bytes <= 30_000, `${total.bytes} bytes`);
    assert.equal(stream.sinks.pressure().totalMemory.maxBytes, 30_000);
  });
});
