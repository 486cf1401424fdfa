/**
 * Limits the unsent bytes of HTTP/2 sessions, for each and in total, and ends sessions that read nothing.
 * In: sessions and their streams. Out: refused streams, ended sessions, the total for the metrics. RFC 9113
 * 10.5.
 */
import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';

/** The limits; tests set smaller ones. */
export interface UnsentLimits {
  /**
   * Unsent bytes of one session; above it, new requests to the API are refused and can be repeated
   * (REFUSED_STREAM).
   */
  readonly perSession: number;
  /** Unsent bytes of all sessions; above it, the session that has read nothing for longest ends. */
  readonly total: number;
  /** A session with unsent bytes that has read nothing for this long ends, ms. */
  readonly stallMs: number;
  /** As `stallMs`, for a session above `perSession`, ms. */
  readonly fullStallMs: number;
  /** Interval of the check, ms. */
  readonly checkMs: number;
}

/** The limits in force. */
export const unsentLimits: UnsentLimits = {
  perSession: 768 * 1024,
  total: 256 * 1024 * 1024,
  stallMs: 50_000,
  fullStallMs: 15_000,
  checkMs: 5000,
};

/** Memory of a waiting answer in addition to its bytes, for objects of node and fastify, bytes; measured. */
const STREAM_BYTES = 12 * 1024;

/** Why a session was ended. */
type SessionCut = 'stalled' | 'memory';

/** Receives the counts. */
export interface UnsentCounts {
  /** @param bytes unsent, of all sessions */
  unsent(bytes: number): void;
  cut(reason: SessionCut): void;
}

interface Answer {
  /** Its bytes are in memory for this client only; live media is in memory anyway. */
  isOwn: boolean;
  /** Unsent bytes at the last check. */
  before: number;
}

interface Session {
  readonly answers: Map<ServerHttp2Stream, Answer>;
  /** Its unsent bytes at the last check or request. */
  bytes: number;
  /** When it last read something, or had nothing to read, ms. */
  movedMs: number;
}

/** The budgets of all sessions. */
export class Http2Budget implements Disposable {
  readonly #limits: UnsentLimits;
  readonly #counts: UnsentCounts;
  readonly #sessions = new Map<Http2Session, Session>();
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor(counts: UnsentCounts, limits: UnsentLimits = unsentLimits) {
    this.#limits = limits;
    this.#counts = counts;
    this.#timer = setInterval(() => this.#check(), limits.checkMs).unref();
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
   * Counts a request, or refuses it. Call it before the request is answered.
   *
   * @param isMedia media counts only after `owns`
   * @returns false if the session has too many unsent bytes; the request was refused
   */
  admit(stream: ServerHttp2Stream, isMedia: boolean): boolean {
    const { session } = stream;
    const usage = session && this.#sessions.get(session);
    if (!usage) return true; // the session has closed
    this.#measure(usage);
    if (!isMedia && usage.bytes > this.#limits.perSession) {
      stream.on('error', () => {}); // the refusal itself
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return false;
    }
    usage.answers.set(stream, { isOwn: !isMedia, before: 0 });
    const moved = () => {
      usage.movedMs = performance.now();
    };
    stream.on('drain', moved);
    stream.once('finish', moved);
    stream.once('close', () => usage.answers.delete(stream));
    if (this.#bytes > this.#limits.total) this.#cutStalest();
    return true;
  }

  /** From now on, the bytes of a media stream are in memory for this client only. */
  owns(stream: ServerHttp2Stream): void {
    const answer = stream.session && this.#sessions.get(stream.session)?.answers.get(stream);
    if (answer) answer.isOwn = true;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Updates the unsent bytes of a session and the total. */
  #measure(usage: Session): void {
    let bytes = 0;
    for (const [stream, { isOwn }] of usage.answers) if (isOwn) bytes += STREAM_BYTES + stream.writableLength;
    this.#bytes += bytes - usage.bytes;
    usage.bytes = bytes;
  }

  #check(): void {
    const nowMs = performance.now();
    for (const [session, usage] of this.#sessions) {
      this.#measure(usage);
      if (this.#moved(usage)) usage.movedMs = nowMs;
      const limitMs = usage.bytes > this.#limits.perSession ? this.#limits.fullStallMs : this.#limits.stallMs;
      if (nowMs - usage.movedMs >= limitMs) this.#cut(session, 'stalled');
    }
    if (this.#bytes > this.#limits.total) this.#cutStalest();
    this.#counts.unsent(this.#bytes);
  }

  /** Whether nothing waits, or the client has read something since the last check. */
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
    const usage = this.#sessions.get(session);
    if (!usage) return;
    this.#bytes -= usage.bytes;
    this.#sessions.delete(session);
    this.#counts.cut(reason);
    // No GOAWAY: a peer that reads nothing would not read it.
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
