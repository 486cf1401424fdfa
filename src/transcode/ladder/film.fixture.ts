/**
 * Films of ffmpeg and what the encode handler makes of them, for the tests of this folder.
 * In: arguments of ffmpeg. Out: files, cuts, outputs of jobs in memory, pictures. Used by tests and benchmarks only.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Job } from '../../jobs/job.ts';
import type { WorkerContext } from '../../jobs/worker-job.ts';
import { concatBytes } from '../../lib/bytes.ts';
import { type EncodeHandlerOptions, encodeHandler } from './encode.ts';
import type { EncodeJobInput, EncodeJobResult } from './encode-job.ts';

const run = promisify(execFile);

/** A temporary folder with films. */
export interface Films extends AsyncDisposable {
  readonly folder: string;
  /** Runs ffmpeg, which writes `name`; returns the bytes. */
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
export async function timesOf(
  path: string,
  stream = 'v:0',
): Promise<{ readonly pts: number; readonly key: boolean }[]> {
  const args = [
    '-v',
    'error',
    '-select_streams',
    stream,
    '-show_entries',
    'packet=pts_time,flags',
    '-of',
    'csv=p=0',
    path,
  ];
  const { stdout } = await run('ffprobe', args, { timeout: 30_000, maxBuffer: 64 * 1024 * 1024 });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(','))
    .filter(([, flags]) => !flags?.includes('D'))
    .map(([pts, flags]) => ({ pts: Number(pts), key: flags?.startsWith('K') === true }))
    .sort((a, b) => a.pts - b.pts);
}

/**
 * PSNR of the luma of each picture of a file against a reference, scaled to the same size, dB.
 *
 * @param reference arguments of an input of ffmpeg
 */
export async function psnrOf(path: string, reference: string, filter = ''): Promise<number[]> {
  const graph = `[1:v]${filter}scale=rw:rh:flags=bicubic,format=yuv420p,setpts=N/TB[ref];[0:v]format=yuv420p,setpts=N/TB[d];[d][ref]psnr=stats_file=-:shortest=1`;
  const size = await sizeOf(path);
  const filled = graph.replace('rw', String(size.width)).replace('rh', String(size.height));
  const args = [
    '-v',
    'error',
    '-nostdin',
    '-threads',
    '1',
    '-i',
    path,
    '-threads',
    '1',
    ...reference.split(' '),
    '-filter_complex_threads',
    '1',
    '-lavfi',
    filled,
    '-f',
    'null',
    '-',
  ];
  const { stdout } = await run('ffmpeg', args, { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 });
  return [...stdout.matchAll(/psnr_y:(\S+)/g)].map(([, value]) => (value === 'inf' ? 100 : Number(value)));
}

/** Bytes of the packets of a file. */
export async function mediaBytesOf(path: string): Promise<number> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'packet=size', '-of', 'csv=p=0', path]);
  return stdout.split('\n').reduce((sum, line) => sum + Number.parseInt(line || '0', 10), 0);
}

/** Size of the picture of a file. */
export async function sizeOf(path: string): Promise<{ readonly width: number; readonly height: number }> {
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v:0',
    '-show_entries',
    'stream=width,height',
    '-of',
    'csv=p=0',
    path,
  ];
  const { stdout } = await run('ffprobe', args, { timeout: 30_000 });
  const [width, height] = stdout.trim().split(',').map(Number);
  return { width: width!, height: height! };
}

async function samplesOf(path: string): Promise<Float32Array> {
  const args = ['-v', 'error', '-nostdin', '-i', path, '-ac', '1', '-ar', '48000', '-f', 'f32le', '-'];
  const { stdout } = await run('ffmpeg', args, { timeout: 30_000, encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  return new Float32Array(
    stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length - (stdout.length % 4)),
  );
}

/** By how many samples at 48 kHz the sound of a file is later than that of another, from their cross-correlation within 40 ms. */
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
export async function lumaOf(
  path: string,
): Promise<{ readonly row: number[]; readonly matrix: string; readonly transfer: string }> {
  const { width, height } = await sizeOf(path);
  const args = ['-v', 'error', '-nostdin', '-i', path, '-frames:v', '1', '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
  const { stdout } = await run('ffmpeg', args, { timeout: 30_000, encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  const from = Math.floor(height / 2) * width;
  const probe = [
    '-v',
    'error',
    '-select_streams',
    'v:0',
    '-show_entries',
    'stream=color_space,color_transfer',
    '-of',
    'csv=p=0',
    path,
  ];
  const [matrix, transfer] = (await run('ffprobe', probe)).stdout.trim().split(',');
  return { row: [...stdout.subarray(from, from + width)], matrix: matrix!, transfer: transfer! };
}
