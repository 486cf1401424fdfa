/**
 * Fetches segments, and again while there is hope.
 * In: segments of the queue. Out: their bytes with their Media Initialization Section, or why they are given up.
 */
import { backoffMs, sleep } from '../../lib/abort.ts';
import { concatBytes } from '../../lib/bytes.ts';
import { FormatError, messageOf, OxbowError } from '../../lib/errors.ts';
import { isRetryable } from '../../net/net.ts';
import { detectContainer } from './container.ts';
import type { PullContext } from './context.ts';
import { ivOf, type SegmentKey } from './encryption.ts';
import { decryptAes128 } from './key-store.ts';
import { statusFailure } from './playlist-fetch.ts';
import { nameOf, type QueuedSegment, type Resource } from './segment-queue.ts';

const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
const MAX_INIT_BYTES = 4 * 1024 * 1024;
const IDLE_MS = 10_000;
/** For a list that has ended nothing is urgent. */
const ENDED_BUDGET_MS = 60_000;
/** A try with less time than this is not worth making. */
const MIN_ATTEMPT_MS = 200;
const MAX_INITS = 8;
/** Most of a file that is read to its wanted range where the server ignores Range. */
const MAX_WHOLE_BYTES = 1024 * 1024 * 1024;
const RETRY = { extra: { reason: 'range', retryable: true } };

/** A Media Initialization Section. */
export interface FetchedInit {
  /** Names it within the source. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** What came of a segment. */
export type Fetched =
  /** `pieces`: the whole segment as it came, in order; whoever takes it apart empties the list. */
  | { readonly kind: 'fetched'; readonly pieces: Uint8Array[]; readonly init: FetchedInit | undefined }
  /** `cause`: it came and was of no use, or did not come. */
  | { readonly kind: 'given-up'; readonly cause: 'source-skipped' | 'bad-media'; readonly detail: string };

/** Fetches the segments of one rendition. */
export class SegmentDownload {
  readonly #context: PullContext;
  readonly #inits = new Map<string, Promise<FetchedInit>>();

  constructor(context: PullContext) {
    this.#context = context;
  }

  /**
   * Tries for at most three target durations, of a part for one, and only while the segment stands in the list.
   *
   * @param stands asked after each failure
   * @throws the signal's reason when aborted; of the source's failures nothing
   */
  async fetch(segment: QueuedSegment, stands: () => boolean, { signal }: { signal: AbortSignal }): Promise<Fetched> {
    const { clock, counters } = this.#context;
    const targetMs = segment.targetDurationS * 1000;
    const until = clock.monotonicMs() + budgetMs(segment);
    let keyRenewed = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const deadlineMs = Math.max(1, until - clock.monotonicMs());
        const [init, coded, key] = await Promise.all([
          segment.map && this.#init(segment.map, deadlineMs, signal),
          this.#get(segment, this.#context.maxSegmentBytes ?? MAX_SEGMENT_BYTES, deadlineMs, signal),
          segment.key && this.#keyOf(segment.key, deadlineMs),
        ]);
        counters.segments(coded.reduce((sum, { length }) => sum + length, 0));
        const pieces = key ? open(coded, key, segment) : coded;
        return { kind: 'fetched', pieces, init };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof FormatError) {
          // The key may have been changed behind its address.
          if (segment.key?.url && !keyRenewed) {
            keyRenewed = true;
            this.#context.keys.forget(segment.key.url);
            continue;
          }
          return {
            kind: 'given-up',
            cause: 'bad-media',
            detail: `${nameOf(segment.url)}: ${error.message}`.slice(0, 200),
          };
        }
        // What is no failure of the source is our mistake.
        if (!(error instanceof OxbowError)) throw error;
        const pauseMs = backoffMs(attempt, 250, Math.max(500, targetMs / 2));
        if (!isRetryable(error) || !stands() || clock.monotonicMs() + pauseMs + MIN_ATTEMPT_MS >= until) {
          return { kind: 'given-up', cause: 'source-skipped', detail: messageOf(error).slice(0, 200) };
        }
        counters.retries();
        await sleep(pauseMs, { signal });
      }
    }
  }

  #init(map: Resource, deadlineMs: number, signal: AbortSignal): Promise<FetchedInit> {
    const range = map.byteRange ? `${map.byteRange.offset}+${map.byteRange.length}` : '';
    const id = `${map.url.href} ${range} ${map.key?.url?.href ?? ''} ${map.key?.iv ?? ''}`;
    const known = this.#inits.get(id);
    if (known) return known;
    const fetching = this.#loadInit(id, map, deadlineMs, signal);
    this.#inits.set(id, fetching);
    // A failure is not remembered; whoever waits for it handles it.
    fetching.catch(() => this.#inits.delete(id));
    for (const old of this.#inits.keys()) {
      if (this.#inits.size <= MAX_INITS) break;
      this.#inits.delete(old);
    }
    return fetching;
  }

  async #loadInit(id: string, map: Resource, deadlineMs: number, signal: AbortSignal): Promise<FetchedInit> {
    const bytes = concatBytes(await this.#get(map, MAX_INIT_BYTES, deadlineMs, signal));
    // Some packagers leave it in the clear behind an EXT-X-KEY, and no IV says so.
    if (!map.key || detectContainer(bytes) === 'fmp4') return { id, bytes };
    const key = await this.#keyOf(map.key, deadlineMs);
    return { id, bytes: concatBytes(decryptAes128([bytes], key, ivOf(map.key, undefined))) };
  }

  async #keyOf({ url }: SegmentKey, deadlineMs: number): Promise<Uint8Array> {
    if (!url) throw new FormatError('EXT-X-KEY does not say where the key is', 0);
    return await this.#context.keys.get(url, deadlineMs);
  }

  async #get(
    { url, byteRange }: Resource,
    maxBytes: number,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Uint8Array[]> {
    const end = byteRange && byteRange.offset + byteRange.length;
    if (byteRange && byteRange.length > maxBytes) throw new FormatError('a byte range is too long', 0);
    using reply = await this.#context.access.fetch(url, {
      signal,
      headers: {
        'accept-encoding': 'identity',
        ...(byteRange && { range: `bytes=${byteRange.offset}-${end! - 1}` }),
      },
      maxBytes: byteRange ? MAX_WHOLE_BYTES : maxBytes,
      deadlineMs,
      idleMs: Math.min(IDLE_MS, deadlineMs),
    });
    if (reply.status < 200 || reply.status > 299) throw statusFailure(reply.status, nameOf(url));
    // A server that ignores Range sends everything.
    const firstByte = byteRange && reply.status === 206 ? startOf(reply.headers['content-range']) : 0;
    const wanted = byteRange ?? { offset: 0, length: Number.POSITIVE_INFINITY };
    const pieces: Uint8Array[] = [];
    let at = firstByte ?? wanted.offset;
    if (at > wanted.offset) throw new OxbowError('source-failed', `${nameOf(url)}: another byte range came`, RETRY);
    for await (const piece of reply.stream()) {
      const part = piece.subarray(Math.max(0, wanted.offset - at), Math.max(0, wanted.offset + wanted.length - at));
      if (part.length > 0) pieces.push(part);
      at += piece.length;
      if (at >= wanted.offset + wanted.length) break;
    }
    return pieces;
  }
}

/** @throws FormatError when another key is needed: one wrong padding in 256 looks right, but what comes out is no media */
function open(coded: Uint8Array[], key: Uint8Array, { key: how, msn }: QueuedSegment): Uint8Array[] {
  const pieces = decryptAes128(coded, key, ivOf(how!, msn));
  if (!detectContainer(concatBytes(pieces.slice(0, 2)))) {
    throw new FormatError('it cannot be decrypted with its key: what comes out is no media', 0);
  }
  return pieces;
}

/** Where the bytes of a 206 begin, or undefined where it does not say: then they are believed (RFC 9110, 14.4). */
function startOf(contentRange: string | undefined): number | undefined {
  const match = /^bytes (\d{1,15})-/.exec(contentRange ?? '');
  return match ? Number(match[1]) : undefined;
}

/** How long a segment is tried; a part that does not come is in the whole segment soon. */
function budgetMs({ ended, part, targetDurationS }: QueuedSegment): number {
  if (part !== undefined) return 1000 * targetDurationS;
  return Math.max(ended ? ENDED_BUDGET_MS : 0, 3000 * targetDurationS);
}
