/**
 * Routes of messages of rooms: the history of the chat, and messages written to a stretch of media.
 * In: numbers, media times. Out: RoomMessage.
 */

import { RoomMessage } from '../../../api/room/chat-shapes.ts';
import { Type } from '../../../api/type.ts';
import { IdParams, NextCursor } from '../../../http/route/page-query.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { FeatureRoute } from '../../feature.ts';
import type { RoomParts } from '../parts.ts';
import { readRoom } from './room-reader.ts';
import { row } from './row.ts';

const USUAL = 100;
const MOST = 500;

const Limit = Type.Optional(
  Type.String({
    pattern: '^([1-9][0-9]?|[1-4][0-9]{2}|500)$',
    description: `messages, at most ${MOST}; default ${USUAL}`,
  }),
);
const HistoryQuery = Type.Object(
  {
    before: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,15}$',
        description: 'messages with lower numbers (`seq`); default: the newest',
      }),
    ),
    limit: Limit,
  },
  { additionalProperties: false },
);
const HistoryPage = Type.Object(
  { items: Type.Array(RoomMessage), hasMore: Type.Boolean({ description: 'there are older messages' }) },
  { $id: 'RoomHistoryPage' },
);
const Position = (description: string) => Type.String({ pattern: '^[0-9]{1,15}(\\.[0-9]{1,6})?$', description });
const ReplayQuery = Type.Object(
  {
    item: Type.String({ maxLength: 64, description: 'id of the entry of the playlist' }),
    from: Position('ms: UTC in streams and ranges of them, from the start otherwise'),
    to: Position('ms; messages at exactly this position are not returned'),
    limit: Limit,
    cursor: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,18}-[0-9]{1,15}$', description: '`nextCursor` of the answer before this one' }),
    ),
  },
  { additionalProperties: false },
);
const ReplayPage = Type.Object({ items: Type.Array(RoomMessage), nextCursor: NextCursor }, { $id: 'RoomReplayPage' });

/** The rows. */
export const roomMessageRoutes: readonly FeatureRoute<RoomParts>[] = [
  row({
    method: 'GET',
    path: '/api/v1/rooms/:id/messages',
    tag: 'rooms',
    access: 'person',
    sentence: 'Returns the history of the chat of a room, oldest first, without danmaku.',
    params: IdParams,
    query: HistoryQuery,
    replies: { 200: HistoryPage },
    async answer(call, parts) {
      const { room } = await readRoom(call, parts);
      const { before, limit } = call.query;
      const count = Number(limit ?? USUAL);
      const seq = before === undefined ? Number.MAX_SAFE_INTEGER : Number(before);
      const items = await parts.chats.before(room.state.record.id, seq, count + 1);
      return { body: { items: items.slice(-count), hasMore: items.length > count } };
    },
  }),
  row({
    method: 'GET',
    path: '/api/v1/rooms/:id/replay',
    tag: 'rooms',
    access: 'person',
    sentence:
      'Returns the chat and danmaku of a stretch of media, in its order. What was written to a stream is returned for each entry that plays it.',
    params: IdParams,
    query: ReplayQuery,
    replies: { 200: ReplayPage },
    async answer(call, parts) {
      const { room } = await readRoom(call, parts);
      const { item, from, to, limit, cursor } = call.query;
      const count = Number(limit ?? USUAL);
      const [fromUs, toUs] = [Math.round(Number(from) * 1000), Math.round(Number(to) * 1000)];
      if (toUs <= fromUs) throw new OxbowError('bad-request', '`to` is not after `from`.');
      const after = cursor?.split('-').map(Number);
      const items = await parts.chats.replay(room.state.record.id, item, {
        fromUs,
        toUs,
        limit: count + 1,
        after: after && { atUs: after[0]!, seq: after[1]! },
      });
      const page = items.slice(0, count);
      const last = items.length > count ? page.at(-1)! : undefined;
      const nextCursor = last ? `${Math.round(last.atMs! * 1000)}-${last.seq}` : null;
      return { body: { items: page, nextCursor } };
    },
  }),
];
