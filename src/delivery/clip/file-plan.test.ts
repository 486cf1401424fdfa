import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { concatBytes } from '@oxbow/media/bytes';
import { planClip } from '@oxbow/media/isobmff/clip/clip-header';
import { rebaseSegment } from '@oxbow/media/isobmff/clip/clip-segment';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { audioTrack, framesOf, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { seeded } from '@oxbow/media/random.fixture';
import type { BodyPart } from '../reply.ts';
import { etagOfFile } from './clip-file.ts';
import { FilePlanner } from './file-plan.ts';

const tracks = [videoTrack, audioTrack];

interface StoredTrack {
  readonly trackId: number;
  readonly tfdt: number;
  readonly duration: number;
  readonly firstPtsOffset: number;
  readonly length: number;
  readonly crc: number;
  readonly bytes: Uint8Array;
}

interface StoredGroup {
  readonly msn: number;
  readonly discontinuity: boolean;
  readonly tracks: readonly StoredTrack[];
}

/** A group of one second at `second`; tracks that are left out have no bytes. */
function groupAt(msn: number, second: number, { discontinuity = false, without = [] as number[] } = {}): StoredGroup {
  const segments = tracks.map((track): StoredTrack => {
    const frames = framesOf(track, 2, second * track.timescale);
    const bytes = new Uint8Array(without.includes(track.id) ? 0 : fragmentLength(frames));
    if (bytes.length > 0) printFragment(bytes, 0, { sequence: 1, trackId: track.id, tfdt: frames[0]!.dts, frames });
    const firstPtsOffset = track.kind === 'video' ? 7200 : 0;
    const times = { tfdt: second * track.timescale, duration: track.timescale, firstPtsOffset };
    return { trackId: track.id, ...times, length: bytes.length, crc: crc32(bytes), bytes };
  });
  return { msn, discontinuity, tracks: segments };
}

/** Groups with holes, runs and missing tracks. */
function recordingOf(count: number): StoredGroup[] {
  let second = 1_000_000;
  return Array.from({ length: count }, (_, i) => {
    const discontinuity = i % 7 === 5;
    second = discontinuity ? second - 300 : second + 1;
    const without = i < 3 ? [2] : i % 11 === 4 ? [1] : i % 13 === 6 ? [1, 2] : [];
    return groupAt(100 + i, second, { discontinuity, without });
  });
}

/** The plan of groups in portions, and how often each portion was opened and each segment read. */
function planOf(groups: readonly StoredGroup[], perPortion: number) {
  const opened: number[] = [];
  const counts = { reads: 0, changed: 0 };
  const stored = [...groups];
  const planner = new FilePlanner<StoredGroup, number>(tracks, {
    reopen: async (place) => {
      opened.push(place);
      return stored.slice(place);
    },
    read: async (_, segment) => {
      counts.reads++;
      return segment.bytes;
    },
    changed: () => counts.changed++,
  });
  for (const [i, group] of groups.entries()) {
    if (i % perPortion === 0) planner.begin(i);
    planner.add(group);
  }
  return { ...planner.finish(), opened, counts, stored };
}

/** Bytes [start, end) of a body, as they are sent. */
async function cut(body: readonly BodyPart[], start: number, end: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const part of body) {
    const [from, to] = [Math.max(0, start - at), Math.min(part.length, end - at)];
    at += part.length;
    if (from >= to) continue;
    if (part instanceof Uint8Array) pieces.push(part.subarray(from, to));
    else if ('blocks' in part) pieces.push(...(await Array.fromAsync(part.blocks(from, to))));
    else assert.fail('a planned file has no such part');
  }
  return concatBytes(pieces);
}

/** The same file, planned at once. */
function whole(groups: readonly StoredGroup[]): Uint8Array {
  const { header, deltas } = planClip(tracks, groups);
  const pieces = [header];
  for (const [i, group] of groups.entries()) {
    for (const [t, { bytes }] of group.tracks.entries()) {
      if (bytes.length > 0) pieces.push(rebaseSegment(bytes, deltas[i]![t]!, pieces.length - 1));
    }
  }
  return concatBytes(pieces);
}

suite('a file that is planned while it is sent', () => {
  test('has the bytes and the validator of one that was planned at once, whatever its portions are', async () => {
    const groups = recordingOf(60);
    const expected = whole(groups);
    for (const perPortion of [1, 7, 10, 60]) {
      const { body, length, etag } = planOf(groups, perPortion);
      assert.equal(length, expected.length);
      assert.equal(etag, etagOfFile(groups, 'mp4'));
      assert.deepEqual(await cut(body, 0, length), expected, `${perPortion} groups a portion`);
    }
  });

  test('has the same bytes in any range, and more references than a block has', async () => {
    const groups = recordingOf(1500);
    const expected = whole(groups);
    const { body, length } = planOf(groups, 100);
    const random = seeded(7);
    for (let i = 0; i < 60; i++) {
      // Half of the ranges are in the header, where the references are.
      const within = i % 2 === 0 ? 40_000 : length;
      const start = random(within);
      const end = Math.min(length, start + 1 + random(5_000));
      assert.deepEqual(await cut(body, start, end), expected.subarray(start, end), `${start} to ${end}`);
    }
    assert.deepEqual(await cut(body, 0, length), expected);
  });

  test('opens only the portion of a range, and reads only its segments', async () => {
    const groups = recordingOf(600);
    const { body, length, opened, counts } = planOf(groups, 20);
    await cut(body, length - 1, length);
    assert.deepEqual([opened, counts.reads], [[580], 1]);
    await cut(body, 0, 100);
    assert.deepEqual([opened.length, counts.reads], [1, 1], 'the head is in memory');
  });

  test('holds little: of ten times as many segments only its portions', () => {
    const [small, large] = [planOf(recordingOf(300), 100), planOf(recordingOf(3000), 100)];
    assert.ok(large.weight - small.weight < 27 * 1000, `${small.weight} and ${large.weight} bytes`);
  });

  test('is cut, and planned again, if the recording has changed meanwhile', async () => {
    for (const change of [
      (groups: StoredGroup[]) => groups.splice(25, 1),
      (groups: StoredGroup[]) => groups.splice(25, 1, groups[26]!),
    ]) {
      const { body, length, stored, counts } = planOf(recordingOf(60), 20);
      change(stored);
      await assert.rejects(cut(body, 0, length), { code: 'no-media' });
      assert.equal(counts.changed, 1);
    }
    const { body, length, stored } = planOf(recordingOf(60), 20);
    stored.push(groupAt(500, 2_000_000));
    assert.equal((await cut(body, 0, length)).length, length, 'what was recorded since is not in it');
  });
});
