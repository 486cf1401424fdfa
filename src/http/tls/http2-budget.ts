/**
 * What clients of HTTP/2 may leave unread: a bound for each session and for all of them, and an end for those that take nothing.
 * In: sessions and their streams. Out: refusals and ends of sessions; the sum, for the metrics. RFC 9113, 10.5.
 */
import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';

/** Bounds; tests set smaller ones. */
export interface UnsentLimits {
  /** Unsent bytes of one session; beyond it further requests to the API are refused, to be sent again later (REFUSED_STREAM). */
  readonly perSession: number;
  /** Unsent bytes of all sessions; beyond it the session ends that has taken nothing for longest. */
  readonly total: number;
  /** A session that has taken nothing of what waits for it ends after this long, ms. */
  readonly stallMs: number;
  /** As `stallMs`, for a session beyond `perSession`, ms. */
  readonly fullStallMs: number;
  /** How often sessions are looked at, ms. */
  readonly lookMs: number;
}

/** What oxbow allows. */
export const unsentLimits: UnsentLimits = {
  perSession: 768 * 1024,
  total: 256 * 1024 * 1024,
  stallMs: 50_000,
  fullStallMs: 15_000,
  lookMs: 5000,
};

/** What an answer that waits costs beside its bytes: Node's objects and fastify's, bytes; as measured. */
const STREAM_BYTES = 12 * 1024;

/** Why a session was ended. */
export type SessionCut = 'stalled' | 'memory';

/** What is counted. */
export interface UnsentCounts {
  /** @param bytes unsent, of all sessions */
  unsent(bytes: number): void;
  cut(reason: SessionCut): void;
}

interface Answer {
  /** Its bytes are held for this client alone: not live media, which is in memory anyway. */
  isOwn: boolean;
  /** Bytes that waited at the last look. */
  before: number;
}

interface Session {
  readonly answers: Map<ServerHttp2Stream, Answer>;
  /** What it owes, as of the last look or request. */
  bytes: number;
  /** When it last took something, or had nothing to take, ms. */
  movedMs: number;
}

/** The budgets of all sessions. */
export class Http2Budget implements Disposable {
  readonly #limits: UnsentLimits;
  readonly #counts: UnsentCounts;
  readonly #sessions = new Map<Http2Session, Session>();
  readonly #looking: NodeJS.Timeout;
  #bytes = 0;

  constructor(counts: UnsentCounts, limits: UnsentLimits = unsentLimits) {
    this.#limits = limits;
    this.#counts = counts;
    this.#looking = setInterval(() => this.#look(), limits.lookMs).unref();
  }

  /** Counts the streams of a session from now on, until it closes. */
  add(session: Http2Session): void {
    this.#sessions.set(session, { answers: new Map(), bytes: 0, movedMs: performance.now() });
    session.once('close', () => {
      this.#bytes -= this.#sessions.get(session)?.bytes ?? 0;
      this.#sessions.delete(session);
    });
  }

  /**
   * A request came. Call it before anything answers.
   *
   * @param isMedia live media counts only once `owns` says so
   * @returns false where the session has too much unread already: the request was refused
   */
  admit(stream: ServerHttp2Stream, isMedia: boolean): boolean {
    const { session } = stream;
    const own = session && this.#sessions.get(session);
    if (!own) return true; // it closed meanwhile
    this.#measure(own);
    if (!isMedia && own.bytes > this.#limits.perSession) {
      stream.on('error', () => {}); // that it was refused
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return false;
    }
    own.answers.set(stream, { isOwn: !isMedia, before: 0 });
    const moved = () => {
      own.movedMs = performance.now();
    };
    stream.on('drain', moved);
    stream.once('finish', moved);
    stream.once('close', () => own.answers.delete(stream));
    if (this.#bytes > this.#limits.total) this.#cutStalest();
    return true;
  }

  /** From now on what a stream of media sends was read for this client alone. */
  owns(stream: ServerHttp2Stream): void {
    const answer = stream.session && this.#sessions.get(stream.session)?.answers.get(stream);
    if (answer) answer.isOwn = true;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking);
  }

  /** What a session owes; the sum follows. */
  #measure(own: Session): void {
    let bytes = 0;
    for (const [stream, { isOwn }] of own.answers) if (isOwn) bytes += STREAM_BYTES + stream.writableLength;
    this.#bytes += bytes - own.bytes;
    own.bytes = bytes;
  }

  #look(): void {
    const nowMs = performance.now();
    for (const [session, own] of this.#sessions) {
      this.#measure(own);
      if (this.#moved(own)) own.movedMs = nowMs;
      const limitMs = own.bytes > this.#limits.perSession ? this.#limits.fullStallMs : this.#limits.stallMs;
      if (nowMs - own.movedMs >= limitMs) this.#cut(session, 'stalled');
    }
    if (this.#bytes > this.#limits.total) this.#cutStalest();
    this.#counts.unsent(this.#bytes);
  }

  /** Whether nothing waits, or the client took something since the last look. */
  #moved({ answers }: Session): boolean {
    let waits = false;
    let took = false;
    for (const [stream, answer] of answers) {
      const length = stream.writableLength;
      const isWaiting = length > 0 || (stream.writableEnded && !stream.writableFinished);
      if (isWaiting) waits = true;
      if (length < answer.before) took = true;
      answer.before = length;
    }
    return took || !waits;
  }

  #cutStalest(): void {
    const sessions = [...this.#sessions].filter(([, { bytes }]) => bytes > 0);
    sessions.sort(([, a], [, b]) => a.movedMs - b.movedMs);
    for (const [session] of sessions) {
      if (this.#bytes <= this.#limits.total) return;
      this.#cut(session, 'memory');
    }
  }

  #cut(session: Http2Session, reason: SessionCut): void {
    const own = this.#sessions.get(session);
    if (!own) return;
    this.#bytes -= own.bytes;
    this.#sessions.delete(session);
    this.#counts.cut(reason);
    // A peer that takes nothing would not take a farewell either.
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
