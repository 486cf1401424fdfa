/**
 * Films of ffmpeg and what the encode handler makes of them, for the tests of this folder.
 * In: arguments of ffmpeg. Out: files, cuts, outputs of jobs in memory, pictures. Used by tests and
 * benchmarks only.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { concatBytes } from '@oxbow/media/bytes';
import { listTracks, readFrames, trackOf } from '../../../test/fixtures/media/inside.ts';
import { madeOnce } from '../../../test/fixtures/media/made-once.ts';
import type { Job } from '../../jobs/job.ts';
import type { WorkerContext } from '../../jobs/worker-job.ts';
import { type EncodeHandlerOptions, encodeHandler } from './encode.ts';
import type { EncodeJobInput, EncodeJobResult } from './encode-job.ts';

const run = promisify(execFile);

/** A temporary folder with films. */
export interface Films extends AsyncDisposable {
  readonly folder: string;
  /**
   * Runs ffmpeg, once on a machine unless the arguments name the folder, which writes `name`; returns the
   * bytes.
   */
  make(name: string, args: string): Promise<Uint8Array>;
  /** Writes bytes and returns the path. */
  save(name: string, bytes: Uint8Array): Promise<string>;
}

/** Creates a folder for films. */
export async function openFilms(): Promise<Films> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-ladder-'));
  return {
    folder,
    async make(name, args) {
      const path = join(folder, name);
      if (!args.includes(folder)) {
        await copyFile(madeOnce(args.split(' '), extname(name).slice(1)), path);
        return readFile(path);
      }
      await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args.split(' '), path], {
        timeout: 60_000,
      });
      return readFile(path);
    },
    async save(name, bytes) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      return path;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What a job produced. */
export interface EncodedFilm {
  readonly result: EncodeJobResult;
  readonly outputs: ReadonlyMap<string, Uint8Array>;
  readonly progress: readonly {
    readonly share: number;
    readonly parts: Readonly<Record<string, number>> | undefined;
  }[];
}

/** Runs one encode job in memory. */
export async function encodeFilm(
  original: Uint8Array,
  input: EncodeJobInput,
  options: EncodeHandlerOptions & {
    readonly signal?: AbortSignal;
    /** Called at each read of the original, with the newest process that encodes. */
    readonly onRead?: (pid: number) => void;
  } = {},
): Promise<EncodedFilm> {
  const outputs = new Map<string, Uint8Array>();
  const progress: { share: number; parts: Readonly<Record<string, number>> | undefined }[] = [];
  const context: WorkerContext = {
    signal: options.signal ?? new AbortController().signal,
    progress: (share, parts) => void progress.push({ share, parts }),
    input: async () => ({
      length: original.length,
      async read(offset, count) {
        if (options.onRead) options.onRead(await encoderPid());
        return original.subarray(offset, offset + count);
      },
    }),
    async send(name, read) {
      const pieces: Uint8Array[] = [];
      for await (const piece of read()) pieces.push(piece.slice());
      outputs.set(name, concatBytes(pieces));
    },
    async output(name) {
      const pieces: Uint8Array[] = [];
      return {
        write: async (bytes) => void pieces.push(bytes.slice()),
        finish: async () => void outputs.set(name, concatBytes(pieces)),
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
  const result = (await encodeHandler(options)({ input } as Job, context)) as EncodeJobResult;
  return { result, outputs, progress };
}

/** Times of presentation of a video or audio stream, s, in order, with its key frames. */
export function timesOf(path: string, stream = 'v:0'): { readonly pts: number; readonly key: boolean }[] {
  const { packets } = trackOf(listTracks(path), stream);
  return packets
    .filter(({ hidden }) => !hidden)
    .map(({ pts, key }) => ({ pts, key }))
    .sort((a, b) => a.pts - b.pts);
}

/**
 * PSNR of the luma of each picture of a file against another file, scaled to the same size, dB.
 *
 * @param filter of the other file, ends with a comma
 */
export function psnrOf(path: string, reference: string, filter = ''): number[] {
  const { width, height } = sizeOf(path);
  return readFrames(
    [
      `movie=${reference},${filter}scale=${width}:${height}:flags=bicubic,format=yuv420p,setpts=N/TB[ref]`,
      `movie=${path},format=yuv420p,setpts=N/TB[d]`,
      '[d][ref]psnr=shortest=1',
    ].join(';'),
    (picture) => {
      const value = picture.getMetadata().get('lavfi.psnr.psnr.y');
      return value === 'inf' ? 100 : Number(value);
    },
  );
}

/** Bytes of the packets of a file. */
export function mediaBytesOf(path: string): number {
  return listTracks(path)
    .flatMap(({ packets }) => packets)
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Size of the picture of a file. */
export function sizeOf(path: string): { readonly width: number; readonly height: number } {
  const { width, height } = trackOf(listTracks(path), 'v:0');
  return { width, height };
}

async function samplesOf(path: string): Promise<Float32Array> {
  const args = ['-v', 'error', '-nostdin', '-i', path, '-ac', '1', '-ar', '48000', '-f', 'f32le', '-'];
  const { stdout } = await run('ffmpeg', args, { timeout: 30_000, encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  return new Float32Array(
    stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length - (stdout.length % 4)),
  );
}

/**
 * By how many samples at 48 kHz the sound of a file is later than that of another, from their
 * cross-correlation within 40 ms.
 */
export async function lagOf(path: string, reference: string): Promise<number> {
  const [made, source] = await Promise.all([samplesOf(path), samplesOf(reference)]);
  // Clicks are short: most samples are silent, and add nothing.
  const loud = Array.from({ length: 96_000 }, (_, i) => 48_000 + i).filter((i) => source[i] !== 0);
  const sum = (lag: number) => loud.reduce((total, i) => total + (made[i + lag] ?? 0) * source[i]!, 0);
  const lags = Array.from({ length: 3841 }, (_, i) => i - 1920);
  const sums = lags.map(sum);
  return lags[sums.indexOf(Math.max(...sums))]!;
}

/** Integrated loudness of a file, LUFS, measured by ffmpeg. */
export async function loudnessOf(path: string): Promise<number> {
  const args = ['-nostdin', '-hide_banner', '-i', path, '-af', 'ebur128', '-f', 'null', '-'];
  const { stderr } = await run('ffmpeg', args, { timeout: 30_000 });
  return Number(/Integrated loudness:\s+I:\s+(\S+) LUFS/.exec(stderr)![1]);
}

/** The newest child of this process that encodes a ladder. */
async function encoderPid(): Promise<number> {
  const { stdout } = await run('pgrep', ['-n', '-P', String(process.pid), '-f', 'ladder-main']);
  return Number(stdout.trim());
}

/** The luma of the middle row of the first picture of a file, and its colours. */
export function lumaOf(path: string): {
  readonly row: readonly number[];
  readonly matrix: number;
  readonly transfer: number;
} {
  const first = `movie=${path},trim=end_frame=1`;
  const [row] = readFrames(`${first},format=gray`, ({ width, height, linesize, data }) => {
    const from = Math.floor(height / 2) * linesize[0]!;
    return [...data![0]!.subarray(from, from + width)];
  });
  const [colours] = readFrames(first, ({ colorSpace, colorTrc }) => ({ matrix: colorSpace, transfer: colorTrc }));
  return { row: row!, ...colours! };
}
