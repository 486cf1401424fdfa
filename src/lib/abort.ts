/**
 * Waiting that can be stopped. Abort means: reject at once with the signal's reason and leave no timer behind.
 * In: durations and an AbortSignal. Out: promises.
 */

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

/** Waits for `work`, but no longer than until `signal` fires; the work itself goes on. Rejects with the signal's reason then. */
export function waitFor<T>(work: Promise<T>, { signal }: { signal: AbortSignal }): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * A signal that fires when `signal` does or after `ms`, whichever comes first. Dispose it when the work is done.
 *
 * @param ms milliseconds
 * @param what named in the TimeoutError
 */
export function withDeadline(
  ms: number,
  what: string,
  { signal }: { signal: AbortSignal },
): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  if (signal.aborted) controller.abort(signal.reason);
  else signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`${what} took longer than ${ms} ms`, 'TimeoutError'));
  }, ms);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/**
 * The pause before try number `attempt`: exponential with full jitter, so that many clients do not come back in one wave.
 *
 * @param attempt 0 for the first retry
 * @param baseMs first ceiling, milliseconds
 * @param maxMs last ceiling, milliseconds
 * @returns milliseconds, between half the ceiling and the ceiling
 */
export function backoffMs(attempt: number, baseMs = 250, maxMs = 10_000): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 16));
  return ceiling * (0.5 + Math.random() / 2);
}
