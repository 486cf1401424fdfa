/**
 * Requests for segments that a server may redirect to an object store. They have no fields of CMCD, for
 * which each file of the store would need a CORS preflight; and if the store refuses or is away, the same
 * request with `direct=off` is answered by the server.
 * In: URLs and header fields of requests as hls.js makes them. Out: the URL to request; whether hls.js
 * should retry. The only state is which segments were requested lately.
 */
import type { LoaderResponse } from 'hls.js';

/** The address of a segment as a range of a file. */
const STORED = /^[^?]*\/\d+-\d+\.mp4(?=\?|$)/;
/** A request of the same segment within this time is a retry, milliseconds. */
const RETRY_WITHIN_MS = 15_000;
/** Segments that are remembered. */
const MAX_REMEMBERED = 16;
const CMCD = /^cmcd-/i;

/** One per player. */
export class StoredRequests {
  readonly #now: () => number;
  readonly #requested = new Map<string, number>();

  /** @param now milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * The URL of a request; of a retry, that by which the server answers itself.
   *
   * @param headers of the request; those of CMCD move to the query
   */
  urlOf(url: string, headers: Record<string, string> = {}): string {
    const [segment] = STORED.exec(url) ?? [];
    if (segment === undefined) return url;
    const before = this.#requested.get(segment);
    this.#requested.delete(segment);
    this.#requested.set(segment, this.#now());
    for (const oldest of this.#requested.keys()) {
      if (this.#requested.size <= MAX_REMEMBERED) break;
      this.#requested.delete(oldest);
    }
    const cmcd: string[] = [];
    for (const [name, value] of Object.entries(headers).filter(([key]) => CMCD.test(key))) {
      delete headers[name];
      cmcd.push(value);
    }
    const isRetry = before !== undefined && this.#now() - before < RETRY_WITHIN_MS;
    const added = [
      ...(cmcd.length > 0 ? [`CMCD=${encodeURIComponent(cmcd.join())}`] : []),
      ...(isRetry ? ['direct=off'] : []),
    ];
    return added.reduce((so, parameter) => `${so}${so.includes('?') ? '&' : '?'}${parameter}`, url);
  }

  /**
   * Whether a failed request is retried, in place of what hls.js would do: it gives up after 403, 404 and
   * after a refusal of CORS, which has the status 0.
   *
   * @param count of the retries before
   * @param isRetried what hls.js would do
   */
  retries(count: number, response: LoaderResponse | undefined, isRetried: boolean): boolean {
    return isRetried || (count === 0 && response !== undefined && STORED.test(response.url));
  }
}
