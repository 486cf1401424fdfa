import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DataTrack, Frame, TextTrack, Track } from '@oxbow/media/frame';
import { printId3 } from '@oxbow/media/id3/tag.fixture';
import type { SegmentGroup } from '@oxbow/media/segment';
import { parseSample, printSample } from '@oxbow/media/webvtt/sample';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import {
  assertConstraints,
  assertHolds,
  assertSound,
  continuous,
  createPackagerRig,
  type PackagerRig,
  samplesOf,
} from './packager.fixture.ts';

const video = videoTrack();
const audio = audioTrack();
const text: TextTrack = {
  id: 3,
  kind: 'text',
  timescale: 90_000,
  language: 'eng',
  label: 'English',
  config: { codec: 'webvtt', record: new Uint8Array(0), codecs: 'wvtt' },
};
const id3: DataTrack = {
  id: 64,
  kind: 'data',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec: 'id3', record: new Uint8Array(0), codecs: '' },
};
const tracks: readonly Track[] = [video, audio, text, id3];

/** Times are seconds from the first video frame, which is at 10 s. */
const tag = (s: number, title = String(s)): Frame => {
  const dts = Math.round((10 + s) * 90_000);
  return { trackId: id3.id, dts, pts: dts, duration: 0, key: true, data: printId3([['TIT2', title]]) };
};
const cue = (fromS: number, toS: number, words: string): Frame => {
  const dts = Math.round((10 + fromS) * 90_000);
  const data = printSample([{ id: '', settings: '', text: words, before: 0, after: 0 }]);
  return { trackId: text.id, dts, pts: dts, duration: Math.round((toS - fromS) * 90_000), key: true, data };
};
const pictures = (seconds: number) => videoFrames({ track: video, seconds, rate: 25, gopS: 1 });
const sound = (seconds: number) => audioFrames({ track: audio, seconds });

function publish(rig: PackagerRig, frames: readonly Frame[], of: readonly Track[] = tracks): void {
  rig.stream.startRun(continuous(of));
  for (const frame of frames) rig.stream.publish(frame);
}

const ownOf = (group: SegmentGroup, { id }: Track) => group.tracks.find(({ trackId }) => trackId === id);
/** What is said in each segment, and when, ticks from the first picture. */
const saidIn = (group: SegmentGroup) => {
  const own = ownOf(group, text);
  return (own ? samplesOf(own.bytes) : []).map(({ pts, duration, data }) => {
    const cues = parseSample(data).map(({ text: words, before, after }) => `${words} -${before} +${after}`);
    return [pts - 900_000, duration, cues.join()];
  });
};

suite('subtitles and timed metadata in the packager', () => {
  test('they follow the cuts; a segment without them has no such track, and video and audio are unchanged', () => {
    const rig = createPackagerRig({ segmentS: 2 });
    const beside = [tag(0.5), tag(0.7), tag(5), cue(2.5, 3, 'a')];
    publish(rig, interleave(tracks, [pictures(8), sound(8), beside]));
    const bare = createPackagerRig({ segmentS: 2 });
    publish(bare, interleave([video, audio], [pictures(8), sound(8)]), [video, audio]);
    assert.deepEqual(
      rig.groups.map((group) => [ownOf(group, id3)?.samples ?? 0, ownOf(group, text)?.samples ?? 0]),
      [
        [2, 0],
        [0, 2],
        [1, 0],
      ],
    );
    assertSound(rig, tracks);
    assertConstraints(rig, tracks);
    assertHolds(rig.groups, id3, beside.slice(0, 3));
    assert.equal(rig.announced.filter(({ trackId }) => trackId === id3.id || trackId === text.id).length, 0);
    const media = (groups: readonly SegmentGroup[]) =>
      groups.map((group) => group.tracks.filter(({ trackId }) => trackId <= 2).map(({ bytes }) => Buffer.from(bytes)));
    assert.deepEqual(media(rig.groups), media(bare.groups));
    assert.deepEqual(rig.generations[0]?.bandwidths, bare.generations[0]?.bandwidths);
    assert.equal(rig.generations[0]?.family, bare.generations[0]?.family);
  });

  test('a cue across a cut is in both segments, in both with its full begin and end', () => {
    const rig = createPackagerRig({ segmentS: 2 });
    publish(rig, interleave(tracks, [pictures(8), sound(8), [cue(1, 5, 'long'), cue(5.5, 5.8, 'short')]]));
    assert.deepEqual(rig.groups.slice(0, 3).map(saidIn), [
      [[90_000, 90_000, `long -0 +${3 * 90_000}`]],
      [[180_000, 180_000, `long -${90_000} +${90_000}`]],
      [
        [360_000, 90_000, `long -${3 * 90_000} +0`],
        [450_000, 45_000, ''],
        [495_000, 27_000, 'short -0 +0'],
        [522_000, 18_000, ''],
      ],
    ]);
  });

  test('a cue that ends with its segment is ended in the next one by an empty sample', () => {
    const rig = createPackagerRig({ segmentS: 2 });
    publish(rig, interleave(tracks, [pictures(10), sound(10), [cue(1, 2, 'a'), cue(6, 7, 'b')]]));
    assert.deepEqual(rig.groups.slice(0, 4).map(saidIn), [
      [[90_000, 90_000, 'a -0 +0']],
      [[180_000, 180_000, '']],
      [],
      [
        [540_000, 90_000, 'b -0 +0'],
        [630_000, 90_000, ''],
      ],
    ]);
  });

  test('late frames go into the open segment: metadata at its own time, text with its own times', () => {
    const rig = createPackagerRig({ segmentS: 2 });
    const media = interleave([video, audio], [pictures(10), sound(10)]);
    const at = media.findIndex(({ trackId, dts }) => trackId === 1 && dts >= 900_000 + 5 * 90_000);
    publish(rig, [...media.slice(0, at), tag(1), cue(1, 1.5, 'gone'), cue(3, 4.5, 'rest'), ...media.slice(at)]);
    const held = rig.groups.findIndex((group) => ownOf(group, id3));
    assert.equal(held, 2);
    assert.equal(ownOf(rig.groups[held]!, id3)!.tfdt, 900_000 + 90_000);
    const [gone, rest] = saidIn(rig.groups[held]!);
    assert.deepEqual(gone!.slice(0, 2), [360_000, 90]);
    // 3 s before it and 0.5 s long: its end is 2.5 s plus the sample before the sample's end.
    assert.equal(gone![2], `gone -${3 * 90_000} +${-2.5 * 90_000 - 90}`);
    assert.equal(rest![2], `rest -${90_000 + 90} +0`);
    assertSound(rig, tracks);
  });

  test('two tags on one instant are both kept, a tick apart', () => {
    const rig = createPackagerRig({ segmentS: 2 });
    publish(rig, interleave(tracks, [pictures(5), sound(5), [tag(1, 'a'), tag(1, 'b')]]));
    const samples = samplesOf(ownOf(rig.groups[0]!, id3)!.bytes);
    assert.equal(samples[1]!.dts - samples[0]!.dts, 1);
  });

  test('no segment waits for them, and they need no new generation', () => {
    const rig = createPackagerRig({ segmentS: 2 });
    publish(rig, interleave([video, audio], [pictures(6), sound(6)]), [video, audio]);
    const later = (frames: readonly Frame[]) =>
      frames.map((frame) => {
        const shift = 6 * (frame.trackId === audio.id ? 48_000 : 90_000);
        return { ...frame, dts: frame.dts + shift, pts: frame.pts + shift };
      });
    rig.stream.startRun(continuous(tracks));
    for (const frame of later(interleave(tracks, [pictures(6), sound(6), [tag(1)]]))) rig.stream.publish(frame);
    rig.packager.endRun();
    assert.equal(rig.generations.length, 1, 'the generation continues');
    assert.equal(rig.groups.length, 6);
    assert.equal(rig.groups.filter((group) => ownOf(group, id3)).length, 1);
  });

  test('all remaining frames are in the last segment of a run', () => {
    const rig = createPackagerRig({ segmentS: 2 });
    publish(rig, [...interleave([video, audio], [pictures(5), sound(5)]), tag(4.9), tag(5.5)]);
    rig.packager.endRun();
    assert.equal(ownOf(rig.groups.at(-1)!, id3)!.samples, 2);
  });

  test('date ranges are listed at once, and stored with their segment', () => {
    const rig = createPackagerRig({ segmentS: 2 });
    const media = interleave([video, audio], [pictures(7), sound(7)]);
    const at = media.findIndex(({ trackId, dts }) => trackId === 1 && dts >= 900_000 + 4.2 * 90_000);
    publish(rig, [...media.slice(0, at), tag(4.2)]);
    const listed = rig.list.view(1)?.dateRanges;
    assert.deepEqual(
      listed?.map(({ attributes }) => attributes.CLASS),
      ['"oxbow.id3"'],
    );
    for (const frame of media.slice(at)) rig.stream.publish(frame);
    assert.deepEqual(
      rig.groups.map(({ dateRanges }) => dateRanges),
      [undefined, undefined, listed],
    );
  });

  test('a range is listed as long as a segment that it reaches', () => {
    const limits = { windowUs: 12_000_000, memoryUs: 4_000_000, maxBytes: 2 ** 24 };
    const rig = createPackagerRig({ segmentS: 2, limits });
    publish(rig, interleave(tracks, [pictures(40), sound(40), [tag(1), tag(36)]]));
    const { dateRanges, segments } = rig.list.view(1)!;
    assert.equal(dateRanges!.length, 1);
    assert.ok(dateRanges![0]!.startDateMs * 1000 >= segments[0]!.startUs);
  });

  test('frames beyond the limit of a segment are dropped, and the segment is flagged', () => {
    const rig = createPackagerRig({ segmentS: 2 });
    const tags = Array.from({ length: 400 }, (_, i) => tag(1 + i / 1000));
    publish(rig, interleave(tracks, [pictures(5), sound(5), tags]));
    const own = ownOf(rig.groups[0]!, id3)!;
    assert.deepEqual([own.samples, own.damaged], [256, true]);
  });
});
