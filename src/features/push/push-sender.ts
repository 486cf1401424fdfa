/**
 * Sends messages to the push services of browsers: in the order of each person, a few people at a time. What
 * waits is in memory, so a crash loses it.
 * In: messages. Out: guarded requests; browsers that ended their subscription are removed. RFC 8030 5.
 */
import type { PushMessage } from '../../api/push/push-shapes.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { encryptedRequest, type Handling, type ServerKeys } from './encrypted-request.ts';
import type { StoredSubscription, SubscriptionTable } from './subscription-table.ts';

/** Messages that wait, of all people and of one. */
export const MAX_WAITING = 5_000;
export const MAX_OF_ONE = 100;
/** People whose messages are sent at the same time. */
const MAX_AT_ONCE = 16;
/** Of these, with browsers whose push service has failed before. */
const MAX_FAILING = 4;
/** Pauses after failed attempts, ms; then the message is lost. */
const PAUSES_MS: readonly number[] = [5_000, 60_000];
const LONGEST_PAUSE_MS = 600_000;
const DEADLINE_MS = 10_000;
/** Longest body of an answer, bytes; it is not read. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** A message for one browser. */
export interface Outgoing {
  readonly to: StoredSubscription;
  readonly message: PushMessage;
  readonly handling: Handling;
  /** Whether the person may still get it, read before each attempt. Default: yes. */
  readonly mayGet?: () => boolean;
}

/** Dependencies of the sender. */
export interface PushSenderOptions {
  readonly net: Pick<Net, 'fetch'>;
  readonly table: Pick<SubscriptionTable, 'find' | 'sent' | 'failed' | 'remove'>;
  readonly keys: () => Promise<ServerKeys>;
  /** `mailto:` or `https:`, of the operator. @param origin of the page that subscribed; may be empty */
  readonly contact: (origin: string) => string;
  readonly metrics: Pick<Metrics, 'pushMessages' | 'pushWaiting'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly signal: AbortSignal;
  /** Called when a message was lost. */
  readonly failed: (error: unknown) => void;
  /** For tests: instead of 5 s and a minute. */
  readonly pausesMs?: readonly number[];
}

type Result = 'sent' | 'gone' | 'failed' | 'dropped';

/** A message with the attempts that failed. */
interface Attempted extends Outgoing {
  readonly tries: number;
}

export class PushSender {
  readonly #options: PushSenderOptions;
  /** By person, in order. */
  readonly #waiting = new Map<string, Attempted[]>();
  /** Messages of each person that have not ended, those of a pause included. */
  readonly #counts = new Map<string, number>();
  readonly #active = new Map<string, Promise<void>>();
  /** Messages before another attempt: they keep no one else from sending. */
  readonly #pausing = new Set<Promise<void>>();
  #count = 0;
  /** People of `#active` whose message is for a browser that has failed. */
  #failing = 0;

  constructor(options: PushSenderOptions) {
    this.#options = options;
  }

  /** Messages that have not ended. */
  get waiting(): number {
    return this.#count;
  }

  /** Adds a message; drops it if too many wait. Never waits, never throws. */
  add(outgoing: Outgoing): void {
    if (this.#options.signal.aborted) return;
    const { to, message } = outgoing;
    const ofPerson = this.#counts.get(to.userId) ?? 0;
    if (this.#count >= MAX_WAITING || ofPerson >= MAX_OF_ONE) {
      this.#options.metrics.pushMessages.inc({ kind: message.kind, result: 'dropped' });
      return;
    }
    this.#changed(to.userId, 1);
    this.#queue({ ...outgoing, tries: 0 });
  }

  /** Resolves when the attempts in progress have ended. Call it after the signal has fired. */
  async close(): Promise<void> {
    await Promise.all([...this.#active.values(), ...this.#pausing]);
  }

  #queue(next: Attempted): void {
    const { userId } = next.to;
    const queue = this.#waiting.get(userId);
    if (queue) queue.push(next);
    else this.#waiting.set(userId, [next]);
    this.#work();
  }

  #work(): void {
    for (const [userId, [next]] of this.#waiting) {
      if (this.#active.size >= MAX_AT_ONCE || this.#options.signal.aborted) return;
      const isFailing = next!.to.failingMs !== undefined;
      if (this.#active.has(userId) || (isFailing && this.#failing >= MAX_FAILING)) continue;
      this.#active.set(userId, this.#sendNext(userId, isFailing));
    }
  }

  /** Sends the next message of a person, who is the last in turn after that. */
  async #sendNext(userId: string, isFailing: boolean): Promise<void> {
    const queue = this.#waiting.get(userId)!;
    this.#failing += isFailing ? 1 : 0;
    await this.#deliver(queue[0]!);
    this.#failing -= isFailing ? 1 : 0;
    queue.shift();
    this.#waiting.delete(userId);
    if (queue.length > 0) this.#waiting.set(userId, queue);
    this.#active.delete(userId);
    this.#work();
  }

  async #deliver(outgoing: Attempted): Promise<void> {
    const { signal, failed, table, pausesMs = PAUSES_MS } = this.#options;
    const { to, tries } = outgoing;
    try {
      const { result, retryAfterMs } = await this.#attempt(outgoing);
      // A browser that failed before has one attempt.
      const pauseMs = to.failingMs === undefined ? pausesMs[tries] : undefined;
      if (result === 'again' && pauseMs !== undefined) {
        return this.#later(outgoing, Math.min(LONGEST_PAUSE_MS, Math.max(pauseMs, retryAfterMs)));
      }
      if (result === 'sent') await table.sent(to);
      else if (result === 'gone') await table.remove(to.id);
      else if (result !== 'dropped') await table.failed(to);
      this.#ended(outgoing, result === 'again' ? 'failed' : result);
    } catch (error) {
      if (signal.aborted) return;
      this.#ended(outgoing, 'failed');
      failed(error);
    }
  }

  #later(outgoing: Attempted, pauseMs: number): void {
    const { signal } = this.#options;
    const pause = sleep(pauseMs, { signal }).then(
      () => this.#queue({ ...outgoing, tries: outgoing.tries + 1 }),
      () => undefined, // the program ends
    );
    this.#pausing.add(pause);
    void pause.finally(() => this.#pausing.delete(pause));
  }

  /** One request. `again`: another attempt may succeed. */
  async #attempt({ to, message, handling, mayGet }: Outgoing): Promise<Answer> {
    const { net, table, keys, contact, signal, clock } = this.#options;
    const { target, origin } = to;
    if (!target) return { result: 'gone', retryAfterMs: 0 };
    // A message that waited longer than its push service would keep it is of no use.
    const isOld = clock.nowMs() - message.atMs > handling.ttlS * 1000;
    // While it waited the person may have lost the right or ended it, and another one may have the browser.
    const isEnded = mayGet?.() === false || !(await table.find(to.id, to.userId));
    if (isOld || isEnded) return { result: 'dropped', retryAfterMs: 0 };
    const from = { keys: await keys(), contact: contact(origin) };
    const { headers, body } = await encryptedRequest(JSON.stringify(message), target, handling, from);
    try {
      const bounds = { maxBytes: MAX_ANSWER_BYTES, deadlineMs: DEADLINE_MS, idleMs: DEADLINE_MS };
      using answer = await net.fetch(target.endpoint, { signal, headers, post: body, ...bounds });
      const after = answer.headers['retry-after'];
      const retryAfterMs = after !== undefined && /^\d{1,6}$/.test(after) ? Number(after) * 1000 : 0;
      return { result: resultOf(answer.status), retryAfterMs };
    } catch (error) {
      signal.throwIfAborted();
      const isRefused = error instanceof OxbowError && error.code === 'address-refused';
      return { result: isRefused ? 'failed' : 'again', retryAfterMs: 0 };
    }
  }

  #ended({ to, message }: Outgoing, result: Result): void {
    this.#options.metrics.pushMessages.inc({ kind: message.kind, result });
    this.#changed(to.userId, -1);
  }

  #changed(userId: string, by: number): void {
    this.#count += by;
    const ofPerson = (this.#counts.get(userId) ?? 0) + by;
    if (ofPerson > 0) this.#counts.set(userId, ofPerson);
    else this.#counts.delete(userId);
    this.#options.metrics.pushWaiting.set({}, this.#count);
  }
}

interface Answer {
  readonly result: Result | 'again';
  /** Retry-After, ms; 0: none. */
  readonly retryAfterMs: number;
}

/** What a status means. RFC 8030 5 and 7.3. */
function resultOf(status: number): Answer['result'] {
  if (status >= 200 && status <= 299) return 'sent';
  if (status === 404 || status === 410) return 'gone';
  return status === 429 || status >= 500 ? 'again' : 'failed';
}
