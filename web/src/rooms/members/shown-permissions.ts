/**
 * The permissions that people see in the settings of a room.
 * In: nothing. Out: tables of switches.
 */
import type { RoomPermission } from '../../../../src/api/room/permissions.ts';

/** In the order of the table. */
export const shownPermissions = [
  'list',
  'chat',
  'danmaku',
  'talk',
  'createPolls',
  'control',
  'setItem',
  'addItems',
  'editItems',
  'deleteItems',
  'approve',
  'moderate',
  'setPermissions',
  'editRoom',
  'setPassword',
  'deleteRoom',
] as const satisfies readonly RoomPermission[];
