/**
 * Real media of each codec, made by ffmpeg, and what ffmpeg finds in a file.
 * In: names of encoders. Out: files, packets with their MD5. Used by tests only.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { madeOnce } from '../../../test/fixtures/media/made-once.ts';
import { concatBytes } from '../bytes.ts';
import type { Frame, Track } from '../frame.ts';
import { BoxWriter } from './box.ts';
import { createFmp4Demuxer } from './demuxer.ts';
import { fragmentLength, printFragment } from './fragment.ts';
import { printChunkStart } from './init.ts';
import { type FilePiece, SampleTable } from './movie/sample-table.ts';
import { printSealedMoov } from './movie/sealed-moov.ts';

const VIDEO_ENCODERS = {
  h264: '-c:v libx264 -preset ultrafast -bf 2 -g 25 -x264-params scenecut=0',
  hevc: '-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params keyint=25:min-keyint=25:scenecut=0:pools=none:frame-threads=1:log-level=none',
  av1: '-c:v libsvtav1 -preset 12 -g 25 -svtav1-params lp=1',
  vp9: '-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25',
} as const;
const AUDIO_ENCODERS = {
  aac: '-c:a aac',
  mp3: '-c:a libmp3lame',
  ac3: '-c:a ac3',
  eac3: '-c:a eac3',
  opus: '-c:a libopus',
  flac: '-c:a flac -strict -2',
} as const;

/** Pairs that cover all codecs. */
export const realPairs: readonly {
  readonly video: keyof typeof VIDEO_ENCODERS;
  readonly audio: keyof typeof AUDIO_ENCODERS;
}[] = [
  { video: 'av1', audio: 'opus' },
  { video: 'vp9', audio: 'mp3' },
  { video: 'hevc', audio: 'ac3' },
  { video: 'h264', audio: 'eac3' },
  { video: 'h264', audio: 'flac' },
];

/** Flags of a fragmented MP4 file. */
const FRAGMENTED = '-movflags frag_keyframe+delay_moov+default_base_moof';

/** Makes three seconds of pictures and 5.1 or stereo sound as a fragmented MP4 file; gives its path. */
export const makeFragmented = (pair: (typeof realPairs)[number], folder: string): string =>
  makeReal(pair, folder, FRAGMENTED);

/** Makes three seconds of pictures and 5.1 or stereo sound as an MP4 file; gives its path. */
export function makeReal({ video, audio }: (typeof realPairs)[number], folder: string, flags = ''): string {
  const path = join(folder, `${video}-${audio}.mp4`);
  const channels = audio === 'ac3' || audio === 'eac3' ? 6 : 2;
  const args =
    `-f lavfi -i testsrc2=s=160x90:r=25 -f lavfi -i sine=r=48000 -t 3 ${VIDEO_ENCODERS[video]} -pix_fmt yuv420p ` +
    `${AUDIO_ENCODERS[audio]} -b:a 96k -ac ${channels} -threads 1 -metadata:s:a language=deu${flags && ` ${flags}`}`;
  copyFileSync(madeOnce(args.split(' '), 'mp4'), path);
  return path;
}

/** A copy in another form; gives its path. */
export function remux(path: string, name: string, args: string): string {
  const out = join(path, '..', name);
  const copied = `-map 0 -c copy -strict -2 ${args}`.split(' ');
  copyFileSync(madeOnce(copied, extname(name).slice(1), readFileSync(path)), out);
  return out;
}

/** A packet as ffmpeg reads it. */
export interface Packet {
  readonly stream: number;
  /** Seconds. */
  readonly ptsS: number;
  readonly key: boolean;
  readonly bytes: number;
  /** `MD5:…` of its bytes. */
  readonly hash: string;
}

/** All packets of a file, in the order in which they are there. A warning of ffprobe is an error. */
export const packetsOf = (path: string): Packet[] => [...probeFile(path).packets];

/** What ffprobe finds in a file. */
export interface ProbedFile {
  /** In the order in which they are there. */
  readonly packets: readonly Packet[];
  /** Of each stream: codec, its tag, channels, e.g. `opus,Opus,2`. */
  readonly codecs: readonly string[];
}

/** All packets and the codecs of a file. A warning of ffprobe is an error. */
export function probeFile(path: string): ProbedFile {
  const entries = 'packet=stream_index,pts_time,flags,size,data_hash:stream=codec_name,codec_tag_string,channels';
  const args = ['-v', 'warning', '-show_data_hash', 'MD5', '-show_entries', entries, '-of', 'json', path];
  const found = JSON.parse(quietly('ffprobe', args)) as Record<
    'packets' | 'streams',
    Record<string, string | number>[]
  >;
  const packets = found.packets.map(({ stream_index, pts_time, flags, size, data_hash }) => ({
    stream: Number(stream_index),
    ptsS: Number(pts_time),
    key: String(flags).startsWith('K'),
    bytes: Number(size),
    hash: String(data_hash),
  }));
  const codecs = found.streams.map((stream) =>
    [stream.codec_name, stream.codec_tag_string, stream.channels].filter((each) => each !== undefined).join(),
  );
  return { packets, codecs };
}

/** MD5 of every decoded frame of a file. */
export interface DecodedHashes {
  readonly video: readonly string[];
  readonly audio: readonly string[];
}

/**
 * What the first video and the first audio track of each file decode to, in one run of ffmpeg; its warnings
 * are errors.
 */
export function decodedHashes(...paths: readonly string[]): DecodedHashes[] {
  const inputs = paths.flatMap((path) => ['-threads', '1', '-i', path]);
  const maps = paths.flatMap((_, i) => ['-map', `${i}:v:0`, '-map', `${i}:a:0`]);
  const output = ['-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const lines = quietly('ffmpeg', ['-v', 'warning', '-nostdin', ...inputs, ...maps, ...output]).split('\n');
  const of = (stream: number) =>
    lines.filter((line) => line.startsWith(`${stream},`)).map((line) => line.split(',')[5]!.trim());
  return paths.map((_, i) => ({ video: of(2 * i), audio: of(2 * i + 1) }));
}

function quietly(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    maxBuffer: 256 * 1024 * 1024,
    timeout: 60_000,
    encoding: 'utf8',
  });
  // ffprobe says so of every text and data track that it has no decoder for.
  const complaints = stderr.replaceAll(/^Unsupported codec with id 0 for input stream \d+\n/gm, '');
  if (status !== 0 || complaints) throw new Error(`${program} ${args.join(' ')}: ${error ?? complaints}`);
  return stdout;
}

/** Output of a demuxer. */
export interface Seen {
  readonly tracks: (readonly Track[])[];
  readonly frames: Frame[];
  readonly damage: string[];
}

/** Takes a fragmented file apart. */
export function demuxAll(bytes: Uint8Array): Seen {
  const seen: Seen = { tracks: [], frames: [], damage: [] };
  const demuxer = createFmp4Demuxer({
    tracks: (tracks) => seen.tracks.push(tracks),
    frame: (frame) => seen.frames.push(frame),
    damage: (reason) => seen.damage.push(reason),
  });
  demuxer.push(bytes);
  demuxer.flush();
  return seen;
}

/** Reads a file into new bytes. */
export function bytesOf(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}

/** Each track's frames in fragments of a second, one after the other. */
export function fragmentsOf(tracks: readonly Track[], frames: readonly Frame[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  // Decode times before 0 cannot be written; the packager moves all of a run by whole seconds too.
  const shiftS = 2;
  for (const track of tracks) {
    const shift = shiftS * track.timescale;
    const own = frames
      .filter(({ trackId }) => trackId === track.id)
      .map((frame) => ({ ...frame, dts: frame.dts + shift, pts: frame.pts + shift }));
    for (const second of Map.groupBy(own, ({ dts }) => Math.floor(dts / track.timescale)).values()) {
      const bytes = new Uint8Array(fragmentLength(second));
      printFragment(bytes, 0, { sequence: 1, trackId: track.id, tfdt: second[0]!.dts, frames: second });
      pieces.push(bytes);
    }
  }
  return concatBytes(pieces);
}

/** A chunk file as it is once it is sealed, but for its commit boxes. */
export function sealedFile(tracks: readonly Track[], frames: readonly Frame[]): Uint8Array {
  const start = printChunkStart(tracks);
  const fragments = fragmentsOf(tracks, frames);
  const table = new SampleTable(tracks);
  const piece: FilePiece = { bytes: fragments, offset: start.length };
  table.addGroup([piece]);
  const file = concatBytes([start, fragments, printSealedMoov(table)]);
  const mdat = new BoxWriter(file, 32);
  mdat.u32(1);
  mdat.fourcc('mdat');
  mdat.u64(start.length + fragments.length - 32);
  return file;
}

/** Writes a file beside another one; gives its path. */
export function writeBeside(path: string, name: string, bytes: Uint8Array): string {
  const out = join(path, '..', name);
  writeFileSync(out, bytes);
  return out;
}

/** Writes an `emsg`, as packagers do. */
export function emsgBox(event: {
  readonly version: 0 | 1;
  readonly scheme: string;
  readonly timescale: number;
  readonly time: number;
  readonly duration: number;
  readonly id: number;
  readonly data: Uint8Array;
}): Uint8Array {
  const { version, scheme, timescale, time, duration, id, data } = event;
  const writer = new BoxWriter(new Uint8Array(64 + scheme.length + data.length));
  const names = new TextEncoder().encode(`${scheme}\0\0`);
  const emsg = writer.openFull('emsg', version, 0);
  if (version === 0) writer.raw(names);
  writer.u32(timescale);
  if (version === 1) writer.u64(time);
  else writer.u32(time);
  writer.u32(duration);
  writer.u32(id);
  if (version === 1) writer.raw(names);
  writer.raw(data);
  writer.close(emsg);
  return writer.bytes.slice(0, writer.offset);
}
