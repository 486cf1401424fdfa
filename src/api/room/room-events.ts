/**
 * Events of rooms, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from '../type.ts';

const RoomData = {
  id: Type.String(),
  owner: Type.String({ description: '`admin`, or `user:` with the id of a user' }),
  visibility: Type.String({ description: '`public`, `unlisted`' }),
};

/** The rows. */
export const roomEvents = {
  'room.created': {
    audience: 'owner',
    sentence: 'A room was created. What is written and played in rooms is not published.',
    data: Type.Object(RoomData),
  },
  'room.deleted': {
    audience: 'owner',
    sentence: 'A room was deleted with its playlist and its chat.',
    data: Type.Object({
      ...RoomData,
      reason: Type.Union([Type.Literal('request'), Type.Literal('expired'), Type.Literal('owner-deleted')], {
        description:
          '`expired`: its time has come, or no one had used it; `owner-deleted`: with the account of its owner',
      }),
    }),
  },
} as const;
