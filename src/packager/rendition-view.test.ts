import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { renditionsOf } from '@oxbow/media/rendition-set';
import { audioFrames, audioTrack, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import { lastSealedOf } from './live-segment.ts';
import { continuous, createPackagerRig, type PackagerRig } from './packager.fixture.ts';
import { hasReached, nextPartOf, type Position, partsOf, positionOf } from './rendition-view.ts';

const video = videoTrack();
const audio = audioTrack();
const [av0, v0, a0] = renditionsOf([video, audio]).all as [never, never, never];

/** A stream of which the video came up to `videoS` and the audio up to `audioS`, seconds from its start. */
function rigAt(videoS: number, audioS: number): PackagerRig {
  const rig = createPackagerRig();
  rig.stream.startRun(continuous([video, audio]));
  const frames: { frame: Frame; atS: number }[] = [
    ...videoFrames({ track: video, seconds: videoS, rate: 25, gopS: 1 }).map((frame) => ({
      frame,
      atS: frame.dts / 90_000,
    })),
    ...audioFrames({ track: audio, seconds: audioS }).map((frame) => ({ frame, atS: frame.dts / 48_000 })),
  ];
  for (const { frame } of frames.sort((a, b) => a.atS - b.atS)) rig.stream.publish(frame);
  return rig;
}

const viewOf = (rig: PackagerRig) => rig.list.view(rig.list.generation!.number)!;

suite('a rendition of the live list', () => {
  test('a part of av0 is the video part, then the audio part (rule 15a)', () => {
    const { list } = rigAt(5, 5);
    const parts = partsOf(list.find(100)!, av0);
    assert.equal(parts.length, 10);
    for (const [i, { pieces, durationS }] of parts.entries()) {
      assert.deepEqual(
        pieces.map(({ trackId }) => trackId),
        [1, 2],
      );
      assert.equal(durationS, 0.2);
      assert.equal(parts[i]!.independent, i % 5 === 0);
    }
    assert.ok(partsOf(list.find(100)!, a0).every((part) => part.independent));
  });

  test('while audio lags, av0 lists the parts of both, and each track alone its own', () => {
    const rig = rigAt(4.8, 4.5);
    const view = viewOf(rig);
    assert.deepEqual(positionOf(view, av0), { msn: 102, parts: 2 });
    assert.deepEqual(positionOf(view, v0), { msn: 102, parts: 4 });
    assert.deepEqual(positionOf(view, a0), { msn: 102, parts: 2 });
  });

  test('while audio has not reached the cut, the segment is open for all, and nothing of the next one is listed', () => {
    const rig = rigAt(4.3, 3.9);
    const view = viewOf(rig);
    assert.equal(lastSealedOf(rig.list.segments)?.msn, 100);
    assert.equal(rig.list.segments.length, 3);
    assert.deepEqual(positionOf(view, av0), { msn: 101, parts: 9 });
    assert.deepEqual(positionOf(view, v0), { msn: 101, parts: 10 });
  });

  test('a blocking request is reached when the part or segment is complete (RFC 8216bis 6.2.5.2)', () => {
    const view = viewOf(rigAt(4.8, 4.5));
    const reached = (msn: number, part?: number) => hasReached(view, av0, msn, part);
    assert.deepEqual([reached(100), reached(101), reached(102), reached(103)], [true, true, false, false]);
    assert.deepEqual([reached(102, 0), reached(102, 1), reached(102, 2)], [true, true, false]);
    assert.deepEqual([reached(101, 0), reached(101, 9), reached(103, 0)], [true, true, false]);
    assert.equal(reached(99, 0), true, 'what has left the list was reached');
  });

  test('a part after the last of a complete segment means the first one of the next (RFC 8216bis 6.2.5.2)', () => {
    assert.equal(hasReached(viewOf(rigAt(4.1, 4.3)), av0, 101, 10), false);
    assert.equal(hasReached(viewOf(rigAt(4.28, 4.4)), av0, 101, 10), true);
    assert.equal(hasReached(viewOf(rigAt(6.4, 6.4)), av0, 100, 12), true);
  });

  test('an empty list has no position, an ended one is after its last segment', () => {
    const rig = rigAt(4.8, 4.8);
    const empty = { ...viewOf(rig), segments: [] };
    assert.deepEqual([positionOf(empty, av0), hasReached(empty, av0, 0, 0)], [undefined, false]);
    rig.packager.endList();
    assert.deepEqual(positionOf(viewOf(rig), av0), { msn: 103, parts: 0 });
  });

  test('a rendition without tracks of the segment has no parts', () => {
    const rig = rigAt(3, 3);
    assert.deepEqual(partsOf(rig.list.find(100)!, { id: 'x', tracks: [] }), []);
    assert.deepEqual(partsOf(rig.list.find(100)!, { id: 'a9', tracks: [audioTrack(48_000, { id: 9 })] }), []);
  });

  for (const { rate, gopS } of [
    { rate: 25, gopS: 1 },
    { rate: 30_000 / 1001, gopS: 2 },
    { rate: 24, gopS: 2 },
    { rate: 25, gopS: 10 },
  ]) {
    test(`the part that is said to come is the one that comes: ${rate.toFixed(2)} fps, GOPs of ${gopS} s`, () => {
      const rig = createPackagerRig();
      const wrong: string[] = [];
      let checked = 0;
      const told = new Map<string, Position | undefined>();
      rig.list.changes.subscribe(() => {
        if (!rig.list.ready) return;
        const view = viewOf(rig);
        for (const rendition of [av0, v0, a0] as { id: string; tracks: [] }[]) {
          const before = told.get(rendition.id);
          const segment = before && view.segments.find(({ msn }) => msn === before.msn);
          const count = segment ? partsOf(segment, rendition).length : 0;
          const over = view.segments.find(({ msn, sealed }) => msn === before?.msn && sealed);
          if (before && over && count <= before.parts) wrong.push(`${rendition.id} ${before.msn}.${before.parts}`);
          if (before && count > before.parts) checked++;
          told.set(rendition.id, nextPartOf(view, rendition));
        }
      });
      rig.stream.startRun(continuous([video, audio]));
      const frames = [
        ...videoFrames({ track: video, seconds: 24, rate, gopS }).map((frame) => ({ frame, atS: frame.dts / 90_000 })),
        ...audioFrames({ track: audio, seconds: 24 }).map((frame) => ({ frame, atS: frame.dts / 48_000 })),
      ];
      for (const { frame } of frames.sort((a, b) => a.atS - b.atS)) rig.stream.publish(frame);
      assert.ok(checked > 200, `${checked}`);
      assert.deepEqual(wrong, []);
    });
  }
});
