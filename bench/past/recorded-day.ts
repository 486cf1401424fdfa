/**
 * A data folder with a long recording, made in minutes: a few minutes are encoded once and repeated with
 * shifted times through the real stream, packager, recorder and storyboards, by its own clock.
 * In: ffmpeg. Out: a data folder whose stream ends a moment ago. Each picture carries a time in a strip,
 * which repeats with the media.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Frame, Track } from '@oxbow/media/frame';
import { createFmp4Demuxer } from '@oxbow/media/isobmff/demuxer';
import { closeEngine, type KeyPicture, makeKeyPicture } from '../../src/ffmpeg/engine.ts';
import { printStrip, stripEdge, stripHeight } from '../../src/ffmpeg/strip.ts';
import { StoryboardQueue } from '../../src/streams/record/storyboard-queue.ts';
import type { RunSource } from '../../src/streams/stream-deps.ts';
import { openStreams } from '../../src/streams/streams.fixture.ts';
import { say } from '../report.ts';
import { orTiny } from '../tiny.ts';

const FRAME_MS = 40;
/** A multiple of ten seconds and of the duration of 1,024 audio samples: repeated media has no seams. */
export const LOOP_S: number = orTiny(640, 40);
/** UTC of the first strip, ms: any. */
const STRIP_MS = 1_795_000_000_000;

/** The recording to make. */
interface RecordedDayOptions {
  /** The data folder, empty. */
  readonly folder: string;
  /** Name of the stream. */
  readonly name: string;
  /** Pixels; the width is 16/9 of it. */
  readonly height: number;
  readonly kbps: number;
  readonly hours: number;
  /**
   * With `test` a server that starts on the folder continues with the test picture; with `push` nothing is
   * live.
   */
  readonly source: 'test' | 'push';
}

/** The finished recording, ms since 1970, and its size. */
export interface RecordedDay {
  readonly fromMs: number;
  readonly toMs: number;
  readonly pictures: number;
}

/** Makes the recording; reports progress on standard error. */
export async function recordDay(options: RecordedDayOptions): Promise<RecordedDay> {
  const { folder, name, hours } = options;
  say(`encoding ${LOOP_S} s of ${options.height}p`);
  const media = await encode(options);
  const loops = Math.ceil((hours * 3600) / LOOP_S);
  const toMs = Math.floor(Date.now() / 10_000) * 10_000;
  const fromMs = toMs - loops * LOOP_S * 1000;
  let pictures = 0;
  const queue = new StoryboardQueue({
    monotonicMs: () => performance.now(),
    failed(error) {
      throw error;
    },
  });
  const done = Promise.withResolvers<void>();
  const runSource: RunSource = async (_, input, { signal }) => {
    input.startRun({ tracks: media.tracks, utcOffsetUs: fromMs * 1000, clock: 'source', pace: { kind: 'continuous' } });
    const startedAt = performance.now();
    for (let loop = 0; loop < loops; loop++) {
      for (const [i, frame] of media.frames.entries()) {
        const shift = loop * LOOP_S * (frame.trackId === media.videoId ? media.videoScale : media.audioScale);
        input.publish({ ...frame, dts: frame.dts + shift, pts: frame.pts + shift });
        if (frame.trackId === media.videoId) rig.clock.advance(FRAME_MS);
        if (i % 500 === 0) await input.ready?.({ signal });
        if (i % 2000 === 0) await queue.idle();
      }
      if (loop % 10 === 9) {
        const tookS = (performance.now() - startedAt) / 1000;
        say(`${(((loop + 1) * LOOP_S) / 3600).toFixed(1)} of ${hours} hours, ${tookS.toFixed(0)} s`);
      }
    }
    await queue.idle();
    done.resolve();
    return 'all is recorded';
  };
  const madePictures = new Map<string, Promise<KeyPicture>>();
  const rig = await openStreams({
    folder,
    nowMs: fromMs,
    runSource,
    closed: true,
    storyboardMaker: {
      queue,
      // Times of repetitions differ, pictures do not: each is decoded once.
      makePicture(input, waiting) {
        const key = createHash('sha1').update(input.bytes.subarray(-2000)).digest('hex');
        const made = madePictures.get(key) ?? makeKeyPicture(input, waiting);
        madePictures.set(key, made);
        pictures++;
        return made;
      },
    },
  });
  try {
    await rig.control.open();
    await rig.api.create(name, { source: { type: 'test' }, visibility: 'public' });
    await done.promise;
    await rig.settle();
    if (options.source === 'push') await rig.api.replace(name, { source: { type: 'push' }, visibility: 'public' });
  } finally {
    await rig[Symbol.asyncDispose]();
    await closeEngine();
  }
  return { fromMs, toMs, pictures };
}

interface EncodedMedia {
  readonly tracks: readonly Track[];
  /** In the order of their times. */
  readonly frames: readonly Frame[];
  readonly videoId: number;
  readonly videoScale: number;
  readonly audioScale: number;
}

/** A moving picture under a strip with the time, and a tone. */
async function encode({ height, kbps }: RecordedDayOptions): Promise<EncodedMedia> {
  const width = Math.round((height * 16) / 9 / 2) * 2;
  const strip = { width, height: stripHeight(height) };
  const child = spawn(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=25`],
      ...['-f', 'rawvideo', '-pix_fmt', 'gray', '-video_size', `${strip.width}x${strip.height}`, '-framerate', '25'],
      ...['-i', 'pipe:0', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
      ...['-filter_complex', '[0:v][1:v]overlay=0:0,format=yuv420p[v]', '-map', '[v]', '-map', '2:a'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-threads', '2', '-g', '25', '-keyint_min', '25', '-bf', '0'],
      ...['-x264-params', 'scenecut=0:open-gop=0', '-b:v', `${kbps}k`, '-maxrate', `${kbps}k`, '-bufsize', `${kbps}k`],
      ...['-c:a', 'aac', '-b:a', '64k', '-t', `${LOOP_S + 1}`],
      ...['-f', 'mp4', '-movflags', 'frag_keyframe+empty_moov+default_base_moof', 'pipe:1'],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  let tracks: readonly Track[] = [];
  const byTrack = new Map<number, Frame[]>();
  const demuxer = createFmp4Demuxer({
    tracks(fileTracks) {
      tracks = fileTracks;
    },
    frame(frame) {
      const list = byTrack.get(frame.trackId) ?? [];
      byTrack.set(frame.trackId, list);
      list.push(frame);
    },
    damage: assert.fail,
  });
  child.stdout.on('data', (bytes: Uint8Array) => demuxer.push(bytes));
  child.stdin.on('error', () => {}); // It ends before its input does.
  const closed = once(child, 'close');
  const count = (LOOP_S * 1000) / FRAME_MS;
  for (let i = 0; i < count + 50 && child.exitCode === null; i++) {
    if (!child.stdin.write(drawStrip(strip, i)))
      await Promise.race([once(child.stdin, 'drain').catch(() => {}), closed]);
  }
  child.stdin.end();
  const [code] = await closed;
  assert.equal(code, 0, 'ffmpeg failed');
  demuxer.flush();
  const video = tracks.find(({ kind }) => kind === 'video')!;
  const audio = tracks.find(({ kind }) => kind === 'audio')!;
  const timed = (track: Track, each: number, most: number) =>
    byTrack
      .get(track.id)!
      .slice(0, most)
      .map((frame, i) => {
        const dts = i * each;
        return { ...frame, dts, pts: dts, duration: each };
      });
  const frames = [
    ...timed(video, (video.timescale * FRAME_MS) / 1000, count),
    ...timed(audio, 1024, (LOOP_S * 48_000) / 1024),
  ];
  assert.equal(audio.timescale, 48_000);
  const seconds = (frame: Frame) => frame.dts / (frame.trackId === video.id ? video.timescale : audio.timescale);
  frames.sort((a, b) => seconds(a) - seconds(b));
  return { tracks, frames, videoId: video.id, videoScale: video.timescale, audioScale: audio.timescale };
}

function drawStrip({ width, height }: { width: number; height: number }, index: number): Uint8Array {
  const strip = printStrip(STRIP_MS + index * FRAME_MS, index);
  const row = new Uint8Array(width);
  for (let block = 0; block < 64; block++) {
    const white = strip[block >> 3]! & (0x80 >> (block & 7));
    row.fill(white ? 235 : 16, stripEdge(block, width), stripEdge(block + 1, width));
  }
  const picture = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) picture.set(row, y * width);
  return picture;
}
