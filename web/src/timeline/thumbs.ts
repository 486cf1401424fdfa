/**
 * Pictures for the pointer: which still stands for a point of the bar, and fetching few of them at a time.
 * In: the past, wishes of the pointer. Out: addresses of stills; pictures as object URLs.
 */
import { onServer } from '../api/server.ts';
import { type Past, stretchAt } from './past.ts';

/** Addresses of stills name moments on these grids, seconds: the same for everyone, so that all viewers share pictures. */
const grids = [5, 10, 30, 60, 300, 600, 1800, 3600, 10_800];
const FINEST_MS = 5_000;
/** A still nearer to now than this may not be there yet, milliseconds. */
const BEHIND_MS = 6_000;

/**
 * The grid for a zoom: as fine as the pointer can tell apart.
 *
 * @param pixelMs milliseconds that a CSS pixel of the bar stands for
 * @returns milliseconds
 */
export function thumbGrid(pixelMs: number): number {
  return 1000 * (grids.find((seconds) => seconds * 1000 >= 2 * pixelMs) ?? 10_800);
}

/**
 * The moment whose still stands for a point of the bar: rounded down to the grid, but not out of its stretch of media.
 *
 * @param atMs unix milliseconds
 * @param pixelMs milliseconds that a CSS pixel of the bar stands for
 * @param nowMs unix milliseconds
 * @returns unix milliseconds, a multiple of five seconds; null where there is no picture
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

/** Fetches a picture; undefined where there is none. Throws where that is not known; aborts with `signal`. */
export type FetchPicture = (url: string, signal: AbortSignal) => Promise<Blob | undefined>;

/** A picture that takes longer does not come any more, milliseconds. */
const PATIENCE_MS = 15_000;

const fetchPicture: FetchPicture = async (url, signal) => {
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) });
  if (response.ok) return response.blob();
  if (response.status === 404 || response.status === 410) return undefined;
  throw new Error(`status ${response.status}`); // busy, or not there just now
};

/** Requests in flight at once. */
const AT_ONCE = 2;
/** Pictures kept in memory, of about 10 kB. */
const KEPT = 200;

/** Pictures by address: few at a time, the last wish first, what was fetched is kept. `close` ends it. */
export class Thumbs {
  readonly #fetch: FetchPicture;
  readonly #onChange: () => void;
  readonly #ends = new AbortController();
  /** Object URLs, the one used last at the end; null where there was no picture. */
  readonly #kept = new Map<string, string | null>();
  readonly #flying = new Set<string>();
  #nextUrl: string | null = null;

  /** @param onChange called when a picture that was wished for has come */
  constructor(onChange: () => void, fetchOne: FetchPicture = fetchPicture) {
    this.#onChange = onChange;
    this.#fetch = fetchOne;
  }

  /** The picture at an address as an object URL; null while it is not here, or where there is none. Nothing is asked. */
  get(url: string): string | null {
    const kept = this.#kept.get(url);
    if (kept === undefined) return null;
    this.#kept.delete(url);
    this.#kept.set(url, kept);
    return kept;
  }

  /** Wishes for a picture, instead of any wish before that is not in flight yet; null for none. */
  request(url: string | null): void {
    this.#nextUrl = url;
    this.#next();
  }

  /** Nothing is fetched any more, and the memory is given back. */
  close(): void {
    this.#ends.abort();
    this.#nextUrl = null;
    for (const kept of this.#kept.values()) if (kept) URL.revokeObjectURL(kept);
    this.#kept.clear();
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
      if (this.#nextUrl === url) this.#nextUrl = null; // the network failed: asked again with the next move of the pointer
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
