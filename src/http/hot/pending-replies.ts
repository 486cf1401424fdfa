/**
 * Connections that wait for media that does not exist yet, in groups that wait for the same: one look and one timer for each group.
 * In: pending replies of delivery, connections. Out: a response to each of a group at once, or the refusal. RFC 8216bis 6.2.5.2; docs/media.md 28.
 */
import type { PendingReply } from '../../delivery/live/pending-reply.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { OxbowError } from '../../lib/errors.ts';

/** Whoever waits. */
export interface Waiter {
  /** Called once, unless it left before. */
  answer(reply: Reply): void;
  /** Called behind `answer`, once everyone of the group has theirs. */
  answered(): void;
  /** Called once, unless it left before. @param reason an OxbowError, or a mistake of ours */
  refuse(reason: unknown): void;
}

/** Those who wait for the same. */
export interface WaitGroup {
  readonly waiters: Set<Waiter>;
  /** Ends it, whoever is in it. */
  close(): void;
}

/** Those who wait. */
export class PendingReplies {
  /** By what their changes come from, then by what they wait for. */
  readonly #groups = new Map<PendingReply['changes'], Map<string, WaitGroup>>();

  /** Lets a connection wait; returns where it does. */
  join(pending: PendingReply, waiter: Waiter): WaitGroup {
    const groups = this.#groups.get(pending.changes) ?? new Map<string, WaitGroup>();
    this.#groups.set(pending.changes, groups);
    const group = groups.get(pending.key) ?? this.#open(pending, groups);
    group.waiters.add(waiter);
    return group;
  }

  /** A connection waits no more. */
  leave(group: WaitGroup, waiter: Waiter): void {
    if (group.waiters.delete(waiter) && group.waiters.size === 0) group.close();
  }

  /** Ends the waiting of everyone with the given refusal. */
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
    // Parts of several tracks, the seal and the end come in one turn: one answer tells of all.
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

/** The group is over; those who waited in it. */
function dissolve(group: WaitGroup): readonly Waiter[] {
  group.close();
  const waiters = [...group.waiters];
  group.waiters.clear();
  return waiters;
}

function answer(group: WaitGroup, reply: Reply): void {
  const waiters = dissolve(group);
  for (const waiter of waiters) waiter.answer(reply);
  // The last of thousands did not have to wait for what is counted of the first.
  for (const waiter of waiters) waiter.answered();
}

function refuse(group: WaitGroup, reason: unknown): void {
  for (const waiter of dissolve(group)) waiter.refuse(reason);
}
