/**
 * Connections that wait for media that does not exist yet. Those that wait for the same reply form a group
 * with one check for each change and one timer.
 * In: pending replies of delivery, connections. Out: the reply or a refusal, to all connections of a group in
 * one turn. RFC 8216bis 6.2.5.2; docs/media.md 28.
 */
import type { PendingReply } from '../../delivery/live/pending-reply.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { OxbowError } from '../../lib/errors.ts';

/** A connection with a pending request. */
export interface Waiter {
  /** Writes the reply. Called once, unless the waiter has left. */
  answer(reply: Reply): void;
  /** Called after all waiters of the group have been answered. */
  answered(): void;
  /** Called once, unless the waiter has left. @param reason an OxbowError, or a bug */
  refuse(reason: unknown): void;
}

/** Waiters for one reply. */
export interface WaitGroup {
  readonly waiters: Set<Waiter>;
  /** Ends the subscription and the timer. */
  close(): void;
}

/** All waiting connections. */
export class PendingReplies {
  /** Keyed by source of changes, then by the key of the reply. */
  readonly #groups = new Map<PendingReply['changes'], Map<string, WaitGroup>>();

  /** Adds a connection to the group of a reply. */
  join(pending: PendingReply, waiter: Waiter): WaitGroup {
    const groups = this.#groups.get(pending.changes) ?? new Map<string, WaitGroup>();
    this.#groups.set(pending.changes, groups);
    const group = groups.get(pending.key) ?? this.#open(pending, groups);
    group.waiters.add(waiter);
    return group;
  }

  /** Removes a connection. */
  leave(group: WaitGroup, waiter: Waiter): void {
    if (group.waiters.delete(waiter) && group.waiters.size === 0) group.close();
  }

  /** Refuses all waiters. */
  release(reason: OxbowError): void {
    for (const groups of [...this.#groups.values()]) {
      for (const group of [...groups.values()]) refuse(group, reason);
    }
  }

  #open(pending: PendingReply, groups: Map<string, WaitGroup>): WaitGroup {
    let isDue = false;
    const look = () => {
      isDue = false;
      if (group.waiters.size === 0) return;
      let reply: Reply | undefined;
      try {
        reply = pending.look();
      } catch (error) {
        refuse(group, error);
        return;
      }
      if (reply) answer(group, reply);
    };
    // Parts of several tracks, the seal and the end arrive in one turn: one check for all.
    const unsubscribe = pending.changes.subscribe(() => {
      if (isDue) return;
      isDue = true;
      queueMicrotask(look);
    });
    const timer = setTimeout(() => refuse(group, pending.late()), pending.waitMs);
    const group: WaitGroup = {
      waiters: new Set(),
      close: () => {
        unsubscribe();
        clearTimeout(timer);
        if (groups.get(pending.key) !== group) return;
        groups.delete(pending.key);
        if (groups.size === 0 && this.#groups.get(pending.changes) === groups) this.#groups.delete(pending.changes);
      },
    };
    groups.set(pending.key, group);
    return group;
  }
}

/** Ends the group; returns its waiters. */
function dissolve(group: WaitGroup): readonly Waiter[] {
  group.close();
  const waiters = [...group.waiters];
  group.waiters.clear();
  return waiters;
}

function answer(group: WaitGroup, reply: Reply): void {
  const waiters = dissolve(group);
  for (const waiter of waiters) waiter.answer(reply);
  // Counting comes after: the last of thousands does not wait for the counting of the first.
  for (const waiter of waiters) waiter.answered();
}

function refuse(group: WaitGroup, reason: unknown): void {
  for (const waiter of dissolve(group)) waiter.refuse(reason);
}
