/**
 * The person of a request about a room, who may enter it.
 * In: a request to `/api/v1/rooms/:id/…`. Out: the room and the person.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { Room } from '../../../rooms/room.ts';
import type { HttpDeps } from '../../deps.ts';
import type { RouteCall } from '../route.ts';

/** A request about a room. */
export type RoomCall = Pick<RouteCall<{ id: string }>, 'params' | 'principal' | 'client'>;

/**
 * Finds the room of a request.
 *
 * @throws OxbowError `unauthorized`, `room-unknown`, and as `Room.admit`
 */
export async function readRoom(
  { params, principal, client }: RoomCall,
  { rooms }: Pick<HttpDeps, 'rooms'>,
): Promise<{ readonly room: Room; readonly user: UserRef }> {
  const { user } = principal;
  if (!user) throw new OxbowError('unauthorized', 'Sign in, or enter as a guest.');
  const room = await rooms.get(params.id);
  room.admit(user, client.address);
  return { room, user };
}
