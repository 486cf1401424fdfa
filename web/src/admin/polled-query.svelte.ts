/**
 * What a tab shows, asked for again and again while the page is looked at; and what an administrator does, with a word when it failed.
 * In: questions to the API. Out: components, which read `value` and `failure`.
 */
import type { CallOptions, OxbowClient } from '../../../src/client/client.ts';
import { askServer, type Failure, failureOf } from '../api/client.ts';
import { poll } from '../api/poll.ts';
import { failureText } from '../shell/preferences.svelte.ts';
import { toast } from '../shell/toast.svelte.ts';

/** An order may take so long, milliseconds. */
const ACTION_MS = 30_000;

/** One question. */
export class PolledQuery<T> {
  #value = $state.raw<T | null>(null);
  #failure = $state.raw<Failure | null>(null);
  readonly #ask: (signal: AbortSignal) => Promise<T>;
  #ends: AbortController | null = null;

  constructor(ask: (signal: AbortSignal) => Promise<T>) {
    this.#ask = ask;
  }

  /** The newest answer; null before the first. */
  get value(): T | null {
    return this.#value;
  }

  /** Why the last question had no answer. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /**
   * Asks until the returned function is called, and never while nobody looks at the page.
   *
   * @param everyMs pause between two questions, milliseconds
   */
  keep(everyMs: number): () => void {
    const ends = new AbortController();
    this.#ends = ends;
    const query = () => (document.hidden ? Promise.resolve() : this.now());
    poll(everyMs, query, ends);
    document.addEventListener('visibilitychange', query, { signal: ends.signal });
    return () => ends.abort();
  }

  /** Asks now. */
  async now(): Promise<void> {
    const signal = this.#ends?.signal;
    if (!signal || signal.aborted) return;
    try {
      this.#value = await this.#ask(signal);
      this.#failure = null;
    } catch (error) {
      if (!signal.aborted) this.#failure = failureOf(error);
    }
  }
}

/**
 * Does something, and says so.
 *
 * @param said what stands in the message when it is done; empty for no message
 * @returns what the server answered, or null where it refused, which was told
 */
export async function runAction<T>(
  action: (client: OxbowClient, options: CallOptions) => Promise<T>,
  said: string,
): Promise<{ readonly answer: T } | null> {
  try {
    const answer = await askServer(AbortSignal.timeout(ACTION_MS), action);
    if (said !== '') toast({ text: said, tone: 'good' });
    return { answer };
  } catch (error) {
    toast({ text: failureText(failureOf(error)).title, tone: 'bad' });
    return null;
  }
}
