/**
 * The small pictures of a recording, which the server has stored; where it has none, stills take their place.
 * In: a time. Out: a picture. docs/4-watch/past.md, Storyboards.
 */
import { onServer } from '../../api/server.ts';
import { type FetchPicture, fetchPicture } from '../../timeline/thumbs.ts';
import type { LoadPicture } from './picture-cache.ts';

/** Interval of the small pictures, milliseconds. */
const SLOT_MS = 10_000;
/**
 * The small pictures of a window are stored in one file: where one is missing, the others are not requested.
 * Milliseconds.
 */
const WINDOW_MS = 600_000;

/** Loads the small pictures of one stream. */
export class SmallPictures {
  /** The last answer was a stored picture. */
  isStored = false;
  readonly #stream: string;
  readonly #still: LoadPicture<Blob>;
  readonly #fetch: FetchPicture;
  /** Starts of windows without small pictures, unix milliseconds. */
  readonly #without = new Set<number>();

  constructor(stream: string, still: LoadPicture<Blob>, fetchOne: FetchPicture = fetchPicture) {
    this.#stream = stream;
    this.#still = still;
    this.#fetch = fetchOne;
  }

  /**
   * The picture of a time: small if there is one, otherwise a still. Throws if that is unknown; aborts with
   * `signal`.
   */
  load: LoadPicture<Blob> = async (atMs, signal) => {
    const windowMs = Math.floor(atMs / WINDOW_MS) * WINDOW_MS;
    if (!this.#without.has(windowMs)) {
      const second = (Math.floor(atMs / SLOT_MS) * SLOT_MS) / 1000;
      const small = await this.#fetch(onServer(`/thumb/${this.#stream}/small/${second}.jpg`), signal);
      this.isStored = small !== undefined;
      if (small) return small;
      this.#without.add(windowMs);
    }
    return this.#still(atMs, signal);
  };
}
