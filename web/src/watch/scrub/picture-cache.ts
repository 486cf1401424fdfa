/**
 * Pictures of a stream by time, for scrubbing: the nearest one is there at once, the newest requested one is
 * loaded first.
 * In: requested times, times to load ahead. Out: decoded pictures. A bounded cache, few requests at a time.
 * `close` releases it.
 */

/**
 * Loads a picture of a time, unix milliseconds; undefined if there is none. Throws if that is unknown; aborts
 * with `signal`.
 */
export type LoadPicture<Picture> = (atMs: number, signal: AbortSignal) => Promise<Picture | undefined>;

/** What a picture needs to be kept; an `ImageBitmap` has it. */
interface Releasable {
  /** Releases the memory. */
  close(): void;
}

/** A loaded picture. */
interface KeptPicture<Picture> {
  /** Unix milliseconds. */
  readonly atMs: number;
  /** Valid until it leaves the cache. */
  readonly picture: Picture;
}

/** Requests in flight at once; those that load ahead leave one of them to the requested time. */
const AT_ONCE = 3;
/**
 * Pictures kept in memory, of 60 to 230 kB when decoded; beyond that the one farthest from the requested time
 * is released.
 */
const KEPT = 320;

/** The pictures of one stream in one size. */
export class PictureCache<Picture extends Releasable> {
  readonly #load: LoadPicture<Picture>;
  readonly #onChange: () => void;
  readonly #ends = new AbortController();
  /** By time; null where there is no picture. */
  readonly #kept = new Map<number, Picture | null>();
  readonly #flying = new Set<number>();
  /** Failed since the last request for another time: not repeated at once. */
  readonly #failed = new Set<number>();
  #wantedMs: number | null = null;
  #aheadMs: readonly number[] = [];

  /** @param onChange called when a picture has arrived */
  constructor(load: LoadPicture<Picture>, onChange: () => void) {
    this.#load = load;
    this.#onChange = onChange;
  }

  /**
   * Loads a picture in place of the one that waits, then others.
   *
   * @param atMs the time of the picture, unix milliseconds; null for none
   * @param aheadMs times that are probably next, the likeliest first
   */
  want(atMs: number | null, aheadMs: readonly number[] = []): void {
    if (atMs !== this.#wantedMs) this.#failed.clear();
    this.#wantedMs = atMs;
    this.#aheadMs = aheadMs;
    this.#next();
  }

  /**
   * The picture nearest to a time, from the cache.
   *
   * @param atMs unix milliseconds
   * @param withinMs largest distance
   */
  nearest(atMs: number, withinMs = Number.POSITIVE_INFINITY): KeptPicture<Picture> | null {
    let nearest: KeptPicture<Picture> | null = null;
    let distance = withinMs;
    for (const [keptMs, picture] of this.#kept) {
      const away = Math.abs(keptMs - atMs);
      if (picture === null || away > distance || (nearest && away === distance)) continue;
      nearest = { atMs: keptMs, picture };
      distance = away;
    }
    return nearest;
  }

  /** Ends all requests and releases the pictures. */
  close(): void {
    this.#ends.abort();
    for (const picture of this.#kept.values()) picture?.close();
    this.#kept.clear();
  }

  #next(): void {
    if (this.#ends.signal.aborted) return;
    const isMissing = (atMs: number) => !this.#kept.has(atMs) && !this.#flying.has(atMs) && !this.#failed.has(atMs);
    if (this.#wantedMs !== null && isMissing(this.#wantedMs) && this.#flying.size < AT_ONCE)
      this.#begin(this.#wantedMs);
    for (const atMs of this.#aheadMs) {
      if (this.#flying.size >= AT_ONCE - 1) return;
      if (isMissing(atMs)) this.#begin(atMs);
    }
  }

  async #begin(atMs: number): Promise<void> {
    const { signal } = this.#ends;
    this.#flying.add(atMs);
    try {
      const picture = await this.#load(atMs, signal);
      if (signal.aborted) return picture?.close();
      this.#kept.set(atMs, picture ?? null);
      this.#release();
      this.#onChange();
    } catch {
      this.#failed.add(atMs); // the network failed: retried with the next requested time
    }
    this.#flying.delete(atMs);
    this.#next();
  }

  #release(): void {
    const centreMs = this.#wantedMs;
    while (this.#kept.size > KEPT) {
      let [farMs = 0] = this.#kept.keys();
      if (centreMs !== null) {
        for (const atMs of this.#kept.keys()) {
          if (Math.abs(atMs - centreMs) > Math.abs(farMs - centreMs)) farMs = atMs;
        }
      }
      this.#kept.get(farMs)?.close();
      this.#kept.delete(farMs);
    }
  }
}
