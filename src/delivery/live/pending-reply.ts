/**
 * Answers that are not there yet: what they wait for, and how long at most. One pending reply serves all who ask the same.
 * In: a live list's changes. Out: the reply, or why there is none. RFC 8216bis 6.2.5.2; docs/media.md 28.
 */
import type { OxbowError } from '../../lib/errors.ts';
import type { Subscribable } from '../../lib/events.ts';
import type { Reply } from '../reply.ts';

/** A reply to come. */
export interface PendingReply {
  /** Those who wait for the same reply have the same words here. */
  readonly key: string;
  /** When it is worth another look. */
  readonly changes: Subscribable<void>;
  /** The reply; undefined while it is still to come. Throws the OxbowError that it came to instead. */
  readonly look: () => Reply | undefined;
  /** How long it is worth waiting. */
  readonly waitMs: number;
  /** The refusal for those who waited that long. */
  readonly late: () => OxbowError;
}

/** Whether what was found is still to come. */
export function isPending(found: Reply | PendingReply): found is PendingReply {
  return 'look' in found;
}

/** Waits where there is something to wait for. Rejects with the signal's reason when aborted, else with an OxbowError. */
export async function settle(found: Reply | PendingReply, { signal }: { signal: AbortSignal }): Promise<Reply> {
  if (!isPending(found)) return found;
  await waitFor(found.changes, () => found.look() !== undefined, found.waitMs, signal);
  const reply = found.look(); // of now: more may have changed in the same turn
  if (!reply) throw found.late();
  return reply;
}

/** Resolves when `done` holds or `ms` have passed; rejects when aborted, or with what `done` throws. Asked at every change. */
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
