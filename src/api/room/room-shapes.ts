/**
 * Rooms and their members as JSON. Times are RFC 3339 in UTC with milliseconds.
 * In: features/rooms/routes. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

const permission = Type.Unsafe<number>({
  type: 'integer',
  minimum: 0,
  description: 'permission bits, see docs/7-together/permissions.md',
});

/** The choices of the owner and moderators. */
export const RoomOptions = Type.Object(
  {
    guests: Type.Boolean({ description: 'people without an account may enter' }),
    approve: Type.Boolean({ description: 'new people wait until a moderator lets them in' }),
    control: Type.Union([Type.Literal('everyone'), Type.Literal('moderators')], {
      description: 'who plays, pauses and seeks; permissions of persons are added to it',
    }),
    atEnd: Type.Union([Type.Literal('next'), Type.Literal('pause')], {
      description: 'at the end of an entry: the next one of its folder, or pause',
    }),
    waitForSlow: Type.Boolean({ description: 'the room pauses for a member without media, 10 s at most' }),
    slowModeSeconds: Type.Integer({
      minimum: 0,
      maximum: 3600,
      description: 'between two messages of a member; 0: off',
    }),
    keepChat: Type.Boolean({ description: 'chat outlives the media that it was written to' }),
    masks: Type.Object(
      { guest: permission, member: permission, moderator: permission },
      { description: 'permission bits of the roles' },
    ),
  },
  { $id: 'RoomOptions' },
);
export type RoomOptions = Static<typeof RoomOptions>;

/** A room, as everyone who may know of it sees it. */
export const RoomView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    owner: Type.Object({ id: Type.String(), name: Type.String() }),
    visibility: Type.Union([Type.Literal('public'), Type.Literal('unlisted')]),
    hasPassword: Type.Boolean(),
    capacity: Type.Union([Type.Integer(), Type.Null()]),
    present: Type.Integer({ description: 'people who are in the room' }),
    playing: Type.Union([Type.String({ description: 'name of the item that plays' }), Type.Null()]),
    still: Type.Union([
      Type.String({ description: 'path of a still of what plays; only of public streams' }),
      Type.Null(),
    ]),
    playingHidden: Type.Boolean({
      description:
        'what plays is shown to people who may enter: not before its password, approval or sign-in, nor when banned',
    }),
    options: RoomOptions,
    createdAt: Time,
    expiresAt: Type.Union([Time, Type.Null()]),
  },
  { $id: 'RoomView' },
);
export type RoomView = Static<typeof RoomView>;

/** A person's place in a room. */
export const MemberView = Type.Object(
  {
    user: Type.String({ description: 'id of the user' }),
    name: Type.String(),
    role: Type.Union([Type.Literal('owner'), Type.Literal('moderator'), Type.Literal('member'), Type.Literal('guest')]),
    state: Type.Union([Type.Literal('active'), Type.Literal('pending'), Type.Literal('banned')]),
    permissions: permission,
    allow: permission,
    deny: permission,
    mutedUntil: Type.Union([Time, Type.Null()]),
    present: Type.Integer({ description: 'connections to the room; 0: away' }),
    offsetMs: Type.Union([Type.Number({ description: 'later than the room; negative: earlier' }), Type.Null()]),
    buffering: Type.Boolean(),
  },
  { $id: 'MemberView' },
);
export type MemberView = Static<typeof MemberView>;
