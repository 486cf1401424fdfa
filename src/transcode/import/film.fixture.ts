/**
 * Small real films for tests of the import, and what ffmpeg finds in files.
 * In: arguments of ffmpeg. Out: bytes; MD5 and times of packets. Used by tests only.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A packet as ffmpeg lists it. */
export interface ListedPacket {
  /** s */
  readonly pts: number;
  readonly dts: number;
  readonly md5: string;
}

/** A folder for films. */
export class FilmFolder implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'oxbow-films-'));
  #next = 0;

  /** Runs ffmpeg with arguments separated by single spaces; gives the bytes of its output `film.{ending}`. */
  make(args: string, ending: string, given?: Uint8Array): Uint8Array {
    const path = join(this.#folder, `${this.#next++}.${ending}`);
    const input = given ? ['-i', this.store(given, 'in')] : [];
    const all = ['-v', 'error', '-nostdin', '-y', ...input, ...args.split(' '), '-threads', '1', path];
    execFileSync('ffmpeg', all, { timeout: 60_000, stdio: 'pipe' });
    return readFileSync(path);
  }

  /** Packets of streams, e.g. `v:0`, of files as ffmpeg copies them, all in one run; by file and stream. */
  packets(films: readonly Uint8Array[], streams: readonly string[]): ListedPacket[][][] {
    const inputs = films.flatMap((film) => ['-i', this.store(film, 'film')]);
    const maps = films.flatMap((_, i) => streams.flatMap((stream) => ['-map', `${i}:${stream}`]));
    const args = ['-v', 'error', '-nostdin', ...inputs, ...maps, ...'-c copy -f framehash -hash md5 -'.split(' ')];
    const text = execFileSync('ffmpeg', args, { timeout: 60_000 }).toString();
    const units = [...text.matchAll(/^#tb \d+: (\d+)\/(\d+)$/gm)].map(([, num, den]) => Number(num) / Number(den));
    const lists = units.map((): ListedPacket[] => []);
    for (const line of text.split('\n').filter((each) => /^\d/.test(each))) {
      const [index, dts, pts, , , md5] = line.split(',').map((field) => field.trim());
      const unit = units[Number(index)]!;
      lists[Number(index)]!.push({ dts: Number(dts) * unit, pts: Number(pts) * unit, md5: md5! });
    }
    return films.map((_, i) => lists.slice(i * streams.length, (i + 1) * streams.length));
  }

  /** MD5 of the decoded pictures, scaled to one size. */
  pictures(film: Uint8Array, size: string): string[] {
    const path = this.store(film, 'film');
    const args = `-v error -nostdin -threads 1 -i ${path} -vf scale=${size} -pix_fmt yuv420p -f framehash -hash md5 -`;
    const lines = execFileSync('ffmpeg', args.split(' ')).toString().split('\n');
    return lines.filter((line) => /^\d/.test(line)).map((line) => line.split(',').at(-1)!.trim());
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
