/**
 * Compares segments of other viewers with the server's checksums.
 * In: addresses and bytes of segments. Out: whether they are what the server would have sent.
 */
import type { PeerDigestsView } from '../../../src/api/peers/peer-shapes.ts';
import { onServer } from '../api/server.ts';

/** Checksums that are remembered. */
const MOST_KEPT = 64;
/** Timeout of a request, ms. */
const WITHIN_MS = 2000;

/** `unknown`: the server did not say. */
export type Verdict = 'right' | 'wrong' | 'unknown';

/** Names a segment: `…/live/STREAM/RENDITION/MSN.m4s`. */
const SEGMENT = /\/live\/([^/]+)\/([^/]+)\/(\d+)\.m4s(?:\?|$)/;

/** The parts of a segment's address; null: it is another address. */
export function segmentOf(url: string): { stream: string; rendition: string; msn: number } | null {
  const [, stream, rendition, msn] = SEGMENT.exec(url) ?? [];
  return stream === undefined || rendition === undefined ? null : { stream, rendition, msn: Number(msn) };
}

/** The checksums of one page. */
export class Checksums {
  readonly #fetch: typeof fetch;
  /** By address, without a query. */
  readonly #known = new Map<string, Promise<string | null>>();

  /** @param fetch for tests */
  constructor(fetch: typeof globalThis.fetch = globalThis.fetch.bind(globalThis)) {
    this.#fetch = fetch;
  }

  /** Compares bytes with what the server has at an address. */
  async compare(url: string, bytes: ArrayBuffer): Promise<Verdict> {
    const [expected, digest] = await Promise.all([this.#digestAt(url), crypto.subtle.digest('SHA-256', bytes)]);
    if (expected === null) return 'unknown';
    return expected === `${bytes.byteLength} ${btoa(String.fromCharCode(...new Uint8Array(digest)))}`
      ? 'right'
      : 'wrong';
  }

  #digestAt(url: string): Promise<string | null> {
    const known = this.#known.get(url);
    if (known) return known;
    const digest = this.#request(url).catch(() => null);
    this.#known.set(url, digest);
    void digest.then((text) => text ?? this.#known.delete(url)); // the next peer's segment is asked about again
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_KEPT) break;
      this.#known.delete(oldest);
    }
    return digest;
  }

  async #request(url: string): Promise<string | null> {
    const segment = segmentOf(url);
    if (!segment) return null;
    const { stream, rendition, msn } = segment;
    const query = new URLSearchParams({ rendition, from: String(msn) });
    const address = onServer(`/api/v1/streams/${stream}/peers/digests?${query}`);
    const answer = await this.#fetch(address, { signal: AbortSignal.timeout(WITHIN_MS) });
    if (!answer.ok) return null;
    const { items } = (await answer.json()) as PeerDigestsView;
    const item = items.find((each) => each.msn === msn);
    return item ? `${item.length} ${item.sha256}` : null;
  }
}
