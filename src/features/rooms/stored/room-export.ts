/**
 * Data of rooms about a person besides messages: memberships, entries of playlists, signed-in media
 * servers.
 * In: the tables. Out: a part of the document of `GET /api/v1/me/export`; nothing about others, no secrets.
 */
import type { Kysely } from 'kysely';
import { printRfc3339 } from '../../../api/instant.ts';
import type { Tables } from '../../../store/schema.ts';
import { openTarget } from '../../../store/sealed/sealed-columns.ts';

/** The stored data about a person. */
export async function exportRoomsOf(db: Kysely<Tables>, userId: string): Promise<object> {
  const rooms = await db
    .selectFrom('room_member as member')
    .innerJoin('room', 'room.id', 'member.room_id')
    .select(['room.id', 'room.name', 'room.owner', 'member.name as calledName', 'member.role', 'member.state'])
    .select(['member.joined_us', 'member.seen_us', 'member.address'])
    .where('member.user_id', '=', userId)
    .execute();
  const items = await db
    .selectFrom('room_item')
    .select(['room_id as room', 'name', 'target', 'created_us'])
    .where('added_by', '=', userId)
    .execute();
  const servers = await db
    .selectFrom('media_server')
    .select(['kind', 'name', 'url', 'created_us'])
    .where('user_id', '=', userId)
    .execute();
  return {
    joined: rooms.map(({ joined_us, seen_us, owner, role, ...room }) => ({
      ...room,
      role: owner === userId ? 'owner' : role,
      joinedAt: printRfc3339(joined_us / 1000),
      seenAt: printRfc3339(seen_us / 1000),
    })),
    items: items.map(({ target, created_us, ...item }) => ({
      ...item,
      // Without a seal: headers have secrets.
      target: openTarget(target, undefined) as unknown,
      addedAt: printRfc3339(created_us / 1000),
    })),
    mediaServers: servers.map(({ created_us, ...server }) => ({ ...server, addedAt: printRfc3339(created_us / 1000) })),
  };
}
