/**
 * Messages and polls of rooms as JSON. Times are unix ms, as in all messages of the WebSocket.
 * In: rooms/chat, features/rooms/routes. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const userIds = (description: string) =>
  Type.Unsafe<readonly string[]>({ type: 'array', items: { type: 'string' }, description });

/** A chat message, a danmaku or a notice, as it is stored, sent and listed. */
export const RoomMessage = Type.Object(
  {
    seq: Type.Integer({ description: 'order in the room; there may be gaps' }),
    id: Type.String({ description: "the author's client chose it" }),
    kind: Type.Union([Type.Literal('chat'), Type.Literal('danmaku'), Type.Literal('notice')]),
    author: Type.String({ description: 'id of the user; empty: a deleted account, or the server' }),
    name: Type.String(),
    text: Type.String({ description: 'empty if it was deleted' }),
    sentMs: Type.Number({ description: 'unix ms' }),
    replyTo: Type.Optional(Type.Integer({ description: '`seq` of the message that it answers' })),
    item: Type.Optional(Type.String({ description: 'id of the entry that played' })),
    atMs: Type.Optional(
      Type.Number({ description: 'position in its media: unix ms in streams, ms from the start otherwise' }),
    ),
    color: Type.Optional(Type.String({ description: 'of danmaku, `#rrggbb`' })),
    mode: Type.Optional(Type.Union([Type.Literal('scroll'), Type.Literal('top'), Type.Literal('bottom')])),
    mentions: Type.Optional(userIds('ids of users')),
    reactions: Type.Optional(
      Type.Unsafe<Readonly<Record<string, readonly string[]>>>({
        type: 'object',
        additionalProperties: { type: 'array', items: { type: 'string' } },
        description: 'ids of users by emoji',
      }),
    ),
    deleted: Type.Optional(Type.Boolean()),
  },
  { $id: 'RoomMessage' },
);
export type RoomMessage = Readonly<Static<typeof RoomMessage>>;

export const RoomPoll = Type.Object(
  {
    id: Type.String(),
    question: Type.String(),
    choices: Type.Unsafe<readonly { readonly text: string; readonly votes: number }[]>({
      type: 'array',
      items: {
        type: 'object',
        properties: { text: { type: 'string' }, votes: { type: 'integer' } },
        required: ['text', 'votes'],
      },
    }),
    multiple: Type.Boolean({ description: 'several choices at a time' }),
    by: Type.String({ description: 'id of the user; empty: a deleted account' }),
    closed: Type.Boolean(),
    own: Type.Optional(
      Type.Unsafe<readonly number[]>({
        type: 'array',
        items: { type: 'integer' },
        description: 'choices of the reader; without it, in what is sent to everyone, they are as before',
      }),
    ),
  },
  { $id: 'RoomPoll' },
);
export type RoomPoll = Readonly<Static<typeof RoomPoll>>;
