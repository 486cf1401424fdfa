/**
 * Messages that wait for the mail server: sent in the background, again after a temporary failure, dropped when too many wait. They are in
 * memory: a restart loses those that wait, and their users request another one.
 * In: messages. Out: the transport; counters.
 */
import { sleep } from '../../lib/abort.ts';
import { MailError } from './mail-error.ts';
import type { MailContent } from './messages.ts';
import type { MailTransport } from './transport.ts';

/** What happened to a message. */
export type MailResult = 'sent' | 'retried' | 'failed' | 'dropped';

/** What the queue uses. */
export interface MailQueueOptions {
  readonly transport: Pick<MailTransport, 'send'>;
  /** Ends the waits. */
  readonly signal: AbortSignal;
  /** Called for each attempt; `error` is the reason of a failure. */
  readonly onResult: (result: MailResult, error: MailError | undefined) => void;
  /** For tests: waits between the attempts, ms. */
  readonly retryMs?: readonly number[];
}

/** Most messages that wait or are being sent. */
const MAX_MESSAGES = 1000;
/** Messages that are sent at the same time. */
const PARALLEL = 2;
const RETRY_MS = [5000, 30_000, 120_000, 600_000];

interface Waiting {
  readonly to: string;
  readonly content: MailContent;
}

/** The queue of one mail server. */
export class MailQueue {
  readonly #options: MailQueueOptions;
  readonly #waiting: Waiting[] = [];
  #size = 0;
  #sending = 0;

  constructor(options: MailQueueOptions) {
    this.#options = options;
  }

  /** Messages that are not delivered yet. */
  get size(): number {
    return this.#size;
  }

  /** Adds a message; false: too many wait, and it is dropped. */
  add(to: string, content: MailContent): boolean {
    if (this.#size >= MAX_MESSAGES) {
      this.#options.onResult('dropped', undefined);
      return false;
    }
    this.#size++;
    this.#waiting.push({ to, content });
    this.#next();
    return true;
  }

  #next(): void {
    if (this.#sending >= PARALLEL || this.#options.signal.aborted) return;
    const message = this.#waiting.shift();
    if (!message) return;
    this.#sending++;
    void this.#send(message, 0);
  }

  /** Never rejects. A message that waits for its next attempt holds up no other. */
  async #send(message: Waiting, attempt: number): Promise<void> {
    const { transport, signal, onResult, retryMs = RETRY_MS } = this.#options;
    const error = await transport.send(message.to, message.content).then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof MailError ? thrown : new MailError(String(thrown), false, thrown)),
    );
    this.#sending--;
    const waitMs = retryMs[attempt];
    const mayRetry = error?.isTemporary === true && waitMs !== undefined && !signal.aborted;
    onResult(mayRetry ? 'retried' : error ? 'failed' : 'sent', error);
    this.#next();
    if (!mayRetry) {
      this.#size--;
      return;
    }
    await sleep(waitMs, { signal }).catch(() => {});
    if (signal.aborted) return;
    this.#sending++; // once more at its time, whatever else is being sent
    await this.#send(message, attempt + 1);
  }
}
