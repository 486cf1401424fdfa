/**
 * The tables of channels, which are only in the database: no file of a recording names them.
 * In: nothing. Out: types for store/schema.ts, SQL for migrations.ts. docs/decisions/0122.
 */

/** A stream that plays a schedule. */
export interface ChannelTable {
  readonly stream_id: string;
  /** IANA name of the zone of its times. */
  zone: string;
  /** Ids of the streams whose past fills empty hours, as a JSON array; empty: those of its items. */
  fill_from: string;
  /** Id of the stream that interrupts the schedule; null: none does. */
  live_stream_id: string | null;
  /** µs since 1970 at which the interruption ends at the latest; null without one. */
  live_until_us: number | null;
  /** Id of the room that it follows; null: none. */
  room_id: string | null;
  /** Rises with every change of the channel and its items. */
  revision: number;
}

/** An item of a schedule. */
export interface ChannelItemTable {
  readonly id: string;
  readonly stream_id: string;
  /** `asset`, `clip`, `recording`, `live`. */
  kind: string;
  /** Id of the asset, the clip or the stream. */
  ref: string;
  /** For viewers, in the guide. */
  title: string;
  /** Local time, read as if it were UTC, ms since 1970. */
  start_ms: number;
  duration_ms: number;
  /** 1: every week from then on. */
  weekly: number;
  /** Where it begins in its media: ms from its start; of a recording since 1970; of live input 0. */
  media_ms: number;
}

export const channelMigration = {
  up: `CREATE TABLE channel (
   stream_id TEXT PRIMARY KEY,
   zone TEXT NOT NULL,
   fill_from TEXT NOT NULL,
   live_stream_id TEXT,
   live_until_us INTEGER,
   revision INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE channel_item (
   id TEXT PRIMARY KEY,
   stream_id TEXT NOT NULL,
   kind TEXT NOT NULL,
   ref TEXT NOT NULL,
   title TEXT NOT NULL,
   start_ms INTEGER NOT NULL,
   duration_ms INTEGER NOT NULL,
   weekly INTEGER NOT NULL,
   media_ms INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX channel_item_by_stream ON channel_item (stream_id, start_ms);`,
  down: `DROP TABLE channel_item;
 DROP TABLE channel;`,
  expands: true,
} as const;

/** A channel may follow a room. */
export const channelRoomMigration = {
  up: 'ALTER TABLE channel ADD COLUMN room_id TEXT;',
  down: 'ALTER TABLE channel DROP COLUMN room_id;',
  expands: true,
} as const;
