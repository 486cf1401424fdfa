/**
 * Downloads the segments of one rendition, with retries until they are complete or too late.
 * In: segments of the queue. Out: their bytes with their Media Initialization Section, or why they were given
 * up. docs/media.md 23b.
 */

import { concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import { backoffMs, sleep } from '../../../lib/abort.ts';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import { OxbowError, reasonOf } from '../../../lib/errors.ts';
import { slabPool } from '../../../lib/memory/slab-pool.ts';
import type { TakeMemory } from '../../../net/net.ts';
import type { PullContext } from '../context.ts';
import { nameOf } from '../resource-name.ts';
import { statusFailure } from '../status-failure.ts';
import { contentOf, detectContainer } from './container.ts';
import { ivOf, type SegmentKey } from './encryption.ts';
import { decryptAes128 } from './key-store.ts';
import type { JobSlot } from './ordered-queue.ts';
import { idOf, type QueuedSegment, type Resource } from './queued-segment.ts';
import { type CheckSegment, checkBoxes, checkMedia, type Doubt, lengthOf } from './segment-check.ts';

const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
const MAX_INIT_BYTES = 4 * 1024 * 1024;
/**
 * A request fails after one target duration without bytes, but not before this, ms, because connecting takes
 * time.
 */
const MIN_IDLE_MS = 2000;
/**
 * Longest time without bytes, ms. Ended playlists start with it; otherwise each timeout doubles the limit of
 * the next request.
 */
const MAX_IDLE_MS = 10_000;
/** Longest pause between two attempts, ms: half a target duration within these bounds. */
const MAX_PAUSE_MS = 5000;
const MIN_MAX_PAUSE_MS = 500;
/** Shortest time left for another attempt, ms. */
const MIN_ATTEMPT_MS = 200;
/** A doubtful response, or a wrong key, is accepted after this many identical responses. */
const SAME_RESPONSES = 3;
/**
 * After this many segments in a row whose doubtful responses were accepted, the next ones are accepted at
 * once.
 */
const ACCEPTED_IN_A_ROW = 3;
const MAX_INITS = 8;
/** First byte of a packet of MPEG-TS. ISO 13818-1 2.4.3.3. */
const SYNC_BYTE = 0x47;
const asIs = { 'accept-encoding': 'identity' };
/** Largest file that is read up to the requested range if the server ignores Range, bytes. */
const MAX_WHOLE_BYTES = 1024 * 1024 * 1024;

/** A Media Initialization Section. */
export interface FetchedInit {
  /** Identifies it within the source. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** The result of a download. */
export type Fetched =
  /** `pieces`: the complete segment in order; the demuxer empties the list. */
  | { readonly kind: 'fetched'; readonly pieces: Uint8Array[]; readonly init: FetchedInit | undefined }
  /**
   * `cause`: `bad-media` if it arrived but is unusable, otherwise `source-skipped`. `detail`: the reason and
   * the number of attempts.
   */
  | { readonly kind: 'given-up'; readonly cause: 'source-skipped' | 'bad-media'; readonly detail: string };

/** Options of one request. */
interface Attempt {
  readonly deadlineMs: number;
  readonly idleMs: number;
  /** On a new connection. */
  readonly fresh: boolean;
  readonly signal: AbortSignal;
}

/** Downloads the segments of one rendition. */
export class SegmentDownload {
  readonly #context: PullContext;
  readonly #check: CheckSegment;
  readonly #inits = new Map<string, Promise<FetchedInit>>();
  /**
   * By id: length of the last initialization section that seemed truncated, and how often it was received in
   * a row.
   */
  readonly #doubtfulInits = new Map<string, { length: number; count: number }>();
  /** Segments in a row whose doubtful responses were accepted. */
  #accepted = 0;
  /**
   * The last segment was MPEG-TS that is not encrypted: the demuxer copies what it keeps, so the next one may
   * be received in memory that was used before.
   */
  #isCopied = false;

  constructor(context: PullContext, check: CheckSegment = checkMedia) {
    this.#context = context;
    this.#check = check;
  }

  /**
   * Downloads a segment; retries on new connections with growing pauses while the playlist lists it, at most
   * for three target durations or the time of `context.limits`, whichever is longer; a part for one target
   * duration.
   *
   * @param isListed whether the playlist still lists the segment; called after each failure
   * @param options.slot freed between two attempts
   * @throws the signal's reason when aborted; not for failures of the source
   */
  async fetch(
    segment: QueuedSegment,
    isListed: () => boolean,
    { signal, slot }: { signal: AbortSignal; slot?: JobSlot | undefined },
  ): Promise<Fetched> {
    const { clock, counters } = this.#context;
    const targetMs = segment.targetDurationS * 1000;
    const until = clock.monotonicMs() + this.#limitMs(segment);
    const maxPauseMs = Math.max(MIN_MAX_PAUSE_MS, Math.min(MAX_PAUSE_MS, targetMs / 2));
    const responses = new Responses();
    let idleMs = segment.ended ? MAX_IDLE_MS : Math.min(MAX_IDLE_MS, Math.max(MIN_IDLE_MS, targetMs));
    let before: Failure | undefined;
    for (let attempts = 1; ; attempts++) {
      const leftMs = Math.max(1, until - clock.monotonicMs());
      const request = { deadlineMs: leftMs, idleMs: Math.min(idleMs, leftMs), fresh: attempts > 1, signal };
      const result = await this.#try(segment, request, responses);
      if (result.kind === 'fetched') return result;
      const failure = (result.isCutShort && before) || result;
      before = failure;
      if (responses.best && this.#accepted >= ACCEPTED_IN_A_ROW) return responses.best;
      if (failure.timedOut) idleMs = Math.min(MAX_IDLE_MS, 2 * idleMs);
      const pauseMs = backoffMs(attempts - 1, 250, maxPauseMs);
      if (failure.final || !isListed() || clock.monotonicMs() + pauseMs + MIN_ATTEMPT_MS >= until) {
        if (responses.best) return responses.best;
        const detail = `${failure.detail.slice(0, 180)} (${attempts === 1 ? '1 try' : `${attempts} tries`})`;
        return { kind: 'given-up', cause: failure.cause, detail };
      }
      counters.retries();
      slot?.pause();
      await sleep(pauseMs, { signal });
      await slot?.resume({ signal });
    }
  }

  /** One attempt: the segment, or why it failed. */
  async #try(segment: QueuedSegment, request: Attempt, responses: Responses): Promise<Failure | FetchedSegment> {
    const { signal } = request;
    const blocks: Uint8Array[] = [];
    const takeSlab = (bytes: number) => {
      const block = slabPool.take(bytes);
      blocks.push(block);
      return block;
    };
    try {
      const [init, coded, key] = await Promise.all([
        segment.map && this.#init(segment.map, request),
        this.#get(segment, this.#context.maxSegmentBytes ?? MAX_SEGMENT_BYTES, request, this.#isCopied && takeSlab),
        segment.key && this.#keyOf(segment.key, request.deadlineMs),
      ]);
      const bytes = lengthOf(coded);
      const pieces = key ? decrypt(coded, key, segment) : coded;
      const fetched: FetchedSegment = { kind: 'fetched', pieces, init };
      const doubt = this.#doubtOf(segment, bytes, pieces);
      if (doubt && !responses.accepts(doubt, bytes, fetched)) {
        return {
          kind: 'failed',
          cause: 'bad-media',
          detail: `${nameOf(segment.url)}: ${doubt.detail}`,
          final: this.#context.limits.brief === true && responses.isSame,
        };
      }
      if (doubt) this.#accepted += 1;
      this.#isCopied = key === undefined && pieces[0]?.[0] === SYNC_BYTE;
      this.#context.counters.segments(bytes);
      return fetched;
    } catch (error) {
      // A socket may be about to read into them, so they are left to the collector, which has to see them.
      for (const block of blocks) slabPool.forget(block);
      signal.throwIfAborted();
      if (error instanceof FormatError) {
        // The key at the URL may have changed.
        if (segment.key?.url) this.#context.keys.forget(segment.key.url);
        const detail = `${nameOf(segment.url)}: ${error.message}`;
        return { kind: 'failed', cause: 'bad-media', detail, final: responses.isSettled(error.message) };
      }
      // Anything else is a bug, not a failure of the source.
      if (!(error instanceof OxbowError)) throw error;
      const timedOut = error.extra.reason === 'idle';
      const isCutShort = error.extra.reason === 'deadline' || (timedOut && request.idleMs === request.deadlineMs);
      const detail = reasonOf(error);
      return { kind: 'failed', cause: 'source-skipped', detail, final: isFinal(error), timedOut, isCutShort };
    }
  }

  /**
   * Why the response may not be the segment; undefined if it is fine, or if all segments of the source look
   * like this.
   */
  #doubtOf({ url, byteRange, durationS, part }: QueuedSegment, bytes: number, pieces: Uint8Array[]): Doubt | undefined {
    if (byteRange && bytes < byteRange.length) {
      return { detail: `${bytes} of ${byteRange.length} bytes of ${nameOf(url)} received`, useless: bytes === 0 };
    }
    // A part may end anywhere within a box or packet.
    const doubt = part === undefined ? this.#check(pieces, durationS) : undefined;
    if (!doubt) this.#accepted = 0;
    return doubt && !doubt.useless && this.#accepted >= ACCEPTED_IN_A_ROW ? undefined : doubt;
  }

  #init(map: Resource, request: Attempt): Promise<FetchedInit> {
    const id = `${idOf(map)} ${map.key?.url?.href ?? ''} ${map.key?.iv ?? ''}`;
    const cached = this.#inits.get(id);
    if (cached) return cached;
    const fetching = this.#loadInit(id, map, request);
    this.#inits.set(id, fetching);
    // A failure is not cached; the callers that await it handle it.
    fetching.catch(() => this.#inits.delete(id));
    dropOldest(this.#inits, MAX_INITS);
    return fetching;
  }

  async #loadInit(id: string, map: Resource, request: Attempt): Promise<FetchedInit> {
    const pieces = await this.#get(map, MAX_INIT_BYTES, request);
    const bytes = concatBytes(pieces);
    // Some packagers do not encrypt it although EXT-X-KEY applies; no attribute shows this.
    if (map.key && detectContainer(bytes) !== 'fmp4') {
      const key = await this.#keyOf(map.key, request.deadlineMs);
      return { id, bytes: concatBytes(decryptAes128([bytes], key, ivOf(map.key, undefined))) };
    }
    const doubt = checkBoxes(pieces);
    if (doubt) {
      const before = this.#doubtfulInits.get(id);
      const count = before?.length === bytes.length ? before.count + 1 : 1;
      this.#doubtfulInits.set(id, { length: bytes.length, count });
      dropOldest(this.#doubtfulInits, MAX_INITS);
      if (count < SAME_RESPONSES) throw new OxbowError('source-failed', `${nameOf(map.url)}: ${doubt.detail}.`);
    }
    return { id, bytes };
  }

  /** Longest time for a segment, ms; shorter for a part, whose media is in the complete segment soon. */
  #limitMs({ ended, part, targetDurationS }: QueuedSegment): number {
    const { minWaitMs, endedWaitMs } = this.#context.limits;
    if (part !== undefined) return 1000 * targetDurationS;
    return Math.max(ended ? endedWaitMs : minWaitMs, 3000 * targetDurationS);
  }

  async #keyOf({ url }: SegmentKey, deadlineMs: number): Promise<Uint8Array> {
    if (!url) throw new FormatError('EXT-X-KEY has no valid URI', 0);
    return await this.#context.keys.get(url, deadlineMs);
  }

  async #get(
    { url, byteRange }: Resource,
    maxBytes: number,
    { deadlineMs, idleMs, fresh, signal }: Attempt,
    takeMemory: TakeMemory | false = false,
  ): Promise<Uint8Array[]> {
    const end = byteRange && byteRange.offset + byteRange.length;
    if (byteRange && byteRange.length > maxBytes) throw new FormatError('a byte range is too long', 0);
    using reply = await this.#context.access.fetch(url, {
      signal,
      headers: byteRange ? { 'accept-encoding': 'identity', range: `bytes=${byteRange.offset}-${end! - 1}` } : asIs,
      maxBytes: byteRange ? MAX_WHOLE_BYTES : maxBytes,
      deadlineMs,
      idleMs,
      fresh,
      takeMemory: takeMemory || undefined,
    });
    if (reply.status < 200 || reply.status > 299) throw statusFailure(reply.status, nameOf(url));
    if (!byteRange) return await reply.pieces();
    // A server that ignores Range sends the complete file.
    const firstByte = reply.status === 206 ? startOf(reply.headers['content-range']) : 0;
    const pieces: Uint8Array[] = [];
    let at = firstByte ?? byteRange.offset;
    if (at > byteRange.offset)
      throw new OxbowError('source-failed', `${nameOf(url)}: the server sent another byte range.`);
    for await (const piece of reply.stream()) {
      const part = piece.subarray(Math.max(0, byteRange.offset - at), Math.max(0, end! - at));
      if (part.length > 0) pieces.push(part);
      at += piece.length;
      if (at >= end!) break;
    }
    return pieces;
  }
}

/** @throws FormatError for a wrong key: one wrong padding in 256 looks right, so the result must be media */
function decrypt(coded: Uint8Array[], key: Uint8Array, { key: segmentKey, msn }: QueuedSegment): Uint8Array[] {
  const pieces = decryptAes128(coded, key, ivOf(segmentKey!, msn));
  if (!contentOf(pieces).container) {
    throw new FormatError('it cannot be decrypted with its key: the result is not media', 0);
  }
  return pieces;
}

/**
 * Offset of a 206 response; undefined without Content-Range, when the requested offset is assumed (RFC 9110
 * 14.4).
 */
function startOf(contentRange: string | undefined): number | undefined {
  const match = /^bytes (\d{1,15})-/.exec(contentRange ?? '');
  return match ? Number(match[1]) : undefined;
}

/** A segment that arrived. */
type FetchedSegment = Extract<Fetched, { kind: 'fetched' }>;

/** Why an attempt failed. */
interface Failure {
  readonly kind: 'failed';
  readonly cause: 'source-skipped' | 'bad-media';
  readonly detail: string;
  /** A retry would return the same. */
  readonly final: boolean;
  /** The server did not send bytes in time. */
  readonly timedOut?: boolean;
  /** The time for all attempts ended during this one, which says little about the source. */
  readonly isCutShort?: boolean;
}

/**
 * The responses to the requests for one segment; distinguishes a source with odd segments from one that
 * failed.
 */
class Responses {
  #bytes: number | undefined;
  #count = 0;
  #error: string | undefined;
  /** The longest response with usable media. */
  best: FetchedSegment | undefined;

  /**
   * Records a doubtful response. Returns whether it is accepted because it has been received often enough.
   */
  accepts({ useless }: Doubt, bytes: number, fetched: FetchedSegment): boolean {
    this.#count = bytes === this.#bytes ? this.#count + 1 : 1;
    this.#bytes = bytes;
    if (useless) return false;
    if (!this.best || lengthOf(fetched.pieces) > lengthOf(this.best.pieces)) this.best = fetched;
    return this.isSame;
  }

  /** The last responses were all the same. */
  get isSame(): boolean {
    return this.#count >= SAME_RESPONSES;
  }

  /** Whether decryption failed in the same way so often that a retry is useless. */
  isSettled(error: string): boolean {
    this.#count = error === this.#error ? this.#count + 1 : 1;
    this.#error = error;
    return this.isSame;
  }
}

/**
 * Failures that a retry cannot change: the URL is refused, the segment is too large or permanently gone
 * (RFC 9110 15.5.11).
 */
function isFinal({ code, extra }: OxbowError): boolean {
  return code === 'address-refused' || extra.reason === 'too-large' || extra.sourceStatus === 410;
}
