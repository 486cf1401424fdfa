/**
 * The place of an account that takes over that of a guest.
 * In: the records of both. Out: one record. Pure.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { MemberRecord } from '../room-record.ts';

/** @param isAbove the account owns or moderates the room: sanctions of the guest do not bind it */
export function mergedMember(
  from: MemberRecord,
  to: MemberRecord | undefined,
  { id, name }: UserRef,
  { isAbove }: { readonly isAbove: boolean },
): MemberRecord {
  const times = {
    joinedMs: Math.min(from.joinedMs, to?.joinedMs ?? from.joinedMs),
    seenMs: Math.max(from.seenMs, to?.seenMs ?? 0),
  };
  if (to && isAbove) return { ...to, ...times };
  const state = stateOf([from.state, ...(to ? [to.state] : [])]);
  return {
    user: id,
    name,
    ...times,
    state,
    role: to?.role ?? (from.role === 'guest' ? 'member' : from.role),
    allow: from.allow | (to?.allow ?? 0),
    deny: from.deny | (to?.deny ?? 0),
    mutedUntilMs: Math.max(from.mutedUntilMs, to?.mutedUntilMs ?? 0),
    letIn: from.letIn || (to?.letIn ?? false),
    address: state === 'banned' ? from.address || (to?.address ?? '') : '',
  };
}

/** A ban stays a ban; apart from that the better place counts. */
function stateOf(states: readonly MemberRecord['state'][]): MemberRecord['state'] {
  return (['banned', 'active', 'pending', 'left'] as const).find((state) => states.includes(state))!;
}
