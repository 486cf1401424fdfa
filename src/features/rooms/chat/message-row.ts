/**
 * A message of a room as a row of the table, and back.
 * In: rows of room_message. Out: RoomMessage. Pure.
 */
import type { Selectable } from 'kysely';
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import type { RoomMessage } from '../../../api/room/messages.ts';
import type { RoomMessageTable } from '../tables.ts';

/** A row of the table. */
export type MessageRow = Selectable<RoomMessageTable>;

/** The entry that played when a message was written, and the position in its media. */
export interface Stamp {
  readonly item: string;
  /** Unix ms in streams and ranges of them, ms from the start in everything else. */
  readonly positionMs: number;
  /** Id of the stream, of streams and ranges. */
  readonly streamId?: string | undefined;
  readonly assetId?: string | undefined;
}

/** The media of an entry. */
export function stampOf(
  target: ItemTarget,
  streamIdOf: (name: string) => string | undefined,
): Pick<Stamp, 'streamId' | 'assetId'> {
  if (target.kind === 'stream' || target.kind === 'range') return { streamId: streamIdOf(target.stream) };
  return target.kind === 'asset' ? { assetId: target.asset } : {};
}

type Extra = Pick<RoomMessage, 'color' | 'mode' | 'mentions' | 'reactions'>;

/** The message of a row. A deleted message has neither text nor reactions. */
export function messageOf(row: MessageRow): RoomMessage {
  const extra = row.deleted_us === null ? (JSON.parse(row.extra) as Extra) : {};
  return {
    seq: row.seq,
    id: row.client_id,
    kind: row.kind as RoomMessage['kind'],
    author: row.author,
    name: row.author_name,
    text: row.text,
    sentMs: row.sent_us / 1000,
    ...(row.reply_to !== null && { replyTo: row.reply_to }),
    ...(row.item_id !== null && { item: row.item_id }),
    ...(row.media_us !== null && { atMs: row.media_us / 1000 }),
    ...extra,
    ...(row.deleted_us !== null && { deleted: true }),
  };
}

/** The row of a new message. */
export function rowOf(roomId: string, message: RoomMessage, stamp: Stamp | undefined): MessageRow {
  return {
    room_id: roomId,
    seq: message.seq,
    client_id: message.id,
    kind: message.kind,
    author: message.author,
    author_name: message.name,
    text: message.text,
    reply_to: message.replyTo ?? null,
    stream_id: stamp?.streamId ?? null,
    asset_id: stamp?.assetId ?? null,
    item_id: stamp?.item ?? null,
    media_us: stamp ? Math.round(stamp.positionMs * 1000) : null,
    extra: extraOf(message),
    sent_us: Math.round(message.sentMs * 1000),
    deleted_us: null,
  };
}

/** The column `extra` of a message. */
export function extraOf({ color, mode, mentions, reactions }: RoomMessage): string {
  if (color === undefined && mode === undefined && mentions === undefined && reactions === undefined) return '{}';
  return JSON.stringify({ color, mode, mentions, reactions });
}
