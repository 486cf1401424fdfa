/**
 * Requests the segments of one rendition until they come whole, or can no longer be waited for.
 * In: segments of the queue. Out: their bytes with their Media Initialization Section, or why they are given up. docs/media.md 23b.
 */
import { backoffMs, sleep } from '../../../lib/abort.ts';
import { concatBytes } from '../../../lib/bytes.ts';
import { FormatError, messageOf, OxbowError } from '../../../lib/errors.ts';
import type { PullContext } from '../context.ts';
import { nameOf } from '../resource-name.ts';
import { statusFailure } from '../status-failure.ts';
import { detectContainer } from './container.ts';
import { ivOf, type SegmentKey } from './encryption.ts';
import { decryptAes128 } from './key-store.ts';
import type { JobSlot } from './ordered-queue.ts';
import type { QueuedSegment, Resource } from './queued-segment.ts';
import { type CheckSegment, checkBoxes, checkMedia, type Doubt, lengthOf } from './segment-check.ts';

const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
const MAX_INIT_BYTES = 4 * 1024 * 1024;
/** A request ends after one target duration without bytes, but not before this, ms: a connection has to be made. */
const MIN_IDLE_MS = 2000;
/** Longest time without bytes, ms; at once where nothing is urgent, else a request that timed out doubles the time of the next. */
const MAX_IDLE_MS = 10_000;
/** Longest pause between two tries, ms; half a target duration where that is shorter, but not below the second. */
const MAX_PAUSE_MS = 5000;
const LEAST_MAX_PAUSE_MS = 500;
/** A try with less time than this is not worth making, ms. */
const MIN_ATTEMPT_MS = 200;
/** An answer of which some media can be read, or a key that does not fit, is believed after it came so often without a change. */
const SAME_ANSWERS = 3;
/** After so many segments in a row that were believed in the end, the next ones are believed at once. */
const BELIEVED_IN_A_ROW = 3;
const MAX_INITS = 8;
/** Most of a file that is read to its wanted range where the server ignores Range. */
const MAX_WHOLE_BYTES = 1024 * 1024 * 1024;

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
  /** `cause`: it came and was of no use, or did not come. `detail` names the reason and the number of tries. */
  | { readonly kind: 'given-up'; readonly cause: 'source-skipped' | 'bad-media'; readonly detail: string };

/** How one request is made. */
interface Attempt {
  readonly deadlineMs: number;
  readonly idleMs: number;
  /** On a connection of its own. */
  readonly fresh: boolean;
  readonly signal: AbortSignal;
}

/** Fetches the segments of one rendition. */
export class SegmentDownload {
  readonly #context: PullContext;
  readonly #check: CheckSegment;
  readonly #inits = new Map<string, Promise<FetchedInit>>();
  /** By id, the length of the last init that seemed truncated, and how often it came in a row. */
  readonly #doubtfulInits = new Map<string, { length: number; count: number }>();
  /** Segments that seemed truncated and were believed in the end, since the last one that did not. */
  #believed = 0;

  constructor(context: PullContext, check: CheckSegment = checkMedia) {
    this.#context = context;
    this.#check = check;
  }

  /**
   * Requests a segment again and again, on new connections and with growing pauses, for as long as the playlist lists it, and at most for
   * three target durations or as long as `context.limits` says where that is longer; a part for one target duration.
   *
   * @param stands whether the segment is still listed; called after each failure
   * @param options.place left between two tries
   * @throws the signal's reason when aborted; of the source's failures nothing
   */
  async fetch(
    segment: QueuedSegment,
    stands: () => boolean,
    { signal, place }: { signal: AbortSignal; place?: JobSlot | undefined },
  ): Promise<Fetched> {
    const { clock, counters } = this.#context;
    const targetMs = segment.targetDurationS * 1000;
    const until = clock.monotonicMs() + this.#patienceMs(segment);
    const maxPauseMs = Math.max(LEAST_MAX_PAUSE_MS, Math.min(MAX_PAUSE_MS, targetMs / 2));
    const answers = new Answers();
    let idleMs = segment.ended ? MAX_IDLE_MS : Math.min(MAX_IDLE_MS, Math.max(MIN_IDLE_MS, targetMs));
    for (let tries = 1; ; tries++) {
      const leftMs = Math.max(1, until - clock.monotonicMs());
      const attempt = { deadlineMs: leftMs, idleMs: Math.min(idleMs, leftMs), fresh: tries > 1, signal };
      const failure = await this.#try(segment, attempt, answers);
      if (failure.kind === 'fetched') return failure;
      if (answers.best && this.#believed >= BELIEVED_IN_A_ROW) return answers.best;
      if (failure.timedOut) idleMs = Math.min(MAX_IDLE_MS, 2 * idleMs);
      const pauseMs = backoffMs(tries - 1, 250, maxPauseMs);
      if (failure.final || !stands() || clock.monotonicMs() + pauseMs + MIN_ATTEMPT_MS >= until) {
        if (answers.best) return answers.best;
        const detail = `${failure.detail.slice(0, 180)} (${tries === 1 ? '1 try' : `${tries} tries`})`;
        return { kind: 'given-up', cause: failure.cause, detail };
      }
      counters.retries();
      place?.pause();
      await sleep(pauseMs, { signal });
      await place?.resume({ signal });
    }
  }

  /** One request; what it brought, or why it failed. */
  async #try(segment: QueuedSegment, attempt: Attempt, answers: Answers): Promise<Failure | FetchedSegment> {
    const { signal } = attempt;
    try {
      const [init, coded, key] = await Promise.all([
        segment.map && this.#init(segment.map, attempt),
        this.#get(segment, this.#context.maxSegmentBytes ?? MAX_SEGMENT_BYTES, attempt),
        segment.key && this.#keyOf(segment.key, attempt.deadlineMs),
      ]);
      const bytes = lengthOf(coded);
      const pieces = key ? open(coded, key, segment) : coded;
      const fetched: FetchedSegment = { kind: 'fetched', pieces, init };
      const doubt = this.#doubtOf(segment, bytes, pieces);
      if (doubt && !answers.believes(doubt, bytes, fetched)) {
        return {
          kind: 'failed',
          cause: 'bad-media',
          detail: `${nameOf(segment.url)}: ${doubt.detail}`,
          final: this.#context.limits.brief === true && answers.isSame,
        };
      }
      if (doubt) this.#believed += 1;
      this.#context.counters.segments(bytes);
      return fetched;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FormatError) {
        // The key may have been changed at its address.
        if (segment.key?.url) this.#context.keys.forget(segment.key.url);
        const detail = `${nameOf(segment.url)}: ${error.message}`;
        return { kind: 'failed', cause: 'bad-media', detail, final: answers.isSettled(error.message) };
      }
      // Anything else is a bug, not a failure of the source.
      if (!(error instanceof OxbowError)) throw error;
      const timedOut = error.extra.reason === 'idle';
      return { kind: 'failed', cause: 'source-skipped', detail: messageOf(error), final: isFinal(error), timedOut };
    }
  }

  /** Why what came does not seem to be the segment; undefined where it does, and where the source is known to be like this. */
  #doubtOf({ url, byteRange, durationS, part }: QueuedSegment, bytes: number, pieces: Uint8Array[]): Doubt | undefined {
    if (byteRange && bytes < byteRange.length) {
      return { detail: `${bytes} of ${byteRange.length} bytes of ${nameOf(url)} came`, useless: bytes === 0 };
    }
    // A part may end within anything.
    const doubt = part === undefined ? this.#check(pieces, durationS) : undefined;
    if (!doubt) this.#believed = 0;
    return doubt && !doubt.useless && this.#believed >= BELIEVED_IN_A_ROW ? undefined : doubt;
  }

  #init(map: Resource, attempt: Attempt): Promise<FetchedInit> {
    const range = map.byteRange ? `${map.byteRange.offset}+${map.byteRange.length}` : '';
    const id = `${map.url.href} ${range} ${map.key?.url?.href ?? ''} ${map.key?.iv ?? ''}`;
    const known = this.#inits.get(id);
    if (known) return known;
    const fetching = this.#loadInit(id, map, attempt);
    this.#inits.set(id, fetching);
    // A failure is not remembered; whoever waits for it handles it.
    fetching.catch(() => this.#inits.delete(id));
    trim(this.#inits);
    return fetching;
  }

  async #loadInit(id: string, map: Resource, attempt: Attempt): Promise<FetchedInit> {
    const pieces = await this.#get(map, MAX_INIT_BYTES, attempt);
    const bytes = concatBytes(pieces);
    // Some packagers leave it in the clear behind an EXT-X-KEY, and no IV says so.
    if (map.key && detectContainer(bytes) !== 'fmp4') {
      const key = await this.#keyOf(map.key, attempt.deadlineMs);
      return { id, bytes: concatBytes(decryptAes128([bytes], key, ivOf(map.key, undefined))) };
    }
    const doubt = checkBoxes(pieces);
    if (doubt) {
      const before = this.#doubtfulInits.get(id);
      const count = before?.length === bytes.length ? before.count + 1 : 1;
      this.#doubtfulInits.set(id, { length: bytes.length, count });
      trim(this.#doubtfulInits);
      if (count < SAME_ANSWERS) throw new OxbowError('source-failed', `${nameOf(map.url)}: ${doubt.detail}`);
    }
    return { id, bytes };
  }

  /** How long a segment is tried, ms; a part that does not come is in the whole segment soon. */
  #patienceMs({ ended, part, targetDurationS }: QueuedSegment): number {
    const { minWaitMs, endedWaitMs } = this.#context.limits;
    if (part !== undefined) return 1000 * targetDurationS;
    return Math.max(ended ? endedWaitMs : minWaitMs, 3000 * targetDurationS);
  }

  async #keyOf({ url }: SegmentKey, deadlineMs: number): Promise<Uint8Array> {
    if (!url) throw new FormatError('EXT-X-KEY does not say where the key is', 0);
    return await this.#context.keys.get(url, deadlineMs);
  }

  async #get(
    { url, byteRange }: Resource,
    maxBytes: number,
    { deadlineMs, idleMs, fresh, signal }: Attempt,
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
      idleMs,
      fresh,
    });
    if (reply.status < 200 || reply.status > 299) throw statusFailure(reply.status, nameOf(url));
    // A server that ignores Range sends everything.
    const firstByte = byteRange && reply.status === 206 ? startOf(reply.headers['content-range']) : 0;
    const wanted = byteRange ?? { offset: 0, length: Number.POSITIVE_INFINITY };
    const pieces: Uint8Array[] = [];
    let at = firstByte ?? wanted.offset;
    if (at > wanted.offset) throw new OxbowError('source-failed', `${nameOf(url)}: another byte range came`);
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

/** A segment that came. */
type FetchedSegment = Extract<Fetched, { kind: 'fetched' }>;

/** Why a request brought no segment. */
interface Failure {
  readonly kind: 'failed';
  readonly cause: 'source-skipped' | 'bad-media';
  readonly detail: string;
  /** Another request would bring the same. */
  readonly final: boolean;
  /** It was not answered in time. */
  readonly timedOut?: boolean;
}

/** Remembers what the tries for one segment brought, to tell a source that is like this from one that failed. */
class Answers {
  #bytes: number | undefined;
  #count = 0;
  #error: string | undefined;
  /** The longest answer of which some media can be read. */
  best: FetchedSegment | undefined;

  /** Whether a doubtful answer is taken for the segment, because it came so often. */
  believes({ useless }: Doubt, bytes: number, fetched: FetchedSegment): boolean {
    this.#count = bytes === this.#bytes ? this.#count + 1 : 1;
    this.#bytes = bytes;
    if (useless) return false;
    if (!this.best || lengthOf(fetched.pieces) > lengthOf(this.best.pieces)) this.best = fetched;
    return this.isSame;
  }

  /** The last answers were all the same. */
  get isSame(): boolean {
    return this.#count >= SAME_ANSWERS;
  }

  /** Whether decrypting failed in the same way so often that another try is useless. */
  isSettled(error: string): boolean {
    this.#count = error === this.#error ? this.#count + 1 : 1;
    this.#error = error;
    return this.isSame;
  }
}

/** What no later request can change: the address may not be opened, the segment is too large, or gone for good (RFC 9110 15.5.11). */
function isFinal({ code, extra }: OxbowError): boolean {
  return code === 'address-refused' || extra.reason === 'too-large' || extra.sourceStatus === 410;
}

function trim(map: Map<string, unknown>): void {
  for (const old of map.keys()) {
    if (map.size <= MAX_INITS) return;
    map.delete(old);
  }
}
