/**
 * Gives a member the remote, or takes it away.
 * In: a member. Out: the change of their permissions. Pure.
 */
import { permissionBits } from '../../../../src/api/room/permissions.ts';
import type { MemberView } from '../../../../src/api/room/room-shapes.ts';
import type { MemberChange } from '../../api/rooms.ts';

const REMOTE = permissionBits.control | permissionBits.setItem;

/** The change that gives the remote, or takes it away. */
export function remoteChange(
  { allow, deny }: Pick<MemberView, 'allow' | 'deny'>,
  change: 'give' | 'take',
): Pick<MemberChange, 'allow' | 'deny'> {
  return change === 'give'
    ? { allow: allow | REMOTE, deny: deny & ~REMOTE }
    : { allow: allow & ~REMOTE, deny: deny | REMOTE };
}
