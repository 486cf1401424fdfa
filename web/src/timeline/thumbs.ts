/**
 * Stills for the pointer: which still represents a point of the bar, and a queue that fetches few of them at
 * a time.
 * In: the past, positions of the pointer. Out: addresses of stills; pictures as object URLs.
 */
import { onServer } from '../api/server.ts';
import { type Past, stretchAt } from '../time/past.ts';

/** Addresses of stills use these grids, seconds: the same for all viewers, so that they share pictures. */
const grids = [5, 10, 30, 60, 300, 600, 1800, 3600, 10_800];
const FINEST_MS = 5_000;
/** A still this close to now may not exist yet, milliseconds. */
const BEHIND_MS = 6_000;

/**
 * The grid for a zoom: as fine as the pointer can distinguish.
 *
 * @param pixelMs milliseconds per CSS pixel of the bar
 * @returns milliseconds
 */
export function thumbGrid(pixelMs: number): number {
  return 1000 * (grids.find((seconds) => seconds * 1000 >= 2 * pixelMs) ?? 10_800);
}

/**
 * The time of the still for a point of the bar: rounded down to the grid, but within its stretch of media.
 *
 * @param atMs unix milliseconds
 * @param pixelMs milliseconds per CSS pixel of the bar
 * @param nowMs unix milliseconds
 * @returns unix milliseconds, a multiple of five seconds; null if there is no still
 */
export function thumbMoment(past: Past, atMs: number, pixelMs: number, nowMs: number): number | null {
  const stretch = stretchAt(past, atMs);
  if (stretch?.kind !== 'media') return null;
  const grid = thumbGrid(pixelMs);
  const latestMs = Math.min(atMs, nowMs - BEHIND_MS);
  for (const size of [grid, FINEST_MS]) {
    const foundMs = Math.floor(latestMs / size) * size;
    if (foundMs >= stretch.fromMs) return foundMs;
  }
  const firstMs = Math.ceil(stretch.fromMs / FINEST_MS) * FINEST_MS;
  return firstMs < stretch.toMs && firstMs <= nowMs - BEHIND_MS ? firstMs : null;
}

/** The address of a still. @param atMs unix milliseconds, a multiple of five seconds */
export function thumbUrl(stream: string, atMs: number): string {
  return onServer(`/thumb/${stream}/${Math.floor(atMs / 1000)}.jpg`);
}

/** Fetches a still; undefined if there is none. Throws if that is unknown; aborts with `signal`. */
export type FetchPicture = (url: string, signal: AbortSignal) => Promise<Blob | undefined>;

/** Timeout of a request, milliseconds. */
const PATIENCE_MS = 15_000;

/** Fetches a still with a timeout. */
export const fetchPicture: FetchPicture = async (url, signal) => {
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) });
  if (response.ok) return response.blob();
  if (response.status === 404 || response.status === 410) return undefined;
  throw new Error(`status ${response.status}`); // busy, or temporarily absent
};

/** Requests in flight at once. */
const AT_ONCE = 2;
/** Pictures kept in memory, of about 10 kB. */
const KEPT = 200;

/** Stills by address: two requests at a time, the newest first, with a cache. `close` ends it. */
export class Thumbs {
  readonly #fetch: FetchPicture;
  readonly #onChange: () => void;
  readonly #ends = new AbortController();
  /** Object URLs, the last used one at the end; null for a still that does not exist. */
  readonly #kept = new Map<string, string | null>();
  readonly #flying = new Set<string>();
  #nextUrl: string | null = null;

  /** @param onChange called when a requested still has arrived */
  constructor(onChange: () => void, fetchOne: FetchPicture = fetchPicture) {
    this.#onChange = onChange;
    this.#fetch = fetchOne;
  }

  /**
   * The cached still at an address as an object URL; null if it is not loaded or does not exist. Sends no
   * request.
   */
  get(url: string): string | null {
    const kept = this.#kept.get(url);
    if (kept === undefined) return null;
    this.#kept.delete(url);
    this.#kept.set(url, kept);
    return kept;
  }

  /** Requests a still, in place of a queued request; null for none. */
  request(url: string | null): void {
    this.#nextUrl = url;
    this.#next();
  }

  /** Ends all requests and releases the cache. */
  close(): void {
    this.#ends.abort();
    this.#nextUrl = null;
    const pictures = [...this.#kept.values()];
    this.#kept.clear();
    // An image that got its address in this task loads it after the task.
    setTimeout(() => {
      for (const picture of pictures) if (picture) URL.revokeObjectURL(picture);
    });
  }

  #next(): void {
    const url = this.#nextUrl;
    if (url === null || this.#flying.size >= AT_ONCE || this.#flying.has(url) || this.#kept.has(url)) return;
    this.#flying.add(url);
    this.#load(url).finally(() => {
      this.#flying.delete(url);
      if (this.#ends.signal.aborted) return;
      this.#onChange();
      this.#next();
    });
  }

  async #load(url: string): Promise<void> {
    let picture: Blob | undefined;
    try {
      picture = await this.#fetch(url, this.#ends.signal);
    } catch {
      if (this.#nextUrl === url) this.#nextUrl = null; // the network failed: retried with the next move of the pointer
      return;
    }
    if (this.#ends.signal.aborted) return;
    this.#kept.set(url, picture ? URL.createObjectURL(picture) : null);
    for (const [old, kept] of this.#kept) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(old);
      if (kept) URL.revokeObjectURL(kept);
    }
  }
}
