/**
 * Runs work repeatedly until its page is closed.
 * In: the work. Out: nothing; it owns its timer.
 */

/**
 * Runs `work` at once and again `everyMs` after it has ended, never twice at the same time, until `signal`
 * aborts. Errors of `work` after the abort are dropped; others are thrown.
 *
 * @param everyMs pause between two runs, milliseconds
 */
export async function poll(
  everyMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work(signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    await pause(everyMs, signal);
  }
}

/** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
