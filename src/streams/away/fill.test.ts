import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Track, VideoTrack } from '@oxbow/media/frame';
import type { StillGop } from '../../ffmpeg/engine.ts';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../../live/frames.fixture.ts';
import { lastSealedOf } from '../../packager/live-segment.ts';
import {
  assertConstraints,
  assertSound,
  continuous,
  createPackagerRig,
  type PackagerRig,
} from '../../packager/packager.fixture.ts';
import { Fill } from './fill.ts';
import { planFill } from './fill-plan.ts';
import { lastPictures } from './last-pictures.ts';

const settings = { partS: 0.2, segmentS: 2 };
const video = videoTrack() as VideoTrack;
const opus: Track = {
  ...audioTrack(),
  config: {
    codec: 'opus',
    codecs: 'opus',
    sampleRate: 48_000,
    channels: 2,
    record: Uint8Array.of(0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0),
  },
} as Track;

interface Source {
  readonly tracks: readonly Track[];
  readonly rate: number | 'variable';
  readonly gopS: number;
}

/** Publishes six seconds as a publisher that arrives now. */
function publish(rig: PackagerRig, { tracks, rate, gopS }: Source, startS: number): void {
  const seconds = 6;
  const lists = tracks.map((track) =>
    track.kind === 'video'
      ? videoFrames({ track, seconds, rate, gopS, startS })
      : audioFrames({ track, seconds, startS }),
  );
  rig.stream.startRun(continuous(tracks, { clock: 'arrival' }));
  let lastS = startS;
  for (const frame of interleave(tracks, lists)) {
    const atS = frame.dts / tracks.find(({ id }) => id === frame.trackId)!.timescale;
    rig.clock.advance(Math.max(0, atS - lastS) * 1000);
    lastS = Math.max(lastS, atS);
    rig.stream.publish(frame);
  }
  rig.stream.offline('lost');
}

/** Shows a picture for this many seconds. */
function fill(rig: PackagerRig, tracks: readonly Track[], seconds: number): Fill {
  const plan = planFill(tracks, rig.list.generation!, settings);
  assert.ok(typeof plan !== 'string', String(plan));
  const frames = Array.from({ length: plan.video?.gop.frames ?? 0 }, (_, i) => Uint8Array.of(0, 0, 0, 1, i));
  const gop: StillGop | undefined = plan.video && { config: plan.video.track.config, frames };
  const startUs = rig.stream.edge.endUs;
  const made = new Fill({ plan, gop, startUs, sink: rig.packager, runId: rig.stream.edge.nextRun() });
  rig.clock.advance(3000);
  for (let ms = 3000; ms <= seconds * 1000; ms += 200) {
    made.advance(startUs + ms * 1000);
    rig.clock.advance(200);
  }
  rig.stream.edge.filledUs = made.endUs;
  return made;
}

const sources: Readonly<Record<string, Source>> = {
  ...Object.fromEntries(
    [7, 10, 12.5, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60].map((rate) => [
      `${rate} fps`,
      { tracks: [video, audioTrack()], rate, gopS: 2 },
    ]),
  ),
  'variable frame rate': { tracks: [video, audioTrack()], rate: 'variable', gopS: 2 },
  'a GOP of 1 s, 44.1 kHz': { tracks: [video, audioTrack(44_100)], rate: 25, gopS: 1 },
  'timestamps in milliseconds': { tracks: [video, audioTrack(48_000, { timescale: 1000 })], rate: 30, gopS: 2 },
  Opus: { tracks: [video, opus], rate: 30, gopS: 2 },
  'no audio': { tracks: [video], rate: 30, gopS: 2 },
  'audio alone': { tracks: [audioTrack()], rate: 30, gopS: 2 },
};

suite('a picture in the place of the publisher', () => {
  for (const [name, source] of Object.entries(sources)) {
    test(`continues the playlist from the end of the media to the next publisher: ${name}`, () => {
      const rig = createPackagerRig();
      publish(rig, source, 10);
      const { endUs } = rig.stream.edge;
      const before = rig.groups.length;
      const made = fill(rig, source.tracks, 12);
      publish(rig, source, 500);
      assert.equal(rig.generations.length, 1);
      assertSound(rig, source.tracks);
      assertConstraints(rig, source.tracks);
      const filled = rig.groups.filter(({ run }) => run.isFill);
      assert.equal(filled[0]!.startUs, endUs);
      assert.ok(made.endUs - endUs > 11_500_000);
      // In one piece, one discontinuity before it and one after it.
      assert.deepEqual(filled, rig.groups.slice(before, before + filled.length));
      const seams = rig.groups.filter(({ discontinuity }) => discontinuity);
      assert.deepEqual(seams, [filled[0], rig.groups[before + filled.length]]);
      // The events of the absence for the recorder do not depend on the picture.
      const gaps = seams[1]!.gaps;
      assert.deepEqual([gaps[0]!.fromUs, gaps.at(-1)!.toUs, gaps[0]!.cause], [endUs, seams[1]!.startUs, 'offline']);
    });
  }

  test('a publisher that sends a kept GOP when it returns begins where the picture ended', () => {
    const rig = createPackagerRig();
    const source: Source = { tracks: [video], rate: 25, gopS: 2 };
    publish(rig, source, 10);
    const made = fill(rig, source.tracks, 8);
    const frames = videoFrames({ track: video, seconds: 4, rate: 25, gopS: 2, startS: 100 });
    // It arrives now, but was captured two seconds ago.
    const nowUs = Math.round(rig.clock.nowMs() * 1000);
    rig.stream.startRun(continuous([video], { clock: 'arrival', utcOffsetUs: nowUs - 102_000_000 }));
    for (const frame of frames) rig.stream.publish(frame);
    rig.stream.offline('over');
    assertSound(rig, [video]);
    const returned = rig.groups.find(
      ({ run, msn }) => !run.isFill && msn > rig.groups.find(({ run: { isFill } }) => isFill)!.msn,
    )!;
    assert.equal(returned.startUs, made.endUs);
  });

  test('several video tracks and codecs that cannot be made have none', () => {
    const rig = createPackagerRig();
    publish(rig, { tracks: [video], rate: 25, gopS: 2 }, 10);
    const generation = rig.list.generation!;
    const av1 = { ...video, config: { ...video.config, codec: 'av1', codecs: 'av01.0.04M.08' } } as const;
    assert.equal(planFill([av1], generation, settings), 'no picture can be made for video of the type av01.0.04M.08');
    const ac3 = { ...audioTrack(), config: { ...audioTrack().config, codec: 'ac3', codecs: 'ac-3' } } as Track;
    assert.equal(planFill([video, ac3], generation, settings), 'there is no silence for audio of the type ac-3');
    assert.equal(typeof planFill([video, { ...video, id: 3 }], generation, settings), 'string');
  });

  test('the last pictures of a publisher begin with a key frame, and are never those of a fill', () => {
    const rig = createPackagerRig();
    const source: Source = { tracks: [video], rate: 25, gopS: 2 };
    assert.equal(lastPictures(rig.list.segments), undefined);
    publish(rig, source, 10);
    const last = lastPictures(rig.list.segments);
    const bytes = lastSealedOf(rig.list.segments)!.bytes!.get(video.id)!;
    assert.ok(last && Buffer.from(last).subarray(-bytes.length).equals(bytes));
    fill(rig, source.tracks, 6);
    rig.packager.endRun();
    assert.deepEqual(lastPictures(rig.list.segments), last);
  });
});
