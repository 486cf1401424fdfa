/**
 * How often members may write: slow mode, floods, and the density of danmaku.
 * In: who writes, and when. Out: a refusal with the time to wait. In memory; a restart forgets them.
 */
import { dropOldest } from '../../../lib/drop-oldest.ts';
import { OxbowError } from '../../../lib/errors.ts';

/** Messages of a member at a time, and how long each takes to come back, ms. */
const CHAT = { burst: 8, everyMs: 600 };
const DANMAKU = { burst: 4, everyMs: 1500 };
const REACTIONS = { burst: 20, everyMs: 250 };
/** Danmaku of the whole room. */
const ROOM_DANMAKU = { burst: 20, everyMs: 100 };
/** Members whose last messages are remembered. */
const MAX_MEMBERS = 10_000;

type Bucket = typeof CHAT;
/** A limited kind of message. */
type Limited = 'chat' | 'danmaku' | 'reaction';

const buckets: Readonly<Record<Limited, Bucket>> = { chat: CHAT, danmaku: DANMAKU, reaction: REACTIONS };

/** The limits of one room. Each is a time that moves forward with each message (generic cell rate). */
export class SendLimits {
  /** By kind and user. */
  readonly #fullAt: Readonly<Record<Limited, Map<string, number>>> = {
    chat: new Map(),
    danmaku: new Map(),
    reaction: new Map(),
  };
  #roomFullAt = Number.NEGATIVE_INFINITY;
  readonly #lastChat = new Map<string, number>();
  readonly #rate: () => number;

  /** @param rate multiple of the usual rates */
  constructor(rate: () => number = () => 1) {
    this.#rate = rate;
  }

  /**
   * Counts a message.
   *
   * @param nowMs of a clock that never steps, ms
   * @param slowSeconds between two chat messages of the member; 0: no slow mode
   * @throws OxbowError `slow-mode`, `too-many-requests` with `retryAfterMs`; the message then does not count
   */
  take(kind: Limited, user: string, nowMs: number, slowSeconds = 0): void {
    const slowMs = (this.#lastChat.get(user) ?? Number.NEGATIVE_INFINITY) + slowSeconds * 1000 - nowMs;
    if (kind === 'chat' && slowSeconds > 0 && slowMs > 0) {
      throw new OxbowError('slow-mode', `Slow mode: one message in ${slowSeconds} s.`, wait(slowMs));
    }
    const ofKind = this.#fullAt[kind];
    const fullAt = ofKind.get(user) ?? nowMs;
    this.#check(fullAt, buckets[kind], nowMs, 'You write too often.');
    if (kind === 'danmaku') {
      this.#check(this.#roomFullAt, ROOM_DANMAKU, nowMs, 'The room has too many danmaku now.');
      this.#roomFullAt = this.#next(this.#roomFullAt, ROOM_DANMAKU, nowMs);
    }
    ofKind.delete(user); // and added as the newest
    ofKind.set(user, this.#next(fullAt, buckets[kind], nowMs));
    dropOldest(ofKind, MAX_MEMBERS);
    if (kind === 'chat') {
      this.#lastChat.delete(user);
      this.#lastChat.set(user, nowMs);
      dropOldest(this.#lastChat, MAX_MEMBERS);
    }
  }

  /**
   * A chat message that was written before the room was opened; the newest last.
   * @param sentMs of the clock of `take`, ms
   */
  remember(user: string, sentMs: number): void {
    this.#lastChat.set(user, sentMs);
  }

  #check(fullAt: number, { burst, everyMs }: Bucket, nowMs: number, detail: string): void {
    const waitMs = fullAt - nowMs - (burst - 1 / this.#rate()) * everyMs;
    if (waitMs > 0) throw new OxbowError('too-many-requests', detail, wait(waitMs));
  }

  #next(fullAt: number, { everyMs }: Bucket, nowMs: number): number {
    return Math.max(nowMs, fullAt) + everyMs / this.#rate();
  }
}

function wait(ms: number): { extra: { retryAfterMs: number; retryAfterSeconds: number } } {
  return { extra: { retryAfterMs: Math.ceil(ms), retryAfterSeconds: Math.ceil(ms / 1000) } };
}
