/**
 * Abortable waiting. On abort each function rejects at once with the signal's reason and leaves no timer.
 * In: durations and an AbortSignal. Out: promises.
 */

/**
 * Whether something was given up on purpose, for example because the server shuts down; then it is no
 * failure.
 */
export const isAbort = (error: unknown): boolean => (error as { name?: unknown } | null)?.name === 'AbortError';

/**
 * Resolves after `ms`; rejects with `signal.reason` when aborted.
 *
 * @param ms milliseconds, 0 or more
 */
export function sleep(ms: number, { signal }: { signal: AbortSignal }): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Waits for `work`; rejects with the signal's reason when `signal` fires. The work itself continues.
 * `Promise.race` with a promise that lives long would keep each result until that one settles.
 */
export function waitFor<T>(work: Promise<T>, { signal }: { signal: AbortSignal }): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * A signal that fires when `signal` does or after `ms`, whichever comes first. Dispose it when the work is
 * done.
 *
 * @param ms milliseconds
 * @param label named in the TimeoutError
 */
export function withDeadline(
  ms: number,
  label: string,
  { signal }: { signal: AbortSignal },
): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  if (signal.aborted) controller.abort(signal.reason);
  else signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`${label} took longer than ${ms} ms`, 'TimeoutError'));
  }, ms);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** Shortest and longest duration of a random pause, ms. */
export interface PauseBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * The pause before try number `attempt`: exponential, up to half of it random, so that many clients do not
 * return in one wave.
 *
 * @param attempt 0 for the first retry
 * @param baseMs first ceiling, milliseconds
 * @param maxMs last ceiling, milliseconds
 */
export function backoffBounds(attempt: number, baseMs = 250, maxMs = 10_000): PauseBounds {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 16));
  return { minMs: ceiling / 2, maxMs: ceiling };
}

/** A random duration within `backoffBounds` of the same arguments, milliseconds. */
export function backoffMs(attempt: number, baseMs?: number, maxMs?: number): number {
  const bounds = backoffBounds(attempt, baseMs, maxMs);
  return bounds.minMs + (bounds.maxMs - bounds.minMs) * Math.random();
}
