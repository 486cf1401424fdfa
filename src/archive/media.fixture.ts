/**
 * Real media for the tests of this folder: what ffmpeg encodes, cut into segment groups as the packager does.
 * In: a codec. Out: a source file, and its groups. Used by tests only.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import type { Frame, Track } from '@oxbow/media/frame';
import { createFmp4Demuxer } from '@oxbow/media/isobmff/demuxer';
import { type FragmentSlot, fragmentLength, printFragment, sequenceNumber } from '@oxbow/media/isobmff/fragment';
import type { Init, SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import { madeOnce } from '../../test/fixtures/media/made-once.ts';

const run = promisify(execFile);

/** A folder that is removed when the test that made it ends. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'oxbow-archive-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Runs a program; gives what it printed on either stream. */
export async function runTool(name: string, ...args: string[]): Promise<{ out: string; err: string }> {
  const { stdout, stderr } = await run(name, args, { maxBuffer: 64 * 1024 * 1024 });
  return { out: stdout, err: stderr };
}

const CODECS = {
  h264: '-c:v libx264 -preset ultrafast -bf 2 -g 50 -keyint_min 50 -sc_threshold 0',
  'h264-open-gop':
    '-c:v libx264 -preset ultrafast -bf 2 -g 50 -sc_threshold 0 -x264-params open-gop=1:keyint=50:min-keyint=50',
  'h264-no-b': '-c:v libx264 -preset ultrafast -tune zerolatency -g 50 -keyint_min 50 -sc_threshold 0',
  hevc: '-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=none:pools=none:frame-threads=1:bframes=2:keyint=50:min-keyint=50:scenecut=0:open-gop=0',
};

/** How a source is encoded. */
export type Codec = keyof typeof CODECS;

/** A file of ffmpeg's and what the demuxer made of it. */
export interface Source {
  readonly path: string;
  readonly tracks: readonly Track[];
  readonly frames: readonly Frame[];
}

/**
 * Encodes a moving picture of 160×90 at 25 fps and a tone, and demuxes it.
 *
 * @param seconds length
 */
export async function makeSource(folder: string, codec: Codec, seconds: number): Promise<Source> {
  const path = join(folder, `${codec}.mp4`);
  const input = '-f lavfi -i testsrc2=s=160x90:r=25 -f lavfi -i sine=f=440:r=48000';
  const output = `-c:a aac -b:a 64k -movflags frag_keyframe+empty_moov+default_base_moof -threads 1`;
  const args = `${input} -t ${seconds} ${CODECS[codec]} -pix_fmt yuv420p ${output}`.split(' ');
  await copyFile(madeOnce(args, 'mp4'), path);
  let tracks: readonly Track[] = [];
  const frames: Frame[] = [];
  const demuxer = createFmp4Demuxer({
    tracks: (found) => {
      tracks = found;
    },
    frame: (frame) => frames.push(frame),
    damage: (reason) => {
      throw new Error(reason);
    },
  });
  demuxer.push(await readFile(path));
  demuxer.flush();
  return { path, tracks, frames };
}

/** Sources of one file of tests, each made once. */
export interface Sources extends AsyncDisposable {
  /** A source and the hashes of its decoded pictures. */
  of(codec: Codec): Promise<{ readonly source: Source; readonly hashes: readonly string[] }>;
}

/**
 * Opens a folder for sources.
 *
 * @param seconds length of each
 */
export async function openSources(seconds: number): Promise<Sources> {
  const folder = await temporaryFolder();
  const made = new Map<Codec, ReturnType<Sources['of']>>();
  const make = async (codec: Codec) => {
    const source = await makeSource(folder.path, codec, seconds);
    return { source, hashes: await pictureHashes(source.path) };
  };
  return {
    of(codec) {
      const found = made.get(codec) ?? make(codec);
      made.set(codec, found);
      return found;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const HASH = 'ab'.repeat(32);

/** The init of a source. */
export function initOf(tracks: readonly Track[]): Init {
  return { number: 1, hash: HASH, tracks };
}

/** How `groupsOf` cuts. */
export interface CutOptions {
  /** Added to all timestamps, whole seconds. */
  readonly offsetS?: number;
  /** UTC of the first group, µs. */
  readonly startUs?: number;
  readonly firstMsn?: number;
}

/**
 * Cuts a source into groups of 2 s with Parts of 200 ms: video at key frames, audio at its first frame at or
 * behind the cut.
 */
export function groupsOf(
  { tracks, frames }: Pick<Source, 'tracks' | 'frames'>,
  options: CutOptions = {},
): SegmentGroup[] {
  const { offsetS = 100_000, startUs = 1_795_000_000_000_000, firstMsn = 868_000_000 } = options;
  const reference = tracks[0]!;
  const cuts = frames
    .filter((frame) => frame.trackId === reference.id && (reference.kind === 'video' ? frame.key : true))
    .filter((_, i) => reference.kind === 'video' || i % 94 === 0)
    .map((frame) => frame.pts / reference.timescale);
  const ends = [...cuts.slice(1), Number.POSITIVE_INFINITY];
  return cuts.map((cut, index) => {
    const segments = tracks.flatMap((track) => {
      const own = frames.filter((frame) => frame.trackId === track.id);
      const indexAt = (time: number) => {
        const at = own.findIndex((frame) =>
          track.kind === 'video'
            ? frame.key && frame.pts / track.timescale >= time
            : frame.pts / track.timescale >= time,
        );
        return at < 0 ? own.length : at;
      };
      const picked = own.slice(indexAt(cut), indexAt(ends[index]!));
      return picked.length > 0
        ? [segmentOf(track, picked, offsetS, (fragment) => sequenceNumber(index, slotOf(track, tracks), fragment))]
        : [];
    });
    const from = Math.round((cut - cuts[0]!) * 1e6);
    const lastEnd = segments[0]!.duration / reference.timescale + cut;
    const to = Math.round(((cuts[index + 1] ?? lastEnd) - cuts[0]!) * 1e6);
    return {
      msn: firstMsn + index,
      run: { id: 1, utcOffsetUs: startUs - Math.round((cuts[0]! + offsetS) * 1e6), clock: 'arrival' },
      init: initOf(tracks),
      startUs: startUs + from,
      durationUs: to - from,
      discontinuity: index === 0,
      discontinuitySequence: 0,
      tracks: segments,
      gaps: [],
    };
  });
}

/** The fragments of all tracks are numbered together; a track alone as the first of two. */
function slotOf(track: Track, tracks: readonly Track[]): FragmentSlot {
  return { index: tracks.indexOf(track), count: Math.max(2, tracks.length) };
}

/** One segment of frames, a fragment for each 200 ms. */
export function segmentOf(
  track: Track,
  frames: readonly Frame[],
  offsetS: number,
  numberOf: (fragment: number) => number = () => 0,
): TrackSegment {
  const shift = offsetS * track.timescale;
  const parts: Frame[][] = [];
  for (const frame of frames) {
    const part = parts.at(-1);
    if (part && frame.dts - part[0]!.dts < 0.2 * track.timescale - 1) part.push(frame);
    else parts.push([frame]);
  }
  const bytes = new Uint8Array(new SharedArrayBuffer(parts.reduce((sum, part) => sum + fragmentLength(part), 0)));
  let at = 0;
  for (const [i, part] of parts.entries()) {
    at = printFragment(bytes, at, {
      sequence: numberOf(i),
      trackId: track.id,
      tfdt: part[0]!.dts + shift,
      frames: part,
    });
  }
  const first = frames[0]!;
  return {
    trackId: track.id,
    bytes,
    tfdt: first.dts + shift,
    duration: frames.reduce((sum, { duration }) => sum + duration, 0),
    firstPtsOffset: first.pts - first.dts,
    samples: frames.length,
    independent: first.key,
    damaged: false,
    crc: crc32(bytes),
  };
}

/** The hash of every decoded picture of a file. */
export async function pictureHashes(path: string): Promise<string[]> {
  // A native module, which Windows' Node under Wine does not have: it is loaded by the tests that use it.
  const { pictureMd5 } = await import('../../test/fixtures/media/inside.ts');
  return pictureMd5(`movie=${path}`);
}

/** What ffprobe says of a file; `warnings` is empty for a clean one. */
export async function probe(path: string) {
  const { out, err } = await runTool(
    'ffprobe',
    ...['-v', 'warning', '-show_entries', 'format=start_time,duration:stream=codec_type,start_time,nb_frames,duration'],
    ...['-of', 'json', path],
  );
  const found = JSON.parse(out) as {
    format: { start_time: string; duration: string };
    streams: { codec_type: string; start_time: string; nb_frames?: string; duration?: string }[];
  };
  const streams = found.streams.map((stream) => ({
    kind: stream.codec_type,
    start: Number(stream.start_time),
    frames: Number(stream.nb_frames),
    duration: Number(stream.duration),
  }));
  return { warnings: err, start: Number(found.format.start_time), duration: Number(found.format.duration), streams };
}
