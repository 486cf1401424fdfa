/**
 * Real media for the harness: encoded once by ffmpeg, taken apart by our own demuxer, and changed as sources
 * change it.
 * In: rates, GOPs, codecs. Out: tracks and frames in order of arrival, with the times that a protocol gives
 * them.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Frame, Track } from '@oxbow/media/frame';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import { seeded } from '@oxbow/media/random.fixture';
import { madeOnce } from '../../fixtures/media/made-once.ts';

/** Media of one set of tracks. */
export interface Media {
  readonly tracks: readonly Track[];
  /** In order of arrival. */
  readonly frames: readonly Frame[];
}

/** An audio track to be encoded. */
export interface AudioPlan {
  readonly channels?: number;
  readonly sampleRate?: number;
  /** ISO 639-2. */
  readonly language?: string;
}

/** What is encoded. */
export interface MediaPlan {
  readonly seconds: number;
  /** Frames per second as ffmpeg writes it, e.g. `30000/1001`; undefined for no video. */
  readonly rate?: string;
  /** Seconds from key frame to key frame, or the times of all key frames. */
  readonly gopS?: number | readonly number[];
  readonly codec?: 'h264' | 'hevc';
  /** B-frames between two others. */
  readonly bFrames?: number;
  /** As ffmpeg writes it. */
  readonly size?: string;
  readonly audio?: readonly AudioPlan[];
  /** Added to all timestamps, seconds: MPEG-TS counts modulo 2^33 / 90,000. */
  readonly offsetS?: number;
}

const encoded = new Map<string, Promise<Media>>();

/** Encodes once for each plan on a machine: small pictures, so that a second of media takes a few ms. */
export function encode(plan: MediaPlan): Promise<Media> {
  const key = JSON.stringify(plan);
  const media = encoded.get(key) ?? encodeNow(plan);
  encoded.set(key, media);
  return media;
}

async function encodeNow(plan: MediaPlan): Promise<Media> {
  const { rate, audio = [{}], offsetS } = plan;
  const inputs = [
    ...(rate === undefined ? [] : [`testsrc2=size=${plan.size ?? '160x90'}:rate=${rate}`]),
    ...audio.map(({ sampleRate = 48_000 }, i) => `sine=frequency=${440 + 110 * i}:sample_rate=${sampleRate}`),
  ];
  const first = rate === undefined ? 0 : 1;
  const args = [
    ...['-threads', '1'],
    ...inputs.flatMap((input) => ['-f', 'lavfi', '-i', input]),
    ...inputs.flatMap((_, i) => ['-map', `${i}`]),
    ...['-t', String(plan.seconds)],
    ...(rate === undefined ? [] : videoOptions(plan, rate)),
    ...(audio.length > 0 ? ['-c:a', 'aac', '-aac_coder', 'fast', '-b:a', '64k'] : []),
    ...audio.flatMap(({ channels = 2, language }, i) => [
      ...[`-ac:a:${i}`, String(channels)],
      ...(language === undefined ? [] : [`-metadata:s:${first + i}`, `language=${language}`]),
    ]),
    ...(offsetS === undefined ? [] : ['-output_ts_offset', String(offsetS)]),
  ];
  return demux(await readFile(madeOnce(args, 'ts')));
}

function videoOptions({ codec = 'h264', gopS = 2, bFrames = 0 }: MediaPlan, rate: string): string[] {
  const [over, under = 1] = rate.split('/').map(Number) as [number, number?];
  const fps = over / under;
  // Key frames stand where the plan has them and nowhere else.
  const keys =
    typeof gopS === 'number' ? `expr:gte(n,n_forced*${Math.round(gopS * fps)})` : gopS.map((s) => s.toFixed(3)).join();
  const common = ['-force_key_frames', keys, '-pix_fmt', 'yuv420p'];
  if (codec === 'hevc') {
    const params = `log-level=error:keyint=-1:scenecut=0:bframes=${bFrames}:open-gop=0:pools=1:frame-threads=1`;
    return ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', params, '-forced-idr', '1', ...common];
  }
  const reorder = bFrames > 0 ? ['-bf', String(bFrames), '-b_strategy', '0'] : ['-bf', '0'];
  const quiet = ['-g', '100000', '-sc_threshold', '0', '-forced-idr', '1'];
  return ['-c:v', 'libx264', '-preset', 'ultrafast', ...reorder, ...quiet, ...common];
}

/** Takes a transport stream apart. */
export function demux(bytes: Uint8Array): Media {
  let tracks: readonly Track[] = [];
  const frames: Frame[] = [];
  const demuxer = createTsDemuxer({
    tracks: (found) => {
      assert.equal(frames.length, 0, 'the tracks are known before the first frame');
      tracks = found;
    },
    frame: (frame) => frames.push(frame),
    damage: (reason) => assert.fail(reason),
  });
  demuxer.push(bytes);
  demuxer.flush();
  return inOrder({ tracks, frames });
}

/** Frames in the order in which they are whole. */
function inOrder({ tracks, frames }: Media): Media {
  const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  const at = ({ trackId, dts, duration }: Frame) => (dts + duration) / timescales.get(trackId)!;
  return { tracks, frames: frames.toSorted((a, b) => at(a) - at(b)) };
}

/**
 * As RTMP gives it: whole milliseconds in every track, and a frame's duration guessed from the one before.
 */
export function inMilliseconds(media: Media): Media {
  const scales = new Map(media.tracks.map(({ id, timescale }) => [id, timescale]));
  const last = new Map<number, Frame>();
  const frames = media.frames.map((frame) => {
    const ms = (ticks: number) => Math.round((ticks * 1000) / scales.get(frame.trackId)!);
    const before = last.get(frame.trackId);
    const dts = ms(frame.dts);
    const duration = before ? dts - before.dts : ms(frame.duration);
    const rounded = { ...frame, dts, pts: Math.max(dts, ms(frame.pts)), duration };
    last.set(frame.trackId, rounded);
    return rounded;
  });
  return { tracks: media.tracks.map((track) => ({ ...track, timescale: 1000 })), frames };
}

/** With frames of the video at uneven distances, 10 to 120 ms, whose lengths a container knows. */
export function withVariableRate(media: Media, seed = 3): Media {
  const random = seeded(seed);
  const { video } = kinds(media);
  const own = media.frames.filter(({ trackId }) => trackId === video!.id);
  let at = own[0]!.dts;
  const retimed = own.map((frame) => {
    const duration = 90 * (10 + random(110));
    const dts = at;
    at += duration;
    return { ...frame, dts, pts: dts, duration };
  });
  const others = media.frames.filter(({ trackId }) => trackId !== video!.id);
  const endS = at / 90_000;
  const scale = media.tracks.find(({ id }) => id !== video!.id)?.timescale ?? 1;
  return inOrder({ ...media, frames: [...retimed, ...others.filter(({ dts }) => dts / scale < endS)] });
}

/**
 * Without the frames of the tracks of one kind between two instants, seconds from the first frame of the
 * media.
 */
export function withHole(media: Media, kind: Track['kind'] | 'all', fromS: number, toS: number): Media {
  const start = startS(media);
  return {
    ...media,
    frames: media.frames.filter((frame) => {
      const track = media.tracks.find(({ id }) => id === frame.trackId)!;
      const s = frame.pts / track.timescale - start;
      return s < fromS - 1e-6 || s >= toS - 1e-6 || (kind !== 'all' && track.kind !== kind);
    }),
  };
}

/** The frames of `media` between two instants, seconds from its first frame. */
export function between(media: Media, fromS: number, toS: number): Media {
  return withHole(withHole(media, 'all', toS, Number.POSITIVE_INFINITY), 'all', 0, fromS);
}

/** Decode time of the first frame of the reference track, seconds. */
export function startS({ tracks, frames }: Media): number {
  const reference = tracks.find(({ kind }) => kind === 'video') ?? tracks[0]!;
  return frames.find(({ trackId }) => trackId === reference.id)!.dts / reference.timescale;
}

/** The first track of each kind. */
export function kinds({ tracks }: Media): { video: Track | undefined; audio: Track | undefined } {
  return {
    video: tracks.find(({ kind }) => kind === 'video'),
    audio: tracks.find(({ kind }) => kind === 'audio'),
  };
}
