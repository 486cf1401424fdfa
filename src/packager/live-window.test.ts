import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Part, SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import { slabPool } from '../lib/memory/slab-pool.ts';
import { audioTrack, videoTrack } from '../live/frames.fixture.ts';
import type { Generation } from './generation.ts';
import { type LiveWindowLimits, lend } from './live-segment.ts';
import { DEFAULT_LIMITS, LiveWindow } from './live-window.ts';

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
function add(list: LiveWindow, msn: number, bytes = 1000, { parts = true, discontinuity = false } = {}): SegmentGroup {
  const opening = { msn, run, init, startUs: msn * 2_000_000, discontinuity, discontinuitySequence: 0 };
  list.openSegment(opening);
  if (parts) {
    list.addPart(msn, 1, part(bytes / 2));
    list.addPart(msn, 1, part(bytes / 2));
    list.addPart(msn, 2, part(bytes / 10));
  }
  const block = (length: number) => slabPool.take(length).subarray(0, length);
  const own = [trackSegment(1, block(bytes)), trackSegment(2, block(bytes / 10))];
  const group = { ...opening, durationUs: 2_000_000, tracks: own, gaps: [] };
  list.seal(group);
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

function listOf(count: number, limits: Partial<LiveWindowLimits> = {}): LiveWindow {
  const list = new LiveWindow({ ...DEFAULT_LIMITS, ...limits });
  list.begin(generation(1), tracks);
  for (let msn = 1; msn <= count; msn++) add(list, msn);
  return list;
}

suite('live list', () => {
  test('a segment is found by its MSN, and by no other', () => {
    const list = listOf(4);
    assert.equal(list.find(3)?.msn, 3);
    assert.deepEqual([list.find(0), list.find(5), list.find(2.5)], [undefined, undefined, undefined]);
    assert.equal(new LiveWindow().find(0), undefined);
  });

  test('MSNs are contiguous (rule 14)', () => {
    const list = listOf(2);
    assert.throws(() => add(list, 4), /contiguous/);
  });

  test('every change is emitted, and increases the version', () => {
    const list = new LiveWindow();
    const versions: number[] = [];
    list.changes.subscribe(() => versions.push(list.version));
    assert.equal(list.ready, false);
    list.begin(generation(1), tracks);
    add(list, 1);
    list.end();
    list.end();
    assert.deepEqual(versions, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual([list.ready, list.ended], [true, true]);
  });

  test('a sealed segment holds its bytes once: parts are views of the whole (rule 24)', () => {
    const list = listOf(1);
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
    const list = new LiveWindow();
    list.begin(generation(1), tracks);
    const groups = Array.from({ length: 10 }, (_, k) => add(list, k + 1));
    assert.ok(lend(list.find(2)!));
    assert.ok(lend(list.find(3)!.parts.get(2)![0]!));
    list.recorded(4);
    const lengths = groups.map(({ tracks: [video] }) => video!.bytes.length);
    assert.deepEqual(lengths, [0, 1000, 1000, 0, ...Array(6).fill(1000)]);
    assert.deepEqual(inMemory(list), [5, 6, 7, 8, 9, 10]);
  });

  test('bytes that a recorder may be writing are not used again', () => {
    const list = new LiveWindow({ ...DEFAULT_LIMITS, maxBytes: 5000 });
    list.begin(generation(1), tracks);
    const groups = Array.from({ length: 10 }, (_, k) => add(list, k + 1));
    assert.ok(list.segments[0]!.msn > 1, 'segments were dropped');
    for (const { tracks: own } of groups) assert.equal(own[0]!.bytes.length, 1000);
  });

  test('the window keeps its duration, and at least six segments', () => {
    const list = listOf(40, { windowUs: 20_000_000 });
    assert.deepEqual([list.segments[0]!.msn, list.segments.at(-1)!.msn], [31, 40]);
    assert.equal(list.memoryBytes, recount(list));
    assert.equal(listOf(40, { windowUs: 4_000_000 }).segments.length, 6);
  });

  test('a hole in the window leaves three target durations of media in the list (RFC 8216bis 6.2.2)', () => {
    const list = new LiveWindow({ ...DEFAULT_LIMITS, windowUs: 10_000_000 });
    list.begin(generation(1), tracks);
    const durationUs = 500_000;
    for (let msn = 1; msn <= 40; msn++) {
      const startUs = msn * durationUs + (msn > 30 ? 9_000_000 : 0);
      const opening = { msn, run, init, startUs, discontinuity: msn === 31, discontinuitySequence: 0 };
      list.openSegment(opening);
      list.seal({ msn, durationUs, tracks: [trackSegment(1, new Uint8Array(10))] });
      const leftS = list.segments.length * 0.5;
      assert.ok(leftS > 6 || msn <= 12, `${leftS} s are left after ${msn}`);
      assert.ok(leftS <= 10, `${leftS} s`);
    }
  });

  test('unrecorded media beyond the memory limit shortens the window, down to two segments (rule 23a)', () => {
    const list = listOf(40, { maxBytes: 5600 });
    assert.equal(list.segments.length, 5);
    assert.equal(list.memoryBytes, 5500);
    assert.equal(listOf(40, { maxBytes: 10 }).segments.length, 2);
  });

  test('without parts only the newest recorded segment stays in memory', () => {
    const list = new LiveWindow(DEFAULT_LIMITS);
    const { parts: _, ...withoutParts } = generation(1);
    list.begin(withoutParts, tracks);
    for (let msn = 1; msn <= 4; msn++) add(list, msn, 1000, { parts: false });
    list.recorded(2);
    assert.deepEqual(inMemory(list), [3, 4]);
    list.recorded(4);
    assert.deepEqual(inMemory(list), [4]);
    assert.equal(list.memoryBytes, 1100);
  });

  test('recorded media older than ten seconds leaves memory, and stays in the window', () => {
    const list = listOf(12, { maxBytes: 1e9 });
    assert.equal(list.memoryBytes, 12 * 1100);
    list.recorded(4);
    assert.deepEqual(inMemory(list), [5, 6, 7, 8, 9, 10, 11, 12]);
    list.recorded(12);
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
    add(list, 13);
    assert.deepEqual(inMemory(list), [9, 10, 11, 12, 13], 'recorded media leaves memory as the window moves');
  });

  test('a recording that falls behind does not let memory grow: the window is shortened', () => {
    const list = listOf(0, { maxBytes: 11_000, windowUs: 1e12 });
    for (let msn = 1; msn <= 200; msn++) {
      add(list, msn);
      if (msn <= 20) list.recorded(msn);
      assert.ok(list.memoryBytes <= 17 * 1100, `${list.memoryBytes} at ${msn}`);
    }
    assert.deepEqual(inMemory(list).at(0), list.segments[0]!.msn);
    assert.equal(list.segments.length, 10);
  });

  test('recorded media does not count towards the bytes that shorten the list: a high bit rate keeps its window', () => {
    const list = listOf(0, { maxBytes: 3000, windowUs: 60_000_000 });
    for (let msn = 1; msn <= 50; msn++) {
      add(list, msn);
      list.recorded(msn);
    }
    assert.equal(list.segments.length, 30);
  });

  test('a segment that never closed leaves with its bytes when the list ends', () => {
    const list = listOf(2);
    list.openSegment({ msn: 3, run, init, startUs: 6_000_000, discontinuity: false, discontinuitySequence: 0 });
    list.addPart(3, 1, part(700));
    assert.equal(list.open?.msn, 3);
    assert.equal(list.memoryBytes, 2900);
    list.end();
    assert.equal(list.memoryBytes, 2200);
    assert.deepEqual([list.open, list.lastSealed?.msn, list.segments.length], [undefined, 2, 2]);
  });

  test('parts and groups of unknown segments and tracks are ignored', () => {
    const list = listOf(1);
    const before = [list.memoryBytes, list.version];
    list.addPart(7, 1, part(10));
    list.addPart(1, 9, part(10));
    list.seal({ ...add(listOf(0), 9), msn: 9 });
    assert.deepEqual([list.memoryBytes, list.version], before);
  });
});

suite('generations of a live list (rule 10)', () => {
  test('the previous generation stays viewable, ended, with its bytes; older ones are dropped', () => {
    const list = listOf(3);
    list.begin(generation(2), tracks);
    assert.equal(list.ready, false);
    for (let msn = 4; msn <= 6; msn++) add(list, msn);
    const before = list.view(1)!;
    assert.deepEqual([before.ended, before.segments.map(({ msn }) => msn)], [true, [1, 2, 3]]);
    assert.deepEqual([list.view(2)!.ended, list.view(2)!.segments.length], [false, 3]);
    assert.equal(list.find(2)!.bytes!.get(1)!.length, 1000, 'its players may still fetch its last segments');
    assert.equal(list.memoryBytes, 6600);
    list.begin(generation(3), tracks);
    assert.deepEqual([list.view(1), list.view(2)!.ended], [undefined, true]);
    assert.equal(list.find(2), undefined);
    assert.equal(list.memoryBytes, recount(list));
  });

  test('its bytes leave when they are recorded and old, when memory is short, and after four target durations and a minute', () => {
    const recorded = listOf(3);
    recorded.begin(generation(2), tracks);
    for (let msn = 4; msn <= 9; msn++) add(recorded, msn);
    recorded.recorded(9);
    assert.deepEqual([inMemory(recorded), recorded.find(3)!.bytes], [[5, 6, 7, 8, 9], undefined]);
    const short = listOf(3, { maxBytes: 5000 });
    short.begin(generation(2), tracks);
    for (let msn = 4; msn <= 6; msn++) add(short, msn);
    assert.deepEqual([short.find(3)!.bytes, short.segments.length, short.memoryBytes], [undefined, 3, 3300]);
    const long = listOf(3);
    long.begin(generation(2), tracks);
    for (let msn = 4; msn <= 38; msn++) {
      add(long, msn);
      assert.equal(long.find(3)!.bytes === undefined, msn > 37, `${msn}`);
    }
  });

  test('the same generation continues, even with other tracks', () => {
    const list = new LiveWindow();
    list.begin(generation(1), tracks);
    add(list, 1);
    list.begin(generation(1), [tracks[0]!]);
    add(list, 2, 1000, { parts: false });
    assert.equal(list.segments.length, 2);
    assert.equal(list.tracks.length, 1);
    assert.equal(list.view(7), undefined);
  });

  test('the generation of the previous process stays viewable, ended, until a second one has ended after it', () => {
    const before = listOf(4);
    before.end();
    const list = new LiveWindow(DEFAULT_LIMITS, before.view(1));
    assert.deepEqual([list.generation, list.ready, list.lastGeneration?.number], [undefined, false, 1]);
    assert.deepEqual([list.view(1)?.ended, list.find(before.segments[0]!.msn)?.msn], [true, before.segments[0]!.msn]);
    list.begin(generation(2), tracks);
    assert.equal(list.view(1)?.ended, true);
    add(list, 900);
    list.begin(generation(3), tracks);
    assert.equal(list.view(1), undefined);
  });
});

function inMemory(list: LiveWindow): number[] {
  return list.segments.filter((segment) => segment.bytes).map(({ msn }) => msn);
}

suite('deleted segments of a live window', () => {
  const filled = () => {
    const list = new LiveWindow(DEFAULT_LIMITS);
    list.begin(generation(1), tracks);
    for (const msn of [1, 2, 3, 4]) list.seal(add(list, msn));
    list.recorded(3);
    return list;
  };

  test('complete segments up to the last deleted one are not listed and not in memory; the open one stays', () => {
    const list = filled();
    list.openSegment({ msn: 5, run, init, startUs: 10_000_000, discontinuity: false, discontinuitySequence: 0 });
    const replica = LiveWindow.from(structuredClone({ ...list.state, lost: new Set(list.state.lost) }));
    list.copied.subscribe((change) => replica.apply(change));
    const { version, erasures } = list;
    list.erase(3);
    for (const each of [list, replica]) {
      assert.deepEqual(
        each.segments.map(({ msn }) => msn),
        [4, 5],
      );
      assert.equal(each.find(3), undefined);
    }
    assert.ok(list.version > version && list.erasures > erasures);
    list.erase(99);
    assert.deepEqual(
      list.segments.map(({ msn }) => msn),
      [5],
    );
    assert.equal(list.ready, false);
  });

  test('those of the generation before go with all of it', () => {
    const list = filled();
    list.begin(generation(2), tracks);
    assert.ok(list.view(1));
    list.erase(2);
    assert.equal(list.view(1), undefined);
    assert.equal(list.find(4), undefined);
  });
});
