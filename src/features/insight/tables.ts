/**
 * The tables of insight: sessions by minute, hourly sums, and sums by position in the media.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/decisions/0107.
 */
import type { Generated } from 'kysely';

/** What was watched: short numbers in place of ids, which the other tables have in every row. */
export interface ViewingContentTable {
  readonly seq: Generated<number>;
  /** `stream` or `asset`. */
  readonly kind: string;
  /** Id of the stream or asset. */
  readonly content_id: string;
}

/** One session in one minute, as one node saw it. */
export interface ViewingMinuteTable {
  /** Minutes since 1970. */
  readonly minute: number;
  readonly content: number;
  /** A hash of the id that the player chose. */
  readonly session: string;
  readonly node: string;
  /** 1: its first minute at this node. */
  begins: number;
  /** Played, ms; of it live; of it with a known bitrate, and the kbit of that. */
  watch_ms: number;
  live_ms: number;
  bit_ms: number;
  kbits: number;
  startup_ms: number | null;
  stalls: number;
  stall_ms: number;
  errors: number;
  /** 1: it ended with a fatal error. */
  failed: number;
  /** Last shown moment of recorded media: seconds since 1970, or from the start of an asset. */
  position_s: number | null;
  /** Host name; empty: this server. */
  edge: string;
  /** ISO 3166-1; empty: unknown. */
  country: string;
  /** `report`, `event` or `request`. */
  source: string;
}

/** Sums of one hour. */
export interface ViewingHourTable {
  /** Hours since 1970. */
  readonly hour: number;
  readonly content: number;
  readonly edge: string;
  readonly country: string;
  /** Sessions that began. */
  sessions: number;
  watch_ms: number;
  live_ms: number;
  bit_ms: number;
  kbits: number;
  stalls: number;
  stall_ms: number;
  errors: number;
  failed: number;
}

/** Sessions by start-up time in one hour. */
export interface ViewingStartupTable {
  /** Hours since 1970. */
  readonly hour: number;
  readonly content: number;
  readonly edge: string;
  readonly country: string;
  /** Each begins 10 % after the one before. */
  readonly bucket: number;
  amount: number;
}

/** Sums by position in the media. */
export interface ViewingSumTable {
  readonly content: number;
  /**
   * `heat`: ms that were watched as a recording; `left`: sessions that ended; `reach`: sessions that watched.
   */
  readonly kind: string;
  /** 5 s of media; -1 of `reach`: all sessions. */
  readonly bucket: number;
  /** The first hour of the day, since 1970. */
  readonly hour: number;
  amount: number;
}

/** A batch of sealed rows: a Parquet file, or rows of ClickHouse. docs/decisions/0111. */
export interface ViewingSealedTable {
  /** Unique; name of the file. */
  readonly id: string;
  /** `files` or `clickhouse`. */
  readonly place: string;
  /** Target of `storage.targets` that has a copy; empty: none. */
  readonly target: string;
  /**
   * `writing`: its rows are in the database; `sealed`: they are not; `removing`: it is not read any more.
   */
  state: string;
  /** First and last minute of its rows, since 1970. */
  readonly first_minute: number;
  readonly last_minute: number;
  rows: number;
  bytes: number;
}

/** What was deleted for good, whose rows are still in sealed batches. */
export interface ViewingErasedTable {
  /** `stream` or `asset`. */
  readonly kind: string;
  readonly content_id: string;
}

/** The tables. */
export const insightMigration = {
  up: `CREATE TABLE viewing_content (
   seq INTEGER PRIMARY KEY AUTOINCREMENT,
   kind TEXT NOT NULL,
   content_id TEXT NOT NULL,
   UNIQUE (kind, content_id)
 ) STRICT;
 CREATE TABLE viewing_minute (
   minute INTEGER NOT NULL,
   content INTEGER NOT NULL,
   session TEXT NOT NULL,
   node TEXT NOT NULL,
   begins INTEGER NOT NULL,
   watch_ms INTEGER NOT NULL,
   live_ms INTEGER NOT NULL,
   bit_ms INTEGER NOT NULL,
   kbits INTEGER NOT NULL,
   startup_ms INTEGER,
   stalls INTEGER NOT NULL,
   stall_ms INTEGER NOT NULL,
   errors INTEGER NOT NULL,
   failed INTEGER NOT NULL,
   position_s INTEGER,
   edge TEXT NOT NULL,
   country TEXT NOT NULL,
   source TEXT NOT NULL,
   PRIMARY KEY (minute, content, session, node)
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX viewing_minute_session ON viewing_minute (session);
 CREATE TABLE viewing_hour (
   hour INTEGER NOT NULL,
   content INTEGER NOT NULL,
   edge TEXT NOT NULL,
   country TEXT NOT NULL,
   sessions INTEGER NOT NULL,
   watch_ms INTEGER NOT NULL,
   live_ms INTEGER NOT NULL,
   bit_ms INTEGER NOT NULL,
   kbits INTEGER NOT NULL,
   stalls INTEGER NOT NULL,
   stall_ms INTEGER NOT NULL,
   errors INTEGER NOT NULL,
   failed INTEGER NOT NULL,
   PRIMARY KEY (hour, content, edge, country)
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE viewing_startup (
   hour INTEGER NOT NULL,
   content INTEGER NOT NULL,
   edge TEXT NOT NULL,
   country TEXT NOT NULL,
   bucket INTEGER NOT NULL,
   amount INTEGER NOT NULL,
   PRIMARY KEY (hour, content, edge, country, bucket)
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE viewing_sum (
   content INTEGER NOT NULL,
   kind TEXT NOT NULL,
   bucket INTEGER NOT NULL,
   hour INTEGER NOT NULL,
   amount INTEGER NOT NULL,
   PRIMARY KEY (content, kind, bucket, hour)
 ) STRICT, WITHOUT ROWID;`,
  down: `DROP TABLE viewing_sum;
 DROP TABLE viewing_startup;
 DROP TABLE viewing_hour;
 DROP TABLE viewing_minute;
 DROP TABLE viewing_content;`,
  expands: true,
} as const;

/** The batches of sealed rows. */
export const sealedMigration = {
  up: `CREATE TABLE viewing_sealed (
   id TEXT NOT NULL PRIMARY KEY,
   place TEXT NOT NULL,
   target TEXT NOT NULL,
   state TEXT NOT NULL,
   first_minute INTEGER NOT NULL,
   last_minute INTEGER NOT NULL,
   rows INTEGER NOT NULL,
   bytes INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX viewing_sealed_minute ON viewing_sealed (last_minute);
 CREATE TABLE viewing_erased (
   kind TEXT NOT NULL,
   content_id TEXT NOT NULL,
   PRIMARY KEY (kind, content_id)
 ) STRICT, WITHOUT ROWID;`,
  down: `DROP TABLE viewing_erased;
 DROP TABLE viewing_sealed;`,
} as const;
