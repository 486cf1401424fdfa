/**
 * Requests for the remote: members who are present and may give it are notified. Nothing is stored.
 * In: messages `ask`. Out: messages `asked`, an answer to the requester.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import type { ClientMessageOf } from '../../api/room/messages.ts';
import type { RoomPermission } from '../../api/room/permissions.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Members } from './members/members.ts';
import { rankOf } from './members/ranks.ts';
import type { Connection } from './participants/connection.ts';
import type { Participants } from './participants/participants.ts';

/** Between two requests of a person, ms. */
const AGAIN_MS = 30_000;
/** People whose last request is remembered. */
const MAX_REMEMBERED = 1000;

/** The used part of a room. */
interface AskedRoom {
  readonly members: Members;
  readonly participants: Participants;
  may(user: Pick<UserRef, 'id' | 'role'>, permission: RoomPermission): boolean;
}

/** The requests of a room. */
export class RemoteRequests {
  /** The last request of a person, monotonic ms, by user id. */
  readonly #askedMs = new Map<string, number>();

  /** Passes a request on, and answers it with the number of people who got it. */
  ask(room: AskedRoom, connection: Connection, { id, for: wanted }: ClientMessageOf<'ask'>, monoMs: number): void {
    const { user } = connection;
    const waitMs = (this.#askedMs.get(user.id) ?? Number.NEGATIVE_INFINITY) + AGAIN_MS - monoMs;
    if (waitMs > 0 || room.may(user, wanted)) {
      const { code, message: detail } =
        waitMs > 0
          ? new OxbowError('too-many-requests', 'You have just asked.')
          : new OxbowError('bad-request', 'You have the remote.');
      connection.send({ t: 'refused', id, code, detail, ...(waitMs > 0 && { retryAfterMs: Math.ceil(waitMs) }) });
      return;
    }
    const rank = rankOf(room.members, user);
    let to = 0;
    for (const { user: other, connections } of room.participants.all) {
      const mayGive = (['setPermissions', 'setItem', wanted] as const).every((permission) =>
        room.may(other, permission),
      );
      if (!mayGive || rankOf(room.members, other) <= rank) continue;
      to += 1;
      for (const each of connections.keys()) each.send({ t: 'asked', user: user.id, name: user.name, for: wanted });
    }
    // A request that reached no one may be repeated at once.
    if (to > 0) {
      this.#askedMs.delete(user.id);
      this.#askedMs.set(user.id, monoMs);
      dropOldest(this.#askedMs, MAX_REMEMBERED);
    }
    connection.send({ t: 'ack', id, to });
  }
}
