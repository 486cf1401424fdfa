import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { parseAvcC } from '@oxbow/media/h264/avcc';
import { makeTs } from '@oxbow/media/mpegts/media.fixture';
import { demuxAll } from '@oxbow/media/mpegts/packets.fixture';
import { need } from '../../test/fixtures/need.ts';
import type { LadderPicture } from './ladder-options.ts';
import { openLiveEncoder } from './live-ladder.ts';

const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** Encodes one rung of the size of a transport stream's video. */
async function encode(
  path: string,
  picture: Partial<LadderPicture> = {},
): Promise<{ track: VideoTrack; source: number; frames: Frame[] }> {
  const { tracks, frames } = demuxAll(new Uint8Array(readFileSync(path)), undefined, { mpeg2: true });
  const source = tracks.at(-1)!.find((track) => track.kind === 'video') as VideoTrack;
  const own = frames.filter(({ trackId }) => trackId === source.id);
  const { width, height } = source.config;
  const made: { track: VideoTrack | undefined; frames: Frame[] } = { track: undefined, frames: [] };
  const { promise: over, resolve } = Promise.withResolvers<void>();
  await using encoder = await openLiveEncoder({
    track: (track) => {
      made.track = track;
    },
    frame: (frame) => void made.frames.push(frame),
    mark: () => resolve(),
  });
  encoder.begin(source, {
    picture: { rotation: 0, interlaced: false, matrix: 'bt601', ...picture },
    renditions: [
      {
        id: 'v0',
        trackId: 101,
        rung: 'full',
        codec: 'h264',
        width,
        height,
        frameRate: { num: 25, den: 1 },
        keepEvery: 1,
        crf: 20,
        maxRate: 3_000_000,
        bufferSize: 3_000_000,
        bFrames: 0,
        effort: 'fastest',
        isLive: true,
      },
    ],
    origin: own[0]!.pts - 90_000,
    threads: 1,
  });
  encoder.enable([101]);
  for (const frame of own) encoder.send(frame);
  encoder.mark({ id: 1, ends: true });
  await over;
  return { track: made.track!, source: own.length, frames: made.frames };
}

/** The H.264 of a result in byte stream format. */
function annexB({ track, frames }: { track: VideoTrack; frames: readonly Frame[] }): Uint8Array {
  const { sps, pps } = parseAvcC(track.config.record);
  const nals = [...sps, ...pps];
  for (const { data } of frames) {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    for (let at = 0; at < data.length; ) {
      const end = at + 4 + view.getUint32(at);
      nals.push(data.subarray(at + 4, end));
      at = end;
    }
  }
  return concatBytes(nals.flatMap((nal) => [START_CODE, nal]));
}

const ffmpeg = (input: Uint8Array, args: string) =>
  execFileSync('sh', ['-c', `ffmpeg -nostdin -f h264 -i - ${args} 2>&1`], { input }).toString();

suite('the encoder of a live stream', { skip: need('ffmpeg') }, () => {
  test('makes a whole picture of two fields, or one of each field, at their times', async () => {
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=50:d=2', '-vf', 'interlace', '-pix_fmt', 'yuv420p'];
    const path = makeTs([
      ...picture,
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-flags',
      '+ildct+ilme',
      '-g',
      '25',
      '-bf',
      '0',
    ]);
    for (const [fields, count, step] of [
      [false, 1, 3600],
      [true, 2, 1800],
    ] as const) {
      const made = await encode(path, { interlaced: true, ...(fields && { fields }) });
      assert.equal(made.frames.length, count * made.source);
      const steps = made.frames.slice(1).map(({ pts }, i) => pts - made.frames[i]!.pts);
      assert.deepEqual([...new Set(steps)], [step]);
      const found = /Multi frame detection: TFF: *(\d+) BFF: *(\d+) Progressive: *(\d+)/.exec(
        ffmpeg(annexB(made), '-vf idet -f null -'),
      );
      const [, top, bottom, whole] = (found ?? []).map(Number);
      // The filter is wrong about a few pictures of a moving pattern.
      assert.ok(top! + bottom! < made.source / 10 && whole! > made.source * count * 0.8, String(found));
    }
  });

  test('reads MPEG-1 and MPEG-2, and makes whole pictures of their fields as these say', async () => {
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=50:d=1', '-vf', 'interlace', '-pix_fmt', 'yuv420p'];
    const fields = ['-c:v', 'mpeg2video', '-flags', '+ildct+ilme', '-bf', '2', '-b:v', '3M'];
    for (const args of [fields, ['-c:v', 'mpeg1video', '-b:v', '3M']]) {
      const made = await encode(makeTs([...picture, ...args]));
      assert.equal(made.frames.length, made.source);
      const steps = made.frames.slice(1).map(({ pts }, i) => pts - made.frames[i]!.pts);
      assert.deepEqual([...new Set(steps)], [3600], 'in the order of their times');
      assert.equal(made.frames[0]!.key, true);
      if (args !== fields) continue;
      const found = /Multi frame detection: TFF: *(\d+) BFF: *(\d+)/.exec(ffmpeg(annexB(made), '-vf idet -f null -'));
      assert.ok(Number(found?.[1]) + Number(found?.[2]) < made.source / 5, String(found));
    }
  });

  test('makes 8 bits in 4:2:0 of what browsers do not decode', async () => {
    for (const format of ['yuv422p10le', 'yuv444p']) {
      const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=0.4', '-pix_fmt', format];
      const { track, frames } = await encode(makeTs([...picture, '-c:v', 'libx264', '-preset', 'ultrafast']));
      assert.match(track.config.codecs, /^avc1\.(42|4d|64)/, format);
      assert.equal(frames.length, 10);
    }
  });
});
