/**
 * Routes of the people of a room: the list, and decisions of moderators.
 * In: ids of users, roles, permissions. Out: MemberView.
 */

import { MemberView } from '../../../api/room/room-shapes.ts';
import { Type } from '../../../api/type.ts';
import { readExpiry } from '../../../http/route/expiry-field.ts';
import { IdParams } from '../../../http/route/page-query.ts';
import type { FeatureRoute } from '../../feature.ts';
import { isHiddenState } from '../members/members.ts';
import { changeMember, kick } from '../members/moderation.ts';
import type { RoomParts } from '../parts.ts';
import { readRoom } from './room-reader.ts';
import { row } from './row.ts';

const MOST_LISTED = 5000;

const MemberList = Type.Object({ items: Type.Array(MemberView), nextCursor: Type.Null() }, { $id: 'RoomMemberList' });
const RoomAndUser = Type.Object({ ...IdParams.properties, user: Type.String({ maxLength: 80 }) });
const mask = Type.Integer({ minimum: 0, maximum: 0x7fffffff, description: 'permission bits' });
const MemberPatch = Type.Object(
  {
    role: Type.Optional(
      Type.Union([Type.Literal('owner'), Type.Literal('moderator'), Type.Literal('member')], {
        description: '`owner` hands the room over',
      }),
    ),
    state: Type.Optional(
      Type.Union([Type.Literal('active'), Type.Literal('banned')], {
        description: '`active` lets in who waits, and ends a ban',
      }),
    ),
    allow: Type.Optional(mask),
    deny: Type.Optional(mask),
    mutedUntil: Type.Optional(
      Type.Union([Type.String({ maxLength: 64 }), Type.Null()], {
        description: 'an instant, or a duration from now as `10m`; null: not any more',
      }),
    ),
  },
  { $id: 'RoomMemberPatch', additionalProperties: false },
);

/** The rows. */
export const roomMemberRoutes: readonly FeatureRoute<RoomParts>[] = [
  row({
    method: 'GET',
    path: '/api/v1/rooms/:id/members',
    tag: 'rooms',
    access: 'person',
    sentence:
      'Lists the people of a room, those who are in it first. Moderators also see who waits, is banned, or has left.',
    params: IdParams,
    replies: { 200: MemberList },
    async answer(call, parts) {
      const { room, user } = await readRoom(call, parts);
      const seesHidden = room.state.views.seesHidden(user);
      const { members } = room.state;
      const shown = [...members.all].filter(({ state }) => state === 'active' || (seesHidden && isHiddenState(state)));
      if (seesHidden) shown.push(...members.departed.all);
      const views = shown.map((member) => room.state.views.member(member));
      views.sort((a, b) => Number(b.present > 0) - Number(a.present > 0) || a.name.localeCompare(b.name));
      return { body: { items: views.slice(0, MOST_LISTED), nextCursor: null } };
    },
  }),
  row({
    method: 'PATCH',
    path: '/api/v1/rooms/:id/members/:user',
    tag: 'rooms',
    access: 'self',
    sentence:
      'Changes a person: lets in or bans (`state`), mutes, changes role and permissions. Only people below oneself, and one gives no more than one has. Who has left the room, or wrote one of its last messages, can be banned and muted.',
    params: RoomAndUser,
    body: MemberPatch,
    replies: { 200: MemberView },
    async answer(call, parts, { clock, access }) {
      const { room, user } = await readRoom(call, parts);
      const { mutedUntil, ...others } = call.body;
      const muted =
        mutedUntil === undefined
          ? {}
          : { mutedUntilMs: mutedUntil === null ? null : readExpiry(mutedUntil, clock.nowMs()) };
      const id = call.params.user;
      const author = access.users.find(id);
      return { body: room.state.views.member(await changeMember(room, user, id, { ...others, ...muted }, author)) };
    },
  }),
  row({
    method: 'DELETE',
    path: '/api/v1/rooms/:id/members/:user',
    tag: 'rooms',
    access: 'self',
    sentence: 'Sends a person out of a room, or refuses one who waits. They may come back.',
    params: RoomAndUser,
    replies: { 204: undefined },
    async answer(call, parts) {
      const { room, user } = await readRoom(call, parts);
      kick(room, user, call.params.user);
      return { status: 204 };
    },
  }),
];
