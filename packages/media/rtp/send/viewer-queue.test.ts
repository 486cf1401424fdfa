import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '../../random.fixture.ts';
import { filled } from './send.fixture.ts';
import type { OutgoingPayload } from './sender.ts';
import { ViewerQueue } from './viewer-queue.ts';

/** One frame of 25 fps in ticks and ms. */
const [TICKS, FRAME_MS] = [3600, 40];
const [KEY, INTER] = [{ key: true }, { key: false }];

const PAYLOAD = filled(1000);
const payloads = (count: number) => new Array<Uint8Array>(count).fill(PAYLOAD);
const times = (due: readonly OutgoingPayload[]) => [...new Set(due.map(({ timestamp }) => timestamp))];

/** A viewer that has got a key frame of one payload at 0 ms. */
function started(options?: ConstructorParameters<typeof ViewerQueue>[0]): ViewerQueue {
  const queue = new ViewerQueue(options);
  queue.write(KEY, 0, payloads(1), FRAME_MS, 0);
  assert.equal(queue.due(0).length, 1);
  return queue;
}

/** Everything up to `untilMs` in steps of 1 ms, with the time of each. */
function drain(queue: ViewerQueue, fromMs: number, untilMs: number): { atMs: number; timestamp: number }[] {
  const sent: { atMs: number; timestamp: number }[] = [];
  for (let atMs = fromMs; atMs <= untilMs; atMs++) {
    for (const { timestamp } of queue.due(atMs)) sent.push({ atMs, timestamp });
  }
  return sent;
}

suite('the start of a viewer', () => {
  test('a viewer begins at the newest key frame that was written before it could receive', () => {
    const queue = new ViewerQueue();
    queue.write(INTER, 0, payloads(1), FRAME_MS, 0);
    assert.equal(queue.nextDueMs, undefined);
    assert.equal(queue.waitsForKeyFrame, true);
    for (const [i, frame] of [KEY, INTER, KEY, INTER].entries()) queue.write(frame, i * 3600, payloads(1), FRAME_MS, 0);
    const due = drain(queue, 500, 700);
    assert.deepEqual(due.length, 2);
    assert.equal(queue.bytes, 0);
    assert.deepEqual(queue.stats, { droppedFrames: 0, drops: 0 });
  });

  test('frames before the newest one get timestamps just before its own, in order, and the live ones are unchanged', () => {
    const queue = new ViewerQueue();
    const origin = 2 ** 32 - 7200;
    for (let i = 0; i < 100; i++) {
      queue.write(i === 0 ? KEY : INTER, (origin + i * TICKS) % 2 ** 32, payloads(2), FRAME_MS, 0);
    }
    const newest = (origin + 99 * TICKS) % 2 ** 32;
    const sent = drain(queue, 1000, 1200);
    assert.equal(sent.length, 200);
    const stamps = [...new Set(sent.map(({ timestamp }) => timestamp))];
    assert.deepEqual(
      stamps,
      Array.from({ length: 100 }, (_, i) => (newest - (99 - i) * 90 + 2 ** 32) % 2 ** 32),
    );
    queue.write(INTER, (newest + TICKS) % 2 ** 32, payloads(1), FRAME_MS, 1200);
    assert.deepEqual(times(queue.due(1200)), [newest + TICKS]);
  });

  test('they are sent faster than real time, and not in one burst', () => {
    const queue = new ViewerQueue();
    for (let i = 0; i < 100; i++)
      queue.write(i === 0 ? KEY : INTER, i * TICKS, payloads(i === 0 ? 100 : 12), FRAME_MS, 0);
    const sent = drain(queue, 0, 5000);
    assert.equal(sent.length, 100 + 99 * 12);
    const lastMs = sent.at(-1)!.atMs;
    assert.ok(lastMs > 300 && lastMs < 500, String(lastMs));
    for (let from = 0; from < lastMs; from += 20) {
      const burst = sent.filter(({ atMs }) => atMs >= from && atMs < from + 20).length;
      assert.ok(burst <= 66, `${burst} packets in 20 ms`);
    }
  });
});

suite('pacing', () => {
  test('a small frame is due at once, with the marker at its end', () => {
    const queue = started();
    queue.write(INTER, TICKS, payloads(32), FRAME_MS, 40);
    assert.equal(queue.nextDueMs, 40);
    const due = queue.due(40);
    assert.equal(due.length, 32);
    assert.deepEqual([due[30]!.marker, due[31]!.marker], [false, true]);
    assert.equal(queue.nextDueMs, undefined);
  });

  test('a large key frame is spread over 20 ms for each 64 packets, and frames after it wait', () => {
    const queue = started();
    queue.write(KEY, TICKS, payloads(128), FRAME_MS, 40);
    queue.write(INTER, 2 * TICKS, payloads(1), FRAME_MS, 60);
    const sent = drain(queue, 40, 200);
    assert.equal(sent.length, 129);
    assert.equal(sent.at(-1)!.atMs, 80);
    assert.equal(sent.at(-1)!.timestamp, 2 * TICKS);
    assert.equal(sent.filter(({ atMs }) => atMs < 60).length, 61);
  });

  test('the largest key frame takes 100 ms', () => {
    const queue = started();
    queue.write(KEY, TICKS, payloads(4000), FRAME_MS, 40);
    const sent = drain(queue, 40, 300);
    assert.equal(sent.length, 4000);
    assert.equal(sent.at(-1)!.atMs, 140);
  });

  test('large frames one after another do not add up to a delay', () => {
    const queue = started();
    const sent: { atMs: number; timestamp: number }[] = [];
    for (let n = 1; n <= 250; n++) {
      queue.write(n % 50 === 1 ? KEY : INTER, n * TICKS, payloads(n % 50 === 1 ? 900 : 200), FRAME_MS, n * FRAME_MS);
      sent.push(...drain(queue, n * FRAME_MS, n * FRAME_MS + FRAME_MS - 1));
    }
    const delays = sent.map(({ atMs, timestamp }) => atMs - (timestamp / TICKS) * FRAME_MS);
    assert.ok(Math.max(...delays) <= 140, String(Math.max(...delays)));
    assert.ok(Math.max(...delays.slice(-200 * 30)) <= 32);
  });

  test('every payload comes once and in order, whatever the times (seeded)', () => {
    const random = seeded(20);
    const queue = started();
    const seen: number[] = [];
    let nowMs = 0;
    let expected = 0;
    for (let n = 1; n < 500; n++) {
      nowMs += random(80);
      const count = 1 + random(random(10) === 0 ? 500 : 20);
      expected += count;
      queue.write(random(30) === 0 ? KEY : INTER, n, payloads(count), FRAME_MS, nowMs);
      for (let k = random(4); k > 0; k--) {
        nowMs += random(20);
        seen.push(...queue.due(nowMs).map(({ timestamp }) => timestamp));
      }
    }
    seen.push(...queue.due(nowMs + 10_000).map(({ timestamp }) => timestamp));
    assert.equal(seen.length, expected);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(queue.bytes, 0);
  });
});

suite('drops', () => {
  test('a congested viewer loses what waits, but not the rest of a frame that is partly sent', () => {
    const queue = started();
    queue.write(KEY, TICKS, payloads(128), FRAME_MS, 40);
    queue.write(INTER, 2 * TICKS, payloads(3), FRAME_MS, 41);
    assert.ok(queue.due(50).length > 0);
    queue.dropToKeyFrame();
    assert.equal(queue.waitsForKeyFrame, true);
    queue.write(INTER, 3 * TICKS, payloads(3), FRAME_MS, 80);
    queue.write(KEY, 4 * TICKS, payloads(3), FRAME_MS, 120);
    queue.write(INTER, 5 * TICKS, payloads(3), FRAME_MS, 160);
    const rest = queue.due(400);
    assert.deepEqual(times(rest), [TICKS, 4 * TICKS, 5 * TICKS]);
    assert.equal(rest.filter(({ timestamp, marker }) => timestamp === TICKS && marker).length, 1);
    assert.deepEqual(queue.stats, { droppedFrames: 2, drops: 1 });
  });

  test('a key frame that waits is where a congested viewer continues', () => {
    const queue = started();
    for (const [i, frame] of [INTER, INTER, KEY, INTER].entries()) {
      queue.write(frame, (i + 1) * TICKS, payloads(3), FRAME_MS, 40);
    }
    queue.dropToKeyFrame();
    assert.equal(queue.waitsForKeyFrame, false);
    assert.deepEqual(times(queue.due(400)), [3 * TICKS, 4 * TICKS]);
    assert.deepEqual(queue.stats, { droppedFrames: 2, drops: 1 });
  });

  test('a queue without room drops everything up to the next key frame, and stays within its bounds', () => {
    for (const options of [{ maxBytes: 10_000 }, { maxFrames: 5 }]) {
      const queue = started(options);
      for (let n = 1; n < 50; n++) {
        queue.write(n % 20 === 0 ? KEY : INTER, n * TICKS, payloads(2), FRAME_MS, 40);
        assert.ok(queue.bytes <= 10_000);
      }
      assert.deepEqual(times(queue.due(10_000)), []);
      assert.equal(queue.stats.droppedFrames, 49);
      queue.write(INTER, 50 * TICKS, payloads(2), FRAME_MS, 10_000);
      queue.write(KEY, 51 * TICKS, payloads(2), FRAME_MS, 10_000);
      assert.deepEqual(times(queue.due(10_000)), [51 * TICKS]);
    }
  });

  test('a frame that is larger than the queue is dropped, and what depends on it', () => {
    const queue = started({ maxBytes: 10_000 });
    queue.write(KEY, TICKS, payloads(11), FRAME_MS, 40);
    queue.write(INTER, 2 * TICKS, payloads(1), FRAME_MS, 80);
    assert.deepEqual(queue.due(200), []);
    queue.write(KEY, 3 * TICKS, payloads(10), FRAME_MS, 200);
    assert.equal(queue.due(300).length, 10);
  });

  test('a new run waits for its key frame; what waits of the run before is sent', () => {
    const queue = started();
    queue.write(INTER, TICKS, payloads(1), FRAME_MS, 40);
    queue.startRun();
    queue.write(INTER, 5 * TICKS, payloads(1), FRAME_MS, 80);
    queue.write(KEY, 6 * TICKS, payloads(1), FRAME_MS, 80);
    assert.deepEqual(times(queue.due(80)), [TICKS, 6 * TICKS]);
  });
});
