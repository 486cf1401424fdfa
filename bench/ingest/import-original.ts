/**
 * `npm run bench -- import`: an MP4 file to chunk files of CMAF segments without encoding, next to ffmpeg's
 * HLS with fMP4.
 * In: a film of 12 Mbps, repeated to the requested size. Out: a table of medians with the target: at most 1.5
 * times ffmpeg's time.
 *
 * oxbow's time is that of a worker which has started: from the job to its last output, with the process of
 * FFmpeg that describes the file. Both read from the page cache and write files.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImportResult } from '../../src/api/library/asset-facts.ts';
import { jobOf } from '../../src/jobs/worker-job.fixture.ts';
import type { WorkerContext } from '../../src/jobs/worker-job.ts';
import { createImportHandler } from '../../src/transcode/import/import-original.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { median, mib, printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

/** Length of the film that is repeated, s. */
const FILM_S = orTiny(20, 2);

/** Generates the file, measures, and returns the report. @param seconds length of the file */
export async function benchImport(seconds: number, rounds: number): Promise<string> {
  await using folder = await openFolder('bench-import');
  const film = join(folder.path, 'film.mp4');
  const original = join(folder.path, 'original.mp4');
  say(`generating a film of ${seconds} s`);
  ffmpeg(
    `-f lavfi -i testsrc2=s=1280x720:r=30:d=${FILM_S} -f lavfi -i sine=r=48000:d=${FILM_S} -vf noise=alls=20:allf=t ` +
      '-c:v libx264 -preset ultrafast -g 60 -bf 2 -b:v 12M -maxrate 12M -bufsize 24M -pix_fmt yuv420p -c:a aac',
    film,
  );
  ffmpeg(`-stream_loop ${Math.round(seconds / FILM_S) - 1} -i ${film} -c copy -movflags +faststart`, original);
  const file = await open(original);
  const { size } = await file.stat();
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const output = join(folder.path, 'output');
      for (const run of [
        async () => ours.push(await timeOf(() => importFile(file, size, output))),
        async () => theirs.push(await timeOf(async () => hls(original, output))),
      ]) {
        mkdirSync(output);
        await run();
        rmSync(output, { recursive: true });
      }
      say(`round ${round + 1}: oxbow ${ours.at(-1)!.toFixed(2)} s, ffmpeg ${theirs.at(-1)!.toFixed(2)} s`);
    }
  } finally {
    await file.close();
  }
  const [oxbowS, ffmpegS] = [median(ours), median(theirs)];
  return printTable(
    ['MP4 to CMAF without encoding', 'seconds', 'MiB/s', 'of ffmpeg, target 1.5'],
    [
      [
        `oxbow, ${mib(size)} MiB`,
        oxbowS.toFixed(2),
        (size / 2 ** 20 / oxbowS).toFixed(0),
        (oxbowS / ffmpegS).toFixed(2),
      ],
      ['`ffmpeg -c copy -f hls`, fMP4', ffmpegS.toFixed(2), (size / 2 ** 20 / ffmpegS).toFixed(0), '1'],
    ],
  );
}

function ffmpeg(args: string, ...paths: readonly string[]): void {
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args.split(' '), ...paths]);
}

function hls(original: string, output: string): void {
  ffmpeg(
    `-i ${original} -c copy -f hls -hls_segment_type fmp4 -hls_time 4 -hls_list_size 0`,
    join(output, 'index.m3u8'),
  );
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

/** Imports with files in place of the server. */
async function importFile(file: FileHandle, size: number, output: string): Promise<void> {
  const context: WorkerContext = {
    signal: new AbortController().signal,
    progress: () => {},
    input: async () => ({
      length: size,
      async read(offset, count) {
        const bytes = Buffer.allocUnsafe(Math.min(count, size - offset));
        const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
        return bytes.subarray(0, bytesRead);
      },
    }),
    output: () => Promise.reject(new Error('the import sends files')),
    async send(name, read) {
      const written = await open(join(output, name.replaceAll('/', '-')), 'w');
      try {
        for await (const piece of read()) await written.write(piece);
      } finally {
        await written.close();
      }
    },
  };
  const result = (await createImportHandler()(jobOf('import', { assetId: 'a1' }), context)) as ImportResult;
  if (!result.source) throw new Error('the original was not stored');
}
