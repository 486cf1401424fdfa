/**
 * Small real films for tests of the import, and what ffmpeg finds in files.
 * In: arguments of ffmpeg. Out: bytes; MD5 and times of packets. Used by tests only.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ListedPacket, listTracks, pictureMd5, trackOf } from '../../../test/fixtures/media/inside.ts';
import { madeOnce } from '../../../test/fixtures/media/made-once.ts';

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

/** Picture and sound of tests: 25 frames per second, 160 × 90. @param seconds duration */
export function testInput(seconds: number, sounds = 1): string {
  const video = `-f lavfi -i testsrc2=s=160x90:r=25:d=${seconds}`;
  const audio = Array.from({ length: sounds }, (_, i) => `-f lavfi -i sine=f=${440 * (i + 1)}:r=48000:d=${seconds}`);
  const maps = Array.from({ length: sounds }, (_, i) => `-map ${i + 1}`);
  return `${[video, ...audio].join(' ')} -map 0 ${maps.join(' ')}`;
}

/** H.264 with B frames and a key frame each second. */
export const h264 = '-c:v libx264 -preset ultrafast -bf 2 -g 25 -x264-params scenecut=0 -pix_fmt yuv420p';
