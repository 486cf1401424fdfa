import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '../../frame.ts';
import { readBoxes, u32At } from '../box.ts';
import { fragmentLength, printFragment } from '../fragment.ts';
import { parseMoof } from '../fragment-reader.ts';
import { parseInit, parseMoov } from '../init.ts';
import { audioTrack, framesOf, fuzz, videoTrack } from '../media.fixture.ts';
import { planClip } from './clip-header.ts';
import { rebaseFragments, rebaseSegment } from './clip-segment.ts';
import type { ClipGroup } from './clip-times.ts';

function groupAt(second: number, lengths: readonly [number, number], discontinuity = false): ClipGroup {
  return {
    discontinuity,
    tracks: [
      { trackId: 1, tfdt: second * 90_000, duration: 90_000, length: lengths[0], firstPtsOffset: 7200 },
      { trackId: 2, tfdt: second * 48_000 + 3840, duration: 48_000, length: lengths[1], firstPtsOffset: 0 },
    ],
  };
}

function printParts(frames: readonly Frame[], size: number): Uint8Array {
  const parts: Frame[][] = [];
  for (let i = 0; i < frames.length; i += size) parts.push(frames.slice(i, i + size));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + fragmentLength(part), 0));
  let at = 0;
  for (const part of parts) {
    at = printFragment(bytes, at, { sequence: 1, trackId: part[0]!.trackId, tfdt: part[0]!.dts, frames: part });
  }
  return bytes;
}

const tracks = [videoTrack, audioTrack];

suite('the plan of a clip', () => {
  test('is an init with edits, its length known from the index, and one sidx for each track', () => {
    const groups = [
      groupAt(60_000_000, [1000, 100]),
      groupAt(60_000_001, [2000, 200]),
      groupAt(60_000_002, [3000, 300]),
    ];
    const plan = planClip(tracks, groups);
    assert.deepEqual(parseInit(plan.header), tracks);
    assert.equal(plan.length, plan.header.length + 6600);
    assert.equal(plan.duration, 3 * 90_000);
    assert.deepEqual(plan.deltas[2], [-60_000_000 * 90_000, -60_000_000 * 48_000 - 3840]);
    const boxes = readBoxes(plan.header);
    assert.deepEqual(
      boxes.map(({ type }) => type),
      ['ftyp', 'moov', 'sidx', 'sidx'],
    );
    const sizes = boxes.slice(2).map(({ start }) => [0, 1, 2].map((i) => u32At(plan.header, start + 40 + 12 * i)));
    assert.deepEqual(sizes, [
      [1100, 2200, 3300],
      [2100, 3200, 300],
    ]);
    // first_offset: over the other index, and to the first audio segment.
    assert.equal(u32At(plan.header, boxes[2]!.start + 32), boxes[3]!.end - boxes[3]!.start);
    assert.equal(u32At(plan.header, boxes[3]!.start + 32), 1000);
  });

  test('keeps the distance between the tracks: video is shown at 0, audio heard when it was', () => {
    const { header } = planClip(tracks, [groupAt(10, [10, 10])]);
    const [video, audio] = parseMoov(header, readBoxes(header)[1]!);
    assert.equal(video!.editShift, -7200);
    assert.equal(audio!.editShift, 0);
    const late: ClipGroup = { ...groupAt(10, [10, 10]) };
    const shifted = late.tracks.map((track) => (track.trackId === 2 ? { ...track, tfdt: track.tfdt + 480 } : track));
    const other = planClip(tracks, [{ ...late, tracks: shifted }]);
    assert.equal(parseMoov(other.header, readBoxes(other.header)[1]!)[1]!.editShift, 480);
  });

  test('closes holes, and decode times never go back', () => {
    const groups = [groupAt(100, [10, 10]), groupAt(500, [10, 10], true), groupAt(3, [10, 10], true)];
    const plan = planClip(tracks, groups);
    assert.equal(plan.duration, 3 * 90_000);
    for (const [k] of tracks.entries()) {
      const times = groups.map(({ tracks: segments }, i) => segments[k]!.tfdt + plan.deltas[i]![k]!);
      assert.deepEqual(
        times.map((time) => time / tracks[k]!.timescale),
        [0, 1, 2],
      );
    }
    const deeper = groupAt(7, [10, 10], true);
    const reordered = deeper.tracks.map((track) =>
      track.trackId === 1 ? { ...track, firstPtsOffset: 14_400 } : track,
    );
    const late = planClip(tracks, [groupAt(100, [10, 10]), { ...deeper, tracks: reordered }]);
    assert.equal(reordered[0]!.tfdt + late.deltas[1]![0]!, 90_000);
  });

  test('a track that comes later, or is missing in a group, keeps its place', () => {
    const [a, b, c] = [groupAt(0, [10, 0]), groupAt(1, [10, 5]), groupAt(2, [0, 5])];
    const { header, length, deltas } = planClip(tracks, [a, b, c]);
    assert.equal(length, header.length + 30);
    assert.deepEqual(deltas[0], [0, 0]);
    assert.equal(parseMoov(header, readBoxes(header)[1]!)[1]!.editShift, 48_000);
    assert.throws(() => planClip(tracks, []), RangeError);
    assert.throws(() => planClip([audioTrack], [a]), RangeError);
  });
});

suite('a segment as it goes out in a clip', () => {
  test('is one fragment in as many bytes, with the same samples at the new time', () => {
    for (const track of tracks) {
      const frames = framesOf(track, 50, 60_000_000 * track.timescale);
      const stored = printParts(frames, 5);
      const sent = rebaseSegment(stored, -60_000_000 * track.timescale, 0);
      assert.equal(sent.length, stored.length);
      const boxes = readBoxes(sent);
      assert.deepEqual(
        boxes.map(({ type }) => type),
        ['moof', 'mdat', 'free'],
      );
      const [fragment] = parseMoof(sent, boxes[0]!);
      const expected = framesOf(track, 50);
      assert.equal(fragment!.tfdt, 0);
      assert.deepEqual(
        fragment!.compositions,
        expected.map(({ pts, dts }) => pts - dts),
      );
      for (const [i, { data }] of expected.entries()) {
        const at = fragment!.offsets[i]!;
        assert.deepEqual(sent.subarray(at, at + fragment!.sizes[i]!), data);
      }
    }
  });

  test('a segment of one fragment only gets its new time', () => {
    const frames = framesOf(videoTrack, 10, 900_000);
    assert.deepEqual(rebaseSegment(printParts(frames, 10), -900_000, 0), printParts(framesOf(videoTrack, 10), 10));
  });

  test('decode times that would leave their field are refused', () => {
    const stored = printParts(framesOf(videoTrack, 10, 900), 5);
    assert.throws(() => rebaseSegment(stored, -901, 0), { name: 'FormatError' });
    assert.throws(() => rebaseFragments(stored, 2 ** 53, 0), { name: 'FormatError' });
    const without = Buffer.from(stored);
    without.write('free', without.indexOf('tfdt'));
    assert.throws(() => rebaseSegment(without, 0, 0), { name: 'FormatError', message: /no tfdt/ });
  });

  test('a 32-bit decode time is patched in its four bytes', () => {
    const stored = printParts(framesOf(audioTrack, 2), 2);
    const at = Buffer.from(stored.buffer).indexOf('tfdt') + 4;
    stored[at] = 0;
    const moved = rebaseFragments(stored, 77, 0);
    assert.equal(u32At(moved, at + 4), 77);
    assert.throws(() => rebaseFragments(stored, 2 ** 33, 0), { name: 'FormatError' });
  });

  test('damaged segments are refused with FormatError and nothing else', () => {
    fuzz(printParts(framesOf(videoTrack, 15), 5), 2000, (bytes) => {
      assert.equal(rebaseSegment(bytes, 5, 0).length, bytes.length);
    });
  });
});
