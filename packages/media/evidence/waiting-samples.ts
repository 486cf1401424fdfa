/**
 * The samples of tracks that one pass over a file finds, while one of the tracks is read.
 * In: the samples of all tracks, in the order of the file. Out: those of each track, in order.
 */
import { FormatError } from '../errors.ts';
import type { FileSample } from './file-parts.ts';

/** Samples of other tracks that wait while one track is read. */
const MAX_WAITING = 1_000_000;

/** Samples that wait until their track is read. */
export class WaitingSamples {
  readonly #lines: ReadonlyMap<number, { list: FileSample[]; taken: number }>;
  #count = 0;

  /** @param trackIds tracks of the file */
  constructor(trackIds: Set<number>) {
    this.#lines = new Map([...trackIds].map((id) => [id, { list: [], taken: 0 }]));
  }

  /**
   * The next sample of a track; undefined after the last.
   *
   * @param readMore adds the next samples of the file; false: it has no more
   * @throws what `readMore` throws
   */
  async next(trackId: number, readMore: () => Promise<boolean>): Promise<FileSample | undefined> {
    const line = this.#lines.get(trackId);
    if (!line) return undefined;
    while (line.taken === line.list.length) {
      line.list = [];
      line.taken = 0;
      if (!(await readMore())) return undefined;
    }
    this.#count--;
    return line.list[line.taken++];
  }

  /** Adds a sample. @returns false: the file has no such track */
  add(trackId: number, sample: FileSample): boolean {
    this.#count++;
    return this.#lines.get(trackId)?.list.push(sample) !== undefined;
  }

  /**
   * Checks the bound, after all samples of one piece of the file.
   *
   * @param at where the piece begins
   * @throws FormatError if too many samples wait
   */
  check(at: number): void {
    if (this.#count > MAX_WAITING) throw new FormatError('the tracks are not interleaved', at);
  }
}
