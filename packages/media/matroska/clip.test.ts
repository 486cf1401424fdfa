import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '../bytes.ts';
import type { Frame, Track } from '../frame.ts';
import { type ClipGroup, planClipTimes } from '../isobmff/clip/clip-times.ts';
import { audioTrack, framesOf, hevcTrack, videoTrack } from '../isobmff/media.fixture.ts';
import { seeded } from '../random.fixture.ts';
import { clockOf, leadOf, planMatroska, trackNumberOf } from './clip.ts';
import { type Block, type BlockTrack, printClusters, shapeClusters } from './cluster.ts';
import { elementHead, uintElement } from './ebml.ts';
import { type ReadFile, readElements, readMatroska } from './matroska.fixture.ts';

/** A group's frames by track id. */
type Frames = ReadonlyMap<number, readonly Frame[]>;

const UNIT_S = 1e-4;

function blockTracks(tracks: readonly Track[], frames: Frames): BlockTrack<Block>[] {
  return [...frames].map(([id, own]) => {
    const number = trackNumberOf(tracks, id);
    const samples = own.map((frame) => ({ ...frame, length: frame.data.length }));
    return { number, timescale: tracks[number - 1]!.timescale, samples };
  });
}

function groupOf(frames: Frames, discontinuity: boolean): ClipGroup {
  return {
    discontinuity,
    tracks: [...frames].map(([trackId, own]) => ({
      trackId,
      tfdt: own[0]!.dts,
      duration: own.at(-1)!.dts + own.at(-1)!.duration - own[0]!.dts,
      length: own.reduce((sum, { data }) => sum + data.length, 0),
      firstPtsOffset: own[0]!.pts - own[0]!.dts,
    })),
  };
}

/** A file as delivery makes it. */
function makeFile(tracks: readonly Track[], groups: readonly Frames[], breaks: readonly number[] = []): Uint8Array {
  const rows = groups.map((frames, i) => groupOf(frames, breaks.includes(i)));
  const times = planClipTimes(tracks, rows);
  const lead = leadOf(tracks);
  const shaped = groups.map((frames, i) => ({
    trackIds: rows[i]!.tracks.map(({ trackId }) => trackId),
    shape: shapeClusters(blockTracks(tracks, frames), lead),
  }));
  const plan = planMatroska(tracks, times, shaped, Date.UTC(2026, 10, 20, 7, 40));
  const clusters = groups.map((frames, i) => {
    const bytes = printClusters(blockTracks(tracks, frames), lead, clockOf(tracks, times, i, shaped[i]!.trackIds));
    assert.equal(bytes.length, shaped[i]!.shape.length, 'clusters are as long as their shape says');
    return bytes;
  });
  const file = concatBytes([plan.header, ...clusters]);
  assert.equal(file.length, plan.length);
  return file;
}

/** Groups of `seconds` from `fromS` on: pictures at 25 fps with B-frames, and the sound between the cuts. */
function groupsFrom(fromS: number, count: number, seconds = 2): Frames[] {
  const pictures = framesOf(videoTrack, count * seconds * 25, fromS * 90_000);
  const sound = framesOf(audioTrack, Math.floor((count * seconds * 48_000) / 1024), fromS * 48_000);
  const within = (frames: readonly Frame[], scale: number, i: number) =>
    frames.filter(({ dts }) => Math.floor((dts / scale - fromS) / seconds) === i);
  return Array.from({ length: count }, (_, i) => {
    const own = new Map([[1, within(pictures, 90_000, i)]]);
    return own.set(2, within(sound, 48_000, i));
  });
}

const both = [videoTrack, audioTrack];
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

/** Every frame is in the file in decode order, with its bytes, at its time. */
function assertFrames(
  file: ReadFile,
  track: number,
  frames: readonly Frame[],
  timescale: number,
  originS: number,
): void {
  const blocks = file.clusters.flatMap((cluster) => cluster.blocks).filter((block) => block.track === track);
  assert.deepEqual(
    blocks.map(({ key, data }) => [key, [...data]]),
    frames.map(({ key, data }) => [key, [...data]]),
  );
  for (const [i, { time }] of blocks.entries()) {
    const apart = Math.abs(time * UNIT_S - (frames[i]!.pts / timescale - originS));
    assert.ok(apart <= 0.51 * UNIT_S, `frame ${i} is ${apart * 1e6} µs off`);
  }
}

suite('a clip as Matroska (RFC 9559)', () => {
  test('gives back every frame at its time, to 50 µs, and begins at 0', () => {
    const groups = groupsFrom(1_795_000_000, 3);
    const file = readMatroska(makeFile(both, groups));
    assert.equal(file.timestampScale, 100_000);
    assert.equal(
      file.duration,
      60_800,
      'the first picture is shown 80 ms after it is decoded, and after the first sound',
    );
    const first = groups[0]!.get(1)![0]!;
    const originS = Math.min(first.pts / 90_000, groups[0]!.get(2)![0]!.pts / 48_000);
    for (const [id, timescale] of [[1, 90_000] as const, [2, 48_000] as const]) {
      const frames = groups.flatMap((group) => group.get(id)!);
      assertFrames(file, id, frames, timescale, originS);
    }
    assert.equal(Math.min(...file.clusters.map(({ time }) => time)), 0);
  });

  test('interleaves by decode time', () => {
    const file = readMatroska(makeFile(both, groupsFrom(0, 2)));
    const order = file.clusters.flatMap(({ blocks }) => blocks.map(({ track }) => track));
    // 25 pictures and 47 frames of sound a second: never more than two of one kind together.
    assert.ok(!order.join('').includes('111') && !order.join('').includes('2222'), order.join(''));
  });

  test('is entered at every key frame that begins a cluster, by cues that stand in front', () => {
    const file = readMatroska(makeFile(both, groupsFrom(0, 3)));
    // A key frame each second.
    assert.equal(file.cues.length, 6);
    for (const { time, track, block } of file.cues) {
      assert.deepEqual([block.time, block.track, block.key], [time, track, true]);
    }
    assert.ok(file.top.get(0x1c53bb6b)!.end <= file.clusters[0]!.element.start, 'the index is before the media');
  });

  test('splits a long group: 16 bits hold 3.27 s of 100 µs', () => {
    const groups = groupsFrom(500, 1, 30).map((group) => {
      return new Map(group).set(
        1,
        group.get(1)!.map((frame, i) => ({ ...frame, key: i === 0 })),
      );
    });
    const file = readMatroska(makeFile(both, groups));
    assert.ok(file.clusters.length >= 10);
    assert.equal(file.cues.length, 1);
    assertFrames(file, 1, groups[0]!.get(1)!, 90_000, 500);
  });

  test('describes its tracks: codec, configuration, language, name, frame rate', () => {
    const tracks: Track[] = [hevcTrack, audioTrack, { ...audioTrack, id: 3, language: 'pt-BR', label: '' }];
    const frames = new Map<number, readonly Frame[]>([
      [1, framesOf(hevcTrack, 25)],
      [2, framesOf(audioTrack, 46)],
      [3, framesOf({ ...audioTrack, id: 3 }, 46)],
    ]);
    const [video, german, portuguese] = readMatroska(makeFile(tracks, [frames])).tracks;
    assert.equal(text(video!.get(0x86)), 'V_MPEGH/ISO/HEVC');
    assert.deepEqual(video!.get(0x63a2), hevcTrack.config.record);
    assert.deepEqual([...video!.get(0x23e383)!], [0x02, 0x62, 0x5a, 0x00], '40 ms');
    assert.deepEqual([text(german!.get(0x86)), text(german!.get(0x536e))], ['A_AAC', 'Original']);
    assert.deepEqual(german!.get(0x63a2), audioTrack.config.record);
    assert.deepEqual([text(german!.get(0x22b59c)), text(german!.get(0x22b59d))], ['deu', 'deu']);
    assert.deepEqual([text(portuguese!.get(0x22b59c)), text(portuguese!.get(0x22b59d))], ['und', 'pt-BR']);
    assert.deepEqual(
      [video, german, portuguese].map((track) => track!.get(0x88)![0]),
      [1, 1, 0],
      'FlagDefault',
    );
  });

  test('names no language where none is known: to leave it out would mean English', () => {
    const frames = new Map([[1, framesOf(videoTrack, 25)]]);
    const [video] = readMatroska(makeFile([videoTrack], [frames])).tracks;
    assert.deepEqual([text(video!.get(0x22b59c)), video!.get(0x22b59d)], ['und', undefined]);
  });

  test('closes up over a hole and a new clock', () => {
    const groups = [...groupsFrom(100_000, 2), ...groupsFrom(50, 2)];
    const file = readMatroska(makeFile(both, groups, [2]));
    const times = file.clusters.flatMap(({ blocks }) => blocks.filter(({ track }) => track === 1));
    assert.equal(times.length, 200);
    const sorted = times.map(({ time }) => time).sort((a, b) => a - b);
    for (const [i, time] of sorted.entries()) {
      if (i > 0) assert.ok(time - sorted[i - 1]! <= 2_000, `a step of ${time - sorted[i - 1]!} units`);
    }
    assert.ok(Math.abs(file.duration - 80_000) < 2_000, `it lasts ${file.duration} units`);
  });

  test('of sound alone is entered by its sound', () => {
    const frames = new Map([[2, framesOf(audioTrack, 470)]]);
    const file = readMatroska(makeFile([videoTrack, audioTrack], [frames]));
    assert.equal(file.tracks.length, 1);
    assert.ok(file.cues.length >= 5);
    assert.ok(file.cues.every(({ block, track }) => block.track === 2 && track === 2));
  });

  test('has the same length at any position, with any frames', () => {
    const random = seeded(77);
    for (let round = 0; round < 300; round++) {
      const make = (track: Track, count: number): Frame[] => {
        let dts = random(1_000_000);
        return Array.from({ length: count }, (_, i) => {
          const duration = 1 + random(track.timescale);
          const pts = dts + random(4) * random(track.timescale);
          const frame = { trackId: track.id, dts, pts, duration, key: i === 0 || random(9) === 0 };
          dts += duration;
          return { ...frame, data: new Uint8Array(random(300)) };
        });
      };
      const groups: Frames[] = [];
      for (let i = 0; i < 1 + random(3); i++) {
        const frames = new Map<number, readonly Frame[]>();
        if (random(4) > 0) frames.set(1, withoutLeading(make(videoTrack, 1 + random(40))));
        if (random(4) > 0 || frames.size === 0) frames.set(2, make(audioTrack, 1 + random(40)));
        groups.push(frames);
      }
      // Each group has its own clock.
      readMatroska(
        makeFile(
          both,
          groups,
          groups.map((_, i) => i),
        ),
      );
    }
  });
});

/** As delivery hands frames over: none is shown before the first. */
function withoutLeading(frames: readonly Frame[]): readonly Frame[] {
  return frames.filter(({ pts }) => pts >= frames[0]!.pts);
}

suite('an EBML element (RFC 8794)', () => {
  test('has the shortest length that is not all ones', () => {
    assert.deepEqual([...elementHead(0xa3, 126)], [0xa3, 0xfe]);
    assert.deepEqual([...elementHead(0xa3, 127)], [0xa3, 0x40, 0x7f]);
    assert.deepEqual([...elementHead(0xa3, 5, 8)], [0xa3, 1, 0, 0, 0, 0, 0, 0, 5]);
    assert.deepEqual([...elementHead(0x1f43b675, 16_383)], [0x1f, 0x43, 0xb6, 0x75, 0x20, 0x3f, 0xff]);
    assert.throws(() => elementHead(0xa3, 127, 1), RangeError);
  });

  test('carries integers up to 2^53 - 1', () => {
    for (const value of [0, 1, 255, 256, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const bytes = uintElement(0xe7, value);
      const [read] = readElements(bytes, 0, bytes.length);
      assert.equal(Number(`0x${Buffer.from(bytes.subarray(read!.body)).toString('hex')}`), value);
    }
  });
});
