/**
 * Small real films for tests of the import, and what ffmpeg finds in files.
 * In: arguments of ffmpeg. Out: bytes; MD5 and times of packets. Used by tests only.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ListedPacket, listTracks, pictureMd5, trackOf } from '../../../test/fixtures/media/inside.ts';
import { madeOnce } from '../../../test/fixtures/media/made-once.ts';
import type { ImportResult } from '../../api/library/asset-facts.ts';
import { childCounts } from '../../ffmpeg/child-process.ts';
import { runHandler } from '../../jobs/worker-job.fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createImportHandler } from './import-original.ts';

export class FilmFolder implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'oxbow-films-'));
  #next = 0;

  /**
   * Runs ffmpeg with arguments separated by single spaces, once on a machine unless they name this folder;
   * gives the bytes of its output.
   */
  make(args: string, ending: string, given?: Uint8Array): Uint8Array {
    const all = [...args.split(' '), '-threads', '1'];
    if (!args.includes(this.#folder)) return new Uint8Array(readFileSync(madeOnce(all, ending, given)));
    const path = join(this.#folder, `${this.#next++}.${ending}`);
    execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...all, path], { timeout: 60_000, stdio: 'pipe' });
    return readFileSync(path);
  }

  /** Packets of streams, e.g. `v:0`, of a film, by stream. */
  packets(film: Uint8Array, streams: readonly string[]): (readonly ListedPacket[])[] {
    const tracks = listTracks(this.store(film, 'film'));
    return streams.map((stream) => trackOf(tracks, stream).packets);
  }

  /** Compares packets and their distances with those of the original; gives both, by stream. */
  assertSame(original: Uint8Array, chunk: Uint8Array, streams: readonly string[], toleranceS = 0.0011) {
    const [allBefore, allAfter] = [this.packets(original, streams), this.packets(chunk, streams)];
    for (const [s, stream] of streams.entries()) {
      const [before, after] = [allBefore[s]!, allAfter[s]!];
      assert.ok(before.length > 0);
      assert.deepEqual(
        after.map(({ md5 }) => md5),
        before.map(({ md5 }) => md5),
        `packets of ${stream}`,
      );
      const shift = after[0]!.pts - before[0]!.pts;
      for (const [i, { pts }] of after.entries()) {
        assert.ok(Math.abs(pts - shift - before[i]!.pts) <= toleranceS, `time of packet ${i} of ${stream}`);
      }
    }
    return { before: allBefore, after: allAfter };
  }

  /** MD5 of the decoded pictures, scaled to one size. */
  pictures(film: Uint8Array, size: string): string[] {
    return pictureMd5(`movie=${this.store(film, 'film')},scale=${size}`);
  }

  /** Stores a file for arguments of `make`; returns its path. */
  put(text: string, ending: string): string {
    return this.store(new TextEncoder().encode(text), ending);
  }

  /** Stores a file for arguments of `make`; returns its path. */
  store(bytes: Uint8Array, ending: string): string {
    const path = join(this.#folder, `${this.#next++}.${ending}`);
    writeFileSync(path, bytes);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Imports a film: its result and its chunk files, in order. */
export async function importOf(original: Uint8Array) {
  const { result, outputs } = await runHandler(createImportHandler(), { files: { original } });
  return { ...(result as ImportResult), chunks: [...outputs.values()], names: [...outputs.keys()] };
}

/** Picture and sound of tests: 25 frames per second, 160 × 90. @param seconds duration */
export function testInput(seconds: number, sounds = 1): string {
  const video = `-f lavfi -i testsrc2=s=160x90:r=25:d=${seconds}`;
  const audio = Array.from({ length: sounds }, (_, i) => `-f lavfi -i sine=f=${440 * (i + 1)}:r=48000:d=${seconds}`);
  const maps = Array.from({ length: sounds }, (_, i) => `-map ${i + 1}`);
  return `${[video, ...audio].join(' ')} -map 0 ${maps.join(' ')}`;
}

/** H.264 with B frames and a key frame each second. */
export const h264 = '-c:v libx264 -preset ultrafast -bf 2 -g 25 -x264-params scenecut=0 -pix_fmt yuv420p';

/** Of the random changes, so that a failure can be repeated. */
const SEED = 20_261_122;

/** Numbers from 0 to below 1, the same for a seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Imports damaged copies of a film in three containers: each is imported or refused. @param film MP4 */
export async function assertDamageSurvived(films: FilmFolder, film: Uint8Array, count: number): Promise<void> {
  const random = randomOf(SEED);
  const mkv = films.make('-map 0 -c copy', 'mkv', film);
  const ts = films.make('-map 0 -c copy', 'ts', film);
  let imported = 0;
  for (let i = 0; i < count; i++) {
    const bytes = new Uint8Array([film, mkv, ts][i % 3]!);
    // Headers first: they decide what is read.
    const reach = i % 2 === 0 ? Math.min(bytes.length, 4096) : bytes.length;
    for (let k = 0; k < 1 + random() * 40; k++) bytes[Math.floor(random() * reach)] = Math.floor(random() * 256);
    try {
      const { endUs } = await importOf(bytes);
      assert.ok(endUs > 0);
      imported++;
    } catch (error) {
      assert.ok(error instanceof OxbowError, `seed ${SEED}, file ${i}: ${(error as Error).stack}`);
    }
  }
  assert.ok(imported > 0);
  assert.equal(childCounts().running, 0);
}
