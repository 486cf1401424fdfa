/**
 * The data of a tab, requested repeatedly while the page is visible; and the actions of an administrator,
 * with a toast for the result.
 * In: API calls. Out: components, which read `value` and `failure`.
 */
import type { CallOptions, OxbowClient } from '../../../../src/client/client.ts';
import { askServer, type Failure, failureOf } from '../../api/client.ts';
import { poll } from '../../api/poll.ts';
import { failureText } from '../../viewer/preferences.svelte.ts';
import { toast } from '../toasts/toast.svelte.ts';

/** Timeout of an action, milliseconds. */
export const ACTION_MS = 30_000;

/** A repeated request. */
export class PolledQuery<T> {
  #value = $state.raw<T | null>(null);
  #failure = $state.raw<Failure | null>(null);
  readonly #ask: (signal: AbortSignal) => Promise<T>;
  #ends: AbortController | null = null;

  constructor(ask: (signal: AbortSignal) => Promise<T>) {
    this.#ask = ask;
  }

  /** The last response; null before the first. */
  get value(): T | null {
    return this.#value;
  }

  /** Why the last request failed. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /**
   * Repeats the request until the returned function is called, but not while the page is hidden.
   *
   * @param everyMs pause between two requests, milliseconds
   */
  keep(everyMs: number): () => void {
    const ends = new AbortController();
    this.#ends = ends;
    const query = () => (document.hidden ? Promise.resolve() : this.now());
    poll(everyMs, query, ends);
    document.addEventListener('visibilitychange', query, { signal: ends.signal });
    return () => ends.abort();
  }

  /** Sends the request now. */
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
 * Performs an action and shows a toast.
 *
 * @param said text of the toast on success; empty for none
 * @returns the response, or null on failure, for which a toast is shown
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
