/**
 * Routes of rooms: list, create, change, delete, join and leave.
 * In: names, options, passwords. Out: RoomView, MemberView.
 */

import { may } from '../../../accounts/permissions.ts';
import { WatchAccessView, WatchRuleSettings } from '../../../api/access/watch-rules-shapes.ts';
import { MemberView, RoomOptions, RoomView } from '../../../api/room/room-shapes.ts';
import { Type } from '../../../api/type.ts';
import { AccessQuery, readAccessQuery } from '../../../http/route/access-query.ts';
import { readExpiry } from '../../../http/route/expiry-field.ts';
import { asOwnersHaveIt, missingFields } from '../../../http/route/merge-lists.ts';
import { IdParams, NextCursor } from '../../../http/route/page-query.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { FeatureRoute } from '../../feature.ts';
import { editRoom, type RoomFields } from '../edit-room.ts';
import { leaveRoom } from '../members/moderation.ts';
import type { RoomParts } from '../parts.ts';
import type { RoomCursor } from '../rooms.ts';
import { readRoom, userOf } from './room-reader.ts';
import { row } from './row.ts';

const USUAL = 50;

const ListQuery = Type.Object(
  {
    scope: Type.Optional(
      Type.Union(
        [
          Type.Literal('public', { description: 'public rooms' }),
          Type.Literal('mine', { description: 'rooms that one owns' }),
          Type.Literal('joined', { description: 'rooms that one has entered, or asked to enter' }),
        ],
        { description: 'default: `public`' },
      ),
    ),
    search: Type.Optional(Type.String({ maxLength: 100, description: 'a part of the name' })),
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$', description: `rooms; default ${USUAL}` })),
    cursor: Type.Optional(
      Type.String({ pattern: '^[0-9.]{1,20}-[A-Za-z0-9]{1,20}$', description: '`nextCursor` of the answer before' }),
    ),
  },
  { additionalProperties: false },
);
const RoomList = Type.Object({ items: Type.Array(RoomView), nextCursor: NextCursor }, { $id: 'RoomList' });
const { guests, approve, control, atEnd, waitForSlow, slowModeSeconds, keepChat, masks } = RoomOptions.properties;
const Options = Type.Object(
  {
    guests: Type.Optional(guests),
    approve: Type.Optional(approve),
    control: Type.Optional(control),
    atEnd: Type.Optional(atEnd),
    waitForSlow: Type.Optional(waitForSlow),
    slowModeSeconds: Type.Optional(slowModeSeconds),
    keepChat: Type.Optional(keepChat),
    masks: Type.Optional(masks),
  },
  { $id: 'RoomOptionsPatch', additionalProperties: false },
);
const fields = {
  visibility: Type.Optional(RoomView.properties.visibility),
  password: Type.Optional(
    Type.Union([Type.String({ minLength: 1, maxLength: 128 }), Type.Null()], {
      description: 'null: none. Everyone but moderators has to give a changed one.',
    }),
  ),
  capacity: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: 10_000 }), Type.Null()], {
      description: 'most people; null: as in the setting `rooms.capacity`, which no room exceeds',
    }),
  ),
  expiresAt: Type.Optional(
    Type.Union([Type.String({ maxLength: 64 }), Type.Null()], {
      description: 'when the room is deleted: an instant, or a duration from now as `48h`; null: when it is not used',
    }),
  ),
  options: Type.Optional(Options),
  watchRules: Type.Optional(
    Type.Union([WatchRuleSettings, Type.Null()], {
      description: 'where it may be entered, by network and country; null: as in the setting `watchRules`',
    }),
  ),
};
const Name = Type.String({ minLength: 1, maxLength: 100 });
const NewRoom = Type.Object({ name: Name, ...fields }, { $id: 'NewRoom', additionalProperties: false });
const RoomPatch = Type.Object(
  { name: Type.Optional(Name), ...fields },
  { $id: 'RoomPatch', additionalProperties: false },
);
const Join = Type.Object(
  { password: Type.Optional(Type.String({ maxLength: 128 })) },
  { $id: 'RoomJoin', additionalProperties: false },
);

function fieldsOf(
  { expiresAt, ...others }: Omit<RoomFields, 'expiresMs'> & { readonly expiresAt?: string | null },
  nowMs: number,
): RoomFields {
  if (expiresAt === undefined) return others;
  return { ...others, expiresMs: expiresAt === null ? null : readExpiry(expiresAt, nowMs) };
}

function readCursor(cursor: string | undefined): RoomCursor | undefined {
  if (cursor === undefined) return undefined;
  const [usedMs, id] = cursor.split('-') as [string, string];
  return { usedMs: Number(usedMs), id };
}

/** The rows. */
export const roomRoutes: readonly FeatureRoute<RoomParts>[] = [
  row({
    method: 'GET',
    path: '/api/v1/rooms',
    tag: 'rooms',
    access: 'anyone',
    sentence: 'Lists rooms, those used last first.',
    query: ListQuery,
    replies: { 200: RoomList },
    async answer(call, { rooms }, { otherNodes }) {
      const { scope = 'public', search = '', limit, cursor } = call.query;
      const which =
        scope === 'public' ? {} : scope === 'mine' ? { owner: userOf(call).id } : { member: userOf(call).id };
      const page = { limit: Number(limit ?? USUAL), before: readCursor(cursor) };
      const [{ rooms: views, next }, others] = await Promise.all([
        rooms.list({ ...which, query: search }, page, call.principal.user, call.client),
        call.elsewhere(),
      ]);
      // Every node lists all rooms; only the owner knows who is in one.
      const ownerOf = ({ id }: RoomView) => otherNodes?.ownerOf('room', id);
      const items = asOwnersHaveIt(views, others, { keyOf: ({ id }) => id, ownerOf });
      return { headers: missingFields(others), body: { items, nextCursor: next ? `${next.usedMs}-${next.id}` : null } };
    },
  }),
  row({
    method: 'POST',
    path: '/api/v1/rooms',
    tag: 'rooms',
    access: 'self',
    sentence: 'Creates a room. `rooms.create` says who may.',
    body: NewRoom,
    replies: { 201: RoomView },
    repeatable: true,
    async answer(call, { rooms }, { clock }) {
      const room = await rooms.create(userOf(call), fieldsOf(call.body, clock.nowMs()));
      return {
        status: 201,
        headers: { location: `/api/v1/rooms/${room.state.record.id}` },
        body: room.state.views.room(),
      };
    },
  }),
  row({
    method: 'GET',
    path: '/api/v1/rooms/:id',
    tag: 'rooms',
    access: 'anyone',
    sentence: 'Returns a room; its id is not listed anywhere if it is unlisted.',
    params: IdParams,
    replies: { 200: RoomView },
    async answer({ params, principal, client }, { rooms }) {
      return { body: (await rooms.get(params.id)).viewFor(principal.user, client) };
    },
  }),
  row({
    method: 'PATCH',
    path: '/api/v1/rooms/:id',
    tag: 'rooms',
    access: 'self',
    sentence: 'Changes a room. Needs the permission `editRoom`, for its password `setPassword`.',
    params: IdParams,
    body: RoomPatch,
    replies: { 200: RoomView },
    async answer(call, parts, { clock }) {
      const { room, user } = await readRoom(call, parts, { fromAnywhere: true });
      await editRoom(room, user, fieldsOf(call.body, clock.nowMs()), parts.rooms.passwords);
      return { body: room.state.views.room() };
    },
  }),
  row({
    method: 'DELETE',
    path: '/api/v1/rooms/:id',
    tag: 'rooms',
    access: 'self',
    sentence: 'Deletes a room with its playlist and its chat. Needs the permission `deleteRoom`.',
    params: IdParams,
    replies: { 204: undefined },
    async answer(call, { rooms }) {
      const room = await rooms.get(call.params.id);
      if (!may(call.principal, 'manageRooms')) room.state.assertMay(userOf(call), 'deleteRoom');
      await rooms.remove(room.state.record.id);
      return { status: 204 };
    },
  }),
  row({
    method: 'GET',
    path: '/api/v1/rooms/:id/access',
    tag: 'rooms',
    access: 'self',
    sentence:
      'Returns the rules by network and country of a room, and whether a client at an address may enter. Needs the permission `editRoom`.',
    params: IdParams,
    query: AccessQuery,
    replies: { 200: WatchAccessView },
    async answer(call, parts) {
      const { room, user } = await readRoom(call, parts, { fromAnywhere: true });
      room.state.assertMay(user, 'editRoom');
      return { body: room.watchAccess(readAccessQuery(call.query)) };
    },
  }),
  row({
    method: 'POST',
    path: '/api/v1/rooms/:id/join',
    tag: 'rooms',
    access: 'person',
    sentence:
      'Asks to enter a room: gives its password, once until it changes, and waits for approval where it is needed (`room-pending`).',
    params: IdParams,
    body: Join,
    replies: { 200: MemberView },
    async answer(call, { rooms }, { limits }) {
      const user = userOf(call);
      const room = await rooms.get(call.params.id);
      room.assertHere(call.client);
      const { password } = call.body;
      if (password !== undefined) {
        // By person too: one who has many addresses has no more attempts.
        const senders = [call.client, { address: `person ${user.id}`, isLocal: false }];
        for (const sender of senders) limits.take('room-passwords', sender);
        if (!(await rooms.givePassword(room, user, password)))
          throw new OxbowError('room-password', 'This is not the password of the room.');
        for (const sender of senders) limits.giveBack('room-passwords', sender);
      }
      room.state.members.declined.delete(user.id);
      room.admit(user, call.client.address);
      await room.changes.save();
      return { body: room.state.views.member(room.state.members.find(user.id)!) };
    },
  }),
  row({
    method: 'POST',
    path: '/api/v1/rooms/:id/leave',
    tag: 'rooms',
    access: 'person',
    sentence:
      'Leaves a room: its connections end, and it is not in the list of joined rooms any more. An owner hands it over first, or deletes it (`room-owner`).',
    params: IdParams,
    replies: { 204: undefined },
    async answer(call, { rooms }) {
      await leaveRoom(await rooms.get(call.params.id), userOf(call).id);
      return { status: 204 };
    },
  }),
];
