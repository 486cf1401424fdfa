/**
 * Messages that wait for the mail server: stored, sent in the background, again after a temporary failure
 * until they expire. A restart loses none. A message may arrive twice if oxbow is killed between the server's
 * answer and the removal of its row. Of the nodes of a cluster each sends what it has added; what is due for
 * too long, any node takes.
 * In: messages. Out: the transport; rows; counters.
 */
import { sleep, waitFor, withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { createSecret } from '../random-secret.ts';
import type { SecretBox } from '../secret-box.ts';
import { MailError } from './mail-error.ts';
import { type MailRows, openMail, type SharedMails, type StoredMail, sealMail, type WaitingMail } from './mail-rows.ts';
import type { MailContent } from './messages.ts';
import type { MailTransport } from './transport.ts';

/** The result of a message. */
export type MailResult = 'sent' | 'retried' | 'failed' | 'expired' | 'dropped';

/** Dependencies of the queue. */
interface MailQueueOptions {
  readonly rows: MailRows;
  /** Seals recipients and texts. */
  readonly box: SecretBox;
  readonly transport: Pick<MailTransport, 'send'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Ends the waits. */
  readonly signal: AbortSignal;
  /**
   * Called for each attempt, and for each message that ends without one; `error` is the reason of a failure.
   */
  readonly onResult: (result: MailResult, error: MailError | undefined) => void;
  /** Called with a failure of the database. */
  readonly failed: (error: unknown) => void;
  /** For tests: interval of the search for messages of other nodes, ms. */
  readonly lookEveryMs?: number;
  /** For tests: waits between the attempts, ms; the last one repeats. */
  readonly retryMs?: readonly number[];
}

/** A message for the queue. */
export interface NewMail {
  readonly to: string;
  readonly content: MailContent;
  /** The user that it is about; undefined: an invitation. */
  readonly userId: string | undefined;
  /** It is of no use after this long, ms. */
  readonly lifetimeMs: number;
}

/** Most messages that wait or are being sent. */
const MAX_MESSAGES = 1000;
/** Messages that are sent at the same time. */
const PARALLEL = 2;
const RETRY_MS = [5000, 30_000, 120_000, 600_000, 1_800_000];
/**
 * In a cluster: a message whose node has not finished an attempt in this time is taken by another one, ms.
 */
const TAKEN_MS = 120_000;
const LOOK_EVERY_MS = 5000;
/** Messages that a node takes at a time. */
const TAKEN = 20;
/**
 * Closing waits this long for attempts in progress, ms; a later answer is lost, and the message is sent
 * again.
 */
const CLOSE_MS = 2000;

/** The queue of one mail server. */
export class MailQueue {
  readonly #options: MailQueueOptions;
  readonly #byId = new Map<string, WaitingMail>();
  /** Ids of messages whose time has come. */
  readonly #due: string[] = [];
  readonly #sending = new Set<Promise<void>>();

  private constructor(options: MailQueueOptions) {
    this.#options = options;
  }

  /** Reads the stored messages, and continues to send them. */
  static async open(options: MailQueueOptions): Promise<MailQueue> {
    const queue = new MailQueue(options);
    if (options.rows.shared) void queue.#takeDue(options.rows.shared);
    else for (const row of await options.rows.all()) await queue.#take(row);
    return queue;
  }

  /** Messages that are not delivered yet. */
  get size(): number {
    return this.#byId.size;
  }

  /** Adds a message; resolves when it is stored. False: too many wait, and it is dropped. */
  async add({ to, content, userId, lifetimeMs }: NewMail): Promise<boolean> {
    const { rows, box, clock, onResult } = this.#options;
    if (this.#byId.size >= MAX_MESSAGES) {
      onResult('dropped', undefined);
      return false;
    }
    const nowMs = clock.nowMs();
    const message = {
      id: createSecret(9),
      userId,
      to,
      content,
      tries: 0,
      nextMs: rows.shared ? nowMs + TAKEN_MS : nowMs,
      expiresMs: nowMs + lifetimeMs,
    };
    this.#byId.set(message.id, message); // it counts while it is being stored
    try {
      await rows.put(sealMail(message, box));
    } catch (error) {
      this.#byId.delete(message.id);
      throw error;
    }
    this.#due.push(message.id);
    this.#next();
    return true;
  }

  /** Removes the messages about a user. One that is being sent may still arrive. */
  async forget(userId: string): Promise<void> {
    for (const { id } of [...this.#byId.values()].filter((each) => each.userId === userId)) await this.#remove(id);
    await this.#options.rows.shared?.removeOf(userId);
  }

  /** Waits a moment for attempts in progress. The signal ends everything else. */
  async close(): Promise<void> {
    using deadline = withDeadline(CLOSE_MS, 'the last e-mail', { signal: new AbortController().signal });
    await waitFor(Promise.all(this.#sending), deadline).catch(() => {}); // it stays for the next start
  }

  async #take(row: StoredMail, isDue = false): Promise<void> {
    const { box, rows, onResult } = this.#options;
    const message = openMail(row, box);
    if (!message) {
      onResult('failed', new MailError('the secret that sealed the message has changed', false, undefined));
      return rows.remove(row.id);
    }
    this.#byId.set(message.id, message);
    if (isDue) this.#due.push(message.id);
    else this.#wait(message);
  }

  /**
   * Takes messages whose time has come: of this node before its last start, and of nodes that do not send
   * them. Never rejects.
   */
  async #takeDue(shared: SharedMails): Promise<void> {
    const { signal, clock, failed, lookEveryMs = LOOK_EVERY_MS } = this.#options;
    while (!signal.aborted) {
      try {
        const nowMs = clock.nowMs();
        for (const row of await shared.take(TAKEN, { nowMs, untilMs: nowMs + TAKEN_MS })) await this.#take(row, true);
        this.#next();
      } catch (error) {
        failed(error);
      }
      await sleep(lookEveryMs, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  }

  #next(): void {
    while (this.#sending.size < PARALLEL && !this.#options.signal.aborted) {
      const id = this.#due.shift();
      if (id === undefined) return;
      const message = this.#byId.get(id);
      if (!message) continue; // it was removed meanwhile
      const sending = this.#send(message)
        .catch(this.#options.failed)
        .finally(() => {
          this.#sending.delete(sending);
          this.#next();
        });
      this.#sending.add(sending);
    }
  }

  async #send(waiting: WaitingMail): Promise<void> {
    const message = await this.#own(waiting);
    if (!message) return void this.#byId.delete(waiting.id);
    const { transport, signal, clock, onResult, rows, box, retryMs = RETRY_MS } = this.#options;
    const { id, tries, expiresMs } = message;
    if (clock.nowMs() >= expiresMs) return this.#end(id, 'expired', undefined);
    const error = await transport.send(message.to, message.content).then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof MailError ? thrown : new MailError(String(thrown), false, thrown)),
    );
    if (!error) return this.#end(id, 'sent', undefined);
    if (signal.aborted) return; // it stays for the next start
    if (!error.isTemporary) return this.#end(id, 'failed', error);
    const nextMs = clock.nowMs() + retryMs[Math.min(tries, retryMs.length - 1)]!;
    if (nextMs >= expiresMs) return this.#end(id, 'expired', error);
    onResult('retried', error);
    if (!this.#byId.has(id)) return;
    const later = { ...message, tries: tries + 1, nextMs };
    if (rows.shared) {
      // Whichever node comes first sends it then.
      this.#byId.delete(id);
      await rows.shared.move({ ...later, nextMs: message.nextMs }, nextMs);
      return;
    }
    this.#byId.set(id, later);
    this.#wait(later);
    await rows.put(sealMail(later, box));
    if (!this.#byId.has(id)) await rows.remove(id);
  }

  /** The message, which no other node takes now; undefined if one has it. */
  async #own(message: WaitingMail): Promise<WaitingMail | undefined> {
    const { rows, clock } = this.#options;
    if (!rows.shared) return message;
    const nextMs = Math.ceil(clock.nowMs()) + TAKEN_MS;
    return (await rows.shared.move(message, nextMs)) ? { ...message, nextMs } : undefined;
  }

  /**
   * Waits for the next attempt; holds up no other message. A clock that was set back delays it by one wait at
   * most.
   */
  #wait({ id, nextMs }: WaitingMail): void {
    const { signal, clock, retryMs = RETRY_MS } = this.#options;
    const waitMs = Math.min(retryMs.at(-1)!, Math.max(0, nextMs - clock.nowMs()));
    sleep(waitMs, { signal }).then(
      () => {
        this.#due.push(id);
        this.#next();
      },
      () => {}, // the signal ends it
    );
  }

  async #end(id: string, result: MailResult, error: MailError | undefined): Promise<void> {
    this.#options.onResult(result, error);
    await this.#remove(id);
  }

  async #remove(id: string): Promise<void> {
    this.#byId.delete(id);
    await this.#options.rows.remove(id);
  }
}
