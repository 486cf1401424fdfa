import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Part, SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import { slabPool } from '../lib/memory/slab-pool.ts';
import { audioTrack, videoTrack } from '../live/frames.fixture.ts';
import type { Generation } from './generation.ts';
import { firstOpenOf, type LiveWindowLimits, lastSealedOf, lend } from './live-segment.ts';
import { DEFAULT_LIMITS, type LiveWindow } from './live-window.ts';
import { applyChange } from './live-window-change.ts';
import { LiveWindowWriter } from './live-window-writer.ts';

const tracks = [videoTrack(), audioTrack()];
const run = { id: 1, utcOffsetUs: 0, clock: 'source' } as const;
const init = { number: 1, hash: '00'.repeat(32), tracks };

function generation(number: number): Generation {
  return {
    number,
    firstMsn: 1,
    family: 'test',
    targetDurationS: 2,
    parts: { frames: 5, targetS: 0.201, audioTargetS: 0.2224 },
    holdBackS: 6,
    partHoldBackS: 0.6672,
    bandwidths: { 1: 1000, 2: 100 },
  };
}

function trackSegment(trackId: number, bytes: Uint8Array): TrackSegment {
  return {
    trackId,
    bytes,
    tfdt: 0,
    duration: 180_000,
    firstPtsOffset: 0,
    samples: 50,
    independent: true,
    damaged: false,
    crc: 0,
  };
}

const part = (length: number): Part => ({
  bytes: new Uint8Array(length),
  pts: 0,
  duration: 18_000,
  independent: true,
  crc: 0,
});

/** Adds a segment of 2 s: two parts of the video, and audio of a tenth of its bytes. */
function add(
  writer: LiveWindowWriter,
  msn: number,
  bytes = 1000,
  { parts = true, discontinuity = false } = {},
): SegmentGroup {
  const opening = { msn, run, init, startUs: msn * 2_000_000, discontinuity, discontinuitySequence: 0 };
  writer.openSegment(opening);
  if (parts) {
    writer.addPart(msn, 1, part(bytes / 2));
    writer.addPart(msn, 1, part(bytes / 2));
    writer.addPart(msn, 2, part(bytes / 10));
  }
  const block = (length: number) => slabPool.take(length).subarray(0, length);
  const own = [trackSegment(1, block(bytes)), trackSegment(2, block(bytes / 10))];
  const group = { ...opening, durationUs: 2_000_000, tracks: own, gaps: [] };
  writer.seal(group);
  return group;
}

function recount(list: LiveWindow): number {
  let sum = 0;
  const lists = [list.segments, ...[1, 2, 3].map((number) => list.view(number)?.segments ?? [])];
  for (const segment of new Set(lists.flat())) {
    if (segment.bytes) for (const bytes of segment.bytes.values()) sum += bytes.length;
    else for (const parts of segment.parts.values()) for (const one of parts) sum += one.bytes?.length ?? 0;
  }
  return sum;
}

function writerOf(count: number, limits: Partial<LiveWindowLimits> = {}): LiveWindowWriter {
  const writer = new LiveWindowWriter({ ...DEFAULT_LIMITS, ...limits });
  writer.begin(generation(1), tracks);
  for (let msn = 1; msn <= count; msn++) add(writer, msn);
  return writer;
}

suite('live list', () => {
  test('a segment is found by its MSN, and by no other', () => {
    const { list } = writerOf(4);
    assert.equal(list.find(3)?.msn, 3);
    assert.deepEqual([list.find(0), list.find(5), list.find(2.5)], [undefined, undefined, undefined]);
    assert.equal(new LiveWindowWriter().list.find(0), undefined);
  });

  test('MSNs are contiguous (rule 14)', () => {
    const writer = writerOf(2);
    assert.throws(() => add(writer, 4), /contiguous/);
  });

  test('every change is emitted, and increases the version', () => {
    const writer = new LiveWindowWriter();
    const { list } = writer;
    const versions: number[] = [];
    list.changes.subscribe(() => versions.push(list.version));
    assert.equal(list.ready, false);
    writer.begin(generation(1), tracks);
    add(writer, 1);
    writer.end();
    writer.end();
    assert.deepEqual(versions, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual([list.ready, list.ended], [true, true]);
  });

  test('a sealed segment holds its bytes once: parts are views of the whole (rule 24)', () => {
    const { list } = writerOf(1);
    const segment = list.find(1)!;
    const whole = segment.bytes!.get(1)!;
    assert.deepEqual(
      segment.parts
        .get(1)!
        .map((one) => [one.offset, one.length, one.bytes!.buffer === whole.buffer, one.bytes!.byteOffset]),
      [
        [0, 500, true, 0],
        [500, 500, true, 500],
      ],
    );
    assert.equal(list.memoryBytes, 1100);
  });

  test('recorded bytes that leave memory are used again, unless they were lent', () => {
    const writer = new LiveWindowWriter();
    const { list } = writer;
    writer.begin(generation(1), tracks);
    const groups = Array.from({ length: 10 }, (_, k) => add(writer, k + 1));
    assert.ok(lend(list.find(2)!));
    assert.ok(lend(list.find(3)!.parts.get(2)![0]!));
    writer.recorded(4);
    const lengths = groups.map(({ tracks: [video] }) => video!.bytes.length);
    assert.deepEqual(lengths, [0, 1000, 1000, 0, ...Array(6).fill(1000)]);
    assert.deepEqual(inMemory(list), [5, 6, 7, 8, 9, 10]);
  });

  test('bytes that a recorder may be writing are not used again', () => {
    const writer = new LiveWindowWriter({ ...DEFAULT_LIMITS, maxBytes: 5000 });
    const { list } = writer;
    writer.begin(generation(1), tracks);
    const groups = Array.from({ length: 10 }, (_, k) => add(writer, k + 1));
    assert.ok(list.segments[0]!.msn > 1, 'segments were dropped');
    for (const { tracks: own } of groups) assert.equal(own[0]!.bytes.length, 1000);
  });

  test('the window keeps its duration, and at least six segments', () => {
    const { list } = writerOf(40, { windowUs: 20_000_000 });
    assert.deepEqual([list.segments[0]!.msn, list.segments.at(-1)!.msn], [31, 40]);
    assert.equal(list.memoryBytes, recount(list));
    assert.equal(writerOf(40, { windowUs: 4_000_000 }).list.segments.length, 6);
  });

  test('a hole in the window leaves three target durations of media in the list (RFC 8216bis 6.2.2)', () => {
    const writer = new LiveWindowWriter({ ...DEFAULT_LIMITS, windowUs: 10_000_000 });
    const { list } = writer;
    writer.begin(generation(1), tracks);
    const durationUs = 500_000;
    for (let msn = 1; msn <= 40; msn++) {
      const startUs = msn * durationUs + (msn > 30 ? 9_000_000 : 0);
      const opening = { msn, run, init, startUs, discontinuity: msn === 31, discontinuitySequence: 0 };
      writer.openSegment(opening);
      writer.seal({ msn, durationUs, tracks: [trackSegment(1, new Uint8Array(10))] });
      const leftS = list.segments.length * 0.5;
      assert.ok(leftS > 6 || msn <= 12, `${leftS} s are left after ${msn}`);
      assert.ok(leftS <= 10, `${leftS} s`);
    }
  });

  test('unrecorded media beyond the memory limit shortens the window, down to two segments (rule 23a)', () => {
    const { list } = writerOf(40, { maxBytes: 5600 });
    assert.equal(list.segments.length, 5);
    assert.equal(list.memoryBytes, 5500);
    assert.equal(writerOf(40, { maxBytes: 10 }).list.segments.length, 2);
  });

  test('without parts only the newest recorded segment stays in memory, and that while one is requested', () => {
    const writer = new LiveWindowWriter(DEFAULT_LIMITS);
    const { list } = writer;
    const { parts: _, ...withoutParts } = generation(1);
    writer.begin(withoutParts, tracks);
    for (let msn = 1; msn <= 4; msn++) add(writer, msn, 1000, { parts: false });
    writer.recorded(2);
    assert.deepEqual(inMemory(list), [3, 4]);
    lend(list.find(3)!);
    writer.recorded(4);
    assert.deepEqual(inMemory(list), [4]);
    assert.equal(list.memoryBytes, 1100);
  });

  test('without parts and without requests no recorded segment stays in memory', () => {
    const writer = new LiveWindowWriter(DEFAULT_LIMITS);
    const { parts: _, ...withoutParts } = generation(1);
    writer.begin(withoutParts, tracks);
    for (let msn = 1; msn <= 3; msn++) add(writer, msn, 1000, { parts: false });
    writer.recorded(3);
    assert.deepEqual(inMemory(writer.list), []);
    assert.equal(writer.list.segments.length, 3);
  });

  test('recorded media older than ten seconds leaves memory, and stays in the window', () => {
    const writer = writerOf(12, { maxBytes: 1e9 });
    const { list } = writer;
    assert.equal(list.memoryBytes, 12 * 1100);
    writer.recorded(4);
    assert.deepEqual(inMemory(list), [5, 6, 7, 8, 9, 10, 11, 12]);
    writer.recorded(12);
    // The list ends at 26 s: what ends after 16 s stays.
    assert.deepEqual(inMemory(list), [8, 9, 10, 11, 12]);
    assert.equal(list.memoryBytes, recount(list));
    assert.equal(list.segments.length, 12);
    const gone = list.find(3)!;
    assert.deepEqual(
      [gone.bytes, gone.sealed!.tracks.get(1)!.length, gone.parts.get(1)!.map((one) => [one.bytes, one.length])],
      [
        undefined,
        1000,
        [
          [undefined, 500],
          [undefined, 500],
        ],
      ],
    );
    add(writer, 13);
    assert.deepEqual(inMemory(list), [9, 10, 11, 12, 13], 'recorded media leaves memory as the window moves');
  });

  test('a recording that falls behind does not let memory grow: the window is shortened', () => {
    const writer = writerOf(0, { maxBytes: 11_000, windowUs: 1e12 });
    const { list } = writer;
    for (let msn = 1; msn <= 200; msn++) {
      add(writer, msn);
      if (msn <= 20) writer.recorded(msn);
      assert.ok(list.memoryBytes <= 17 * 1100, `${list.memoryBytes} at ${msn}`);
    }
    assert.deepEqual(inMemory(list).at(0), list.segments[0]!.msn);
    assert.equal(list.segments.length, 10);
  });

  test('recorded media does not count towards the bytes that shorten the list: a high bit rate keeps its window', () => {
    const writer = writerOf(0, { maxBytes: 3000, windowUs: 60_000_000 });
    const { list } = writer;
    for (let msn = 1; msn <= 50; msn++) {
      add(writer, msn);
      writer.recorded(msn);
    }
    assert.equal(list.segments.length, 30);
  });

  test('a segment that never closed leaves with its bytes when the list ends', () => {
    const writer = writerOf(2);
    const { list } = writer;
    writer.openSegment({ msn: 3, run, init, startUs: 6_000_000, discontinuity: false, discontinuitySequence: 0 });
    writer.addPart(3, 1, part(700));
    assert.equal(firstOpenOf(list.segments)?.msn, 3);
    assert.equal(list.memoryBytes, 2900);
    writer.end();
    assert.equal(list.memoryBytes, 2200);
    assert.deepEqual(
      [firstOpenOf(list.segments), lastSealedOf(list.segments)?.msn, list.segments.length],
      [undefined, 2, 2],
    );
  });

  test('parts and groups of unknown segments and tracks are ignored', () => {
    const writer = writerOf(1);
    const { list } = writer;
    const before = [list.memoryBytes, list.version];
    writer.addPart(7, 1, part(10));
    writer.addPart(1, 9, part(10));
    writer.seal({ ...add(writerOf(0), 9), msn: 9 });
    assert.deepEqual([list.memoryBytes, list.version], before);
  });
});

suite('generations of a live list (rule 10)', () => {
  test('the previous generation stays viewable, ended, with its bytes; older ones are dropped', () => {
    const writer = writerOf(3);
    const { list } = writer;
    writer.begin(generation(2), tracks);
    assert.equal(list.ready, false);
    for (let msn = 4; msn <= 6; msn++) add(writer, msn);
    const before = list.view(1)!;
    assert.deepEqual([before.ended, before.segments.map(({ msn }) => msn)], [true, [1, 2, 3]]);
    assert.deepEqual([list.view(2)!.ended, list.view(2)!.segments.length], [false, 3]);
    assert.equal(list.find(2)!.bytes!.get(1)!.length, 1000, 'its players may still fetch its last segments');
    assert.equal(list.memoryBytes, 6600);
    writer.begin(generation(3), tracks);
    assert.deepEqual([list.view(1), list.view(2)!.ended], [undefined, true]);
    assert.equal(list.find(2), undefined);
    assert.equal(list.memoryBytes, recount(list));
  });

  test('its bytes leave when they are recorded and old, when memory is short, and after four target durations and a minute', () => {
    const recorded = writerOf(3);
    recorded.begin(generation(2), tracks);
    for (let msn = 4; msn <= 9; msn++) add(recorded, msn);
    recorded.recorded(9);
    assert.deepEqual([inMemory(recorded.list), recorded.list.find(3)!.bytes], [[5, 6, 7, 8, 9], undefined]);
    const short = writerOf(3, { maxBytes: 5000 });
    short.begin(generation(2), tracks);
    for (let msn = 4; msn <= 6; msn++) add(short, msn);
    assert.deepEqual(
      [short.list.find(3)!.bytes, short.list.segments.length, short.list.memoryBytes],
      [undefined, 3, 3300],
    );
    const long = writerOf(3);
    long.begin(generation(2), tracks);
    for (let msn = 4; msn <= 38; msn++) {
      add(long, msn);
      assert.equal(long.list.find(3)!.bytes === undefined, msn > 37, `${msn}`);
    }
  });

  test('the same generation continues, even with other tracks', () => {
    const writer = new LiveWindowWriter();
    const { list } = writer;
    writer.begin(generation(1), tracks);
    add(writer, 1);
    writer.begin(generation(1), [tracks[0]!]);
    add(writer, 2, 1000, { parts: false });
    assert.equal(list.segments.length, 2);
    assert.equal(list.tracks.length, 1);
    assert.equal(list.view(7), undefined);
  });

  test('the generation of the previous process stays viewable, ended, until a second one has ended after it', () => {
    const before = writerOf(4);
    before.end();
    const writer = new LiveWindowWriter(DEFAULT_LIMITS, before.list.view(1));
    const { list } = writer;
    assert.deepEqual([list.generation, list.ready, list.lastGeneration?.number], [undefined, false, 1]);
    assert.deepEqual(
      [list.view(1)?.ended, list.find(before.list.segments[0]!.msn)?.msn],
      [true, before.list.segments[0]!.msn],
    );
    writer.begin(generation(2), tracks);
    assert.equal(list.view(1)?.ended, true);
    add(writer, 900);
    writer.begin(generation(3), tracks);
    assert.equal(list.view(1), undefined);
  });
});

function inMemory(list: LiveWindow): number[] {
  return list.segments.filter((segment) => segment.bytes).map(({ msn }) => msn);
}

suite('deleted segments of a live window', () => {
  const filled = () => {
    const writer = new LiveWindowWriter(DEFAULT_LIMITS);
    writer.begin(generation(1), tracks);
    for (const msn of [1, 2, 3, 4]) writer.seal(add(writer, msn));
    writer.recorded(3);
    return writer;
  };

  test('complete segments up to the last deleted one are not listed and not in memory; the open one stays', () => {
    const writer = filled();
    const { list } = writer;
    writer.openSegment({ msn: 5, run, init, startUs: 10_000_000, discontinuity: false, discontinuitySequence: 0 });
    const replica = LiveWindowWriter.from(structuredClone({ ...list.state, lost: new Set(list.state.lost) }));
    list.copied.subscribe((change) => applyChange(replica, change));
    const { version, erasures } = list;
    writer.erase(3);
    for (const each of [list, replica.list]) {
      assert.deepEqual(
        each.segments.map(({ msn }) => msn),
        [4, 5],
      );
      assert.equal(each.find(3), undefined);
    }
    assert.ok(list.version > version && list.erasures > erasures);
    writer.erase(99);
    assert.deepEqual(
      list.segments.map(({ msn }) => msn),
      [5],
    );
    assert.equal(list.ready, false);
  });

  test('those of the generation before go with all of it', () => {
    const writer = filled();
    const { list } = writer;
    writer.begin(generation(2), tracks);
    assert.ok(list.view(1));
    writer.erase(2);
    assert.equal(list.view(1), undefined);
    assert.equal(list.find(4), undefined);
  });
});
