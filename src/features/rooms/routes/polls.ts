/**
 * Routes of polls of rooms. Votes are sent over the WebSocket.
 * In: questions and choices. Out: RoomPoll.
 */

import { RoomPoll } from '../../../api/room/chat-shapes.ts';
import { Type } from '../../../api/type.ts';
import { IdParams } from '../../../http/route/page-query.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { FeatureRoute } from '../../feature.ts';
import type { RoomPolls } from '../chat/room-polls.ts';
import type { RoomParts } from '../parts.ts';
import { type ChatSender, chatSenderOf } from '../room-chat.ts';
import { type RoomCall, readRoom } from './room-reader.ts';
import { row } from './row.ts';

const NewPoll = Type.Object(
  {
    question: Type.String({ minLength: 1, maxLength: 300 }),
    choices: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 2, maxItems: 20 }),
    multiple: Type.Optional(Type.Boolean({ description: 'several choices at a time; default: one' })),
  },
  { $id: 'NewRoomPoll', additionalProperties: false },
);
const PollList = Type.Object({ items: Type.Array(RoomPoll), nextCursor: Type.Null() }, { $id: 'RoomPollList' });
const RoomAndPoll = Type.Object({ ...IdParams.properties, poll: Type.String({ maxLength: 64 }) });

async function readPolls(
  call: RoomCall,
  parts: Pick<RoomParts, 'rooms' | 'chats'>,
): Promise<{ readonly polls: RoomPolls; readonly sender: ChatSender }> {
  const { room, user } = await readRoom(call, parts);
  const polls = parts.chats.polls(room.state.record.id);
  if (!polls) throw new OxbowError('not-ready', 'The room closes.');
  return { polls, sender: chatSenderOf(room.state, user, () => undefined) };
}

/** The rows. */
export const roomPollRoutes: readonly FeatureRoute<RoomParts>[] = [
  row({
    method: 'GET',
    path: '/api/v1/rooms/:id/polls',
    tag: 'rooms',
    access: 'person',
    sentence: 'Lists the polls of a room, oldest first.',
    params: IdParams,
    replies: { 200: PollList },
    async answer(call, parts) {
      const { polls, sender } = await readPolls(call, parts);
      return { body: { items: polls.list(sender.user.id), nextCursor: null } };
    },
  }),
  row({
    method: 'POST',
    path: '/api/v1/rooms/:id/polls',
    tag: 'rooms',
    access: 'self',
    sentence: 'Creates a poll. Needs the permission `createPolls` in the room.',
    params: IdParams,
    body: NewPoll,
    replies: { 201: RoomPoll },
    async answer(call, parts) {
      const { polls, sender } = await readPolls(call, parts);
      const poll = await polls.create(sender, call.body);
      return { status: 201, headers: { location: `/api/v1/rooms/${call.params.id}/polls` }, body: poll };
    },
  }),
  row({
    method: 'POST',
    path: '/api/v1/rooms/:id/polls/:poll/close',
    tag: 'rooms',
    access: 'self',
    sentence: 'Closes a poll; votes are final. For its author and moderators.',
    params: RoomAndPoll,
    replies: { 200: RoomPoll },
    async answer(call, parts) {
      const { polls, sender } = await readPolls(call, parts);
      return { body: await polls.close(sender, call.params.poll) };
    },
  }),
  row({
    method: 'DELETE',
    path: '/api/v1/rooms/:id/polls/:poll',
    tag: 'rooms',
    access: 'self',
    sentence: 'Deletes a poll with its votes. For its author and moderators.',
    params: RoomAndPoll,
    replies: { 204: undefined },
    async answer(call, parts) {
      const { polls, sender } = await readPolls(call, parts);
      await polls.remove(sender, call.params.poll);
      return { status: 204 };
    },
  }),
];
