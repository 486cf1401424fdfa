/**
 * Replies that wait for media: when to check again, and the timeout. All clients that request the same share
 * one pending reply.
 * In: changes of a live window. Out: the reply, or the OxbowError. RFC 8216bis 6.2.5.2; docs/media.md 28.
 */
import type { OxbowError } from '../../lib/errors.ts';
import type { Subscribable } from '../../lib/events.ts';
import type { Reply } from '../reply.ts';

/** A reply that does not exist yet. */
export interface PendingReply {
  /** Equal for equal requests. */
  readonly key: string;
  /** Emits when `look` should be called again. */
  readonly changes: Subscribable<void>;
  /** The reply; undefined while it is pending. Throws the OxbowError once it cannot come any more. */
  readonly look: () => Reply | undefined;
  /** Timeout, ms. */
  readonly waitMs: number;
  /** The error after the timeout. */
  readonly late: () => OxbowError;
}

/** Whether a reply is pending. */
export function isPending(reply: Reply | PendingReply): reply is PendingReply {
  return 'look' in reply;
}

/** Waits for a pending reply. Rejects with the signal's reason when aborted, otherwise with an OxbowError. */
export async function settle(answer: Reply | PendingReply, { signal }: { signal: AbortSignal }): Promise<Reply> {
  if (!isPending(answer)) return answer;
  await waitFor(answer.changes, () => answer.look() !== undefined, answer.waitMs, signal);
  const reply = answer.look(); // the newest: more may have changed in the same turn
  if (!reply) throw answer.late();
  return reply;
}

/**
 * Calls `done` at each change. Resolves when it returns true or after `ms`; rejects when aborted, or with
 * what `done` throws.
 */
export function waitFor(
  changes: Subscribable<void>,
  done: () => boolean,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  if (done()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const finish = (settled: () => void) => {
      clearTimeout(timer);
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
      settled();
    };
    const onAbort = () => finish(() => reject(signal.reason));
    const timer = setTimeout(() => finish(resolve), ms);
    const unsubscribe = changes.subscribe(() => {
      try {
        if (done()) finish(resolve);
      } catch (error) {
        finish(() => reject(error));
      }
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
