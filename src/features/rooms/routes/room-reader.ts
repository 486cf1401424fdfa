/**
 * The person of a request about a room, who may enter it.
 * In: a request to `/api/v1/rooms/:id/…`. Out: the room and the person.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { RouteCall } from '../../../http/route/route.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { RoomParts } from '../parts.ts';
import type { Room } from '../room.ts';

/** A request about a room. */
export type RoomCall = Pick<RouteCall<{ id: string }>, 'params' | 'principal' | 'client'>;

/** The person of a request. @throws OxbowError `unauthorized` */
export function userOf({ principal }: Pick<RouteCall, 'principal'>): UserRef {
  if (!principal.user) throw new OxbowError('unauthorized', 'Sign in, or enter as a guest.');
  return principal.user;
}

/**
 * Finds the room of a request.
 *
 * @param options.fromAnywhere also where the rules by network and country refuse: for changing them
 * @throws OxbowError `unauthorized`, `room-unknown`, `watch-denied-here`, and as `Room.admit`
 */
export async function readRoom(
  call: RoomCall,
  { rooms }: Pick<RoomParts, 'rooms'>,
  { fromAnywhere = false } = {},
): Promise<{ readonly room: Room; readonly user: UserRef }> {
  const user = userOf(call);
  const room = await rooms.get(call.params.id);
  if (!fromAnywhere) room.assertHere(call.client);
  room.admit(user, call.client.address);
  return { room, user };
}
