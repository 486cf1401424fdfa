/**
 * The tables of watching the input: alarms, muted streams, and the journal of what happened to streams.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/9-run/alarms.md.
 */
import type { Generated } from 'kysely';

/** An alarm that was raised. */
export interface AlarmTable {
  /** Sorts by the time at which it was raised. */
  readonly id: string;
  readonly stream_id: string;
  /** Name of the stream at that time. */
  readonly stream: string;
  /** api/alarms/alarm-rules AlarmCode. */
  readonly code: string;
  /** Since when the value was beyond its threshold. */
  readonly from_us: number;
  readonly raised_us: number;
  /** null: it is active. */
  cleared_us: number | null;
  /** The value that was furthest beyond the threshold so far; null where there is none. */
  value: number | null;
  readonly threshold: number | null;
  acknowledged_us: number | null;
  /** The user who has, as in the audit log; empty: no one yet. */
  acknowledged_by: string;
}

/** A stream whose alarms are muted. */
export interface AlarmMuteTable {
  readonly stream_id: string;
  until_us: number;
  /** The user who has muted it, as in the audit log. */
  muted_by: string;
  reason: string;
}

/** Something that happened to a stream. */
export interface JournalTable {
  readonly seq: Generated<number>;
  /** Empty: it concerns all streams. */
  readonly stream_id: string;
  readonly at_us: number;
  /** The type of the event. */
  readonly type: string;
  /** JSON, the data of the event. */
  readonly data: string;
}

/** Alarms, muted streams and the journal. */
export const alarmMigration = {
  up: `ALTER TABLE stream ADD COLUMN alarms TEXT;
 CREATE TABLE alarm (
   id TEXT PRIMARY KEY,
   stream_id TEXT NOT NULL,
   stream TEXT NOT NULL,
   code TEXT NOT NULL,
   from_us INTEGER NOT NULL,
   raised_us INTEGER NOT NULL,
   cleared_us INTEGER,
   value REAL,
   threshold REAL,
   acknowledged_us INTEGER,
   acknowledged_by TEXT NOT NULL DEFAULT ''
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX alarm_by_stream ON alarm (stream_id, raised_us);
 CREATE INDEX alarm_by_end ON alarm (cleared_us);
 CREATE TABLE alarm_mute (
   stream_id TEXT PRIMARY KEY,
   until_us INTEGER NOT NULL,
   muted_by TEXT NOT NULL,
   reason TEXT NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE journal (
   seq INTEGER PRIMARY KEY AUTOINCREMENT,
   stream_id TEXT NOT NULL,
   at_us INTEGER NOT NULL,
   type TEXT NOT NULL,
   data TEXT NOT NULL
 ) STRICT;
 CREATE INDEX journal_by_stream ON journal (stream_id, at_us);`,
  down: `DROP TABLE journal;
 DROP TABLE alarm_mute;
 DROP TABLE alarm;
 ALTER TABLE stream DROP COLUMN alarms;`,
};
