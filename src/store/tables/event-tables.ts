/**
 * The tables of past events, and of what of them is sent to webhooks again.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/decisions/0098.
 */

/** An event of the last day. */
export interface EventLogTable {
  /** Order of the commits. Without holes. */
  readonly seq: number;
  readonly event_id: string;
  /** The node that has published and stored it; empty: a single server. */
  readonly node: string;
  readonly at_us: number;
  readonly type: string;
  readonly stream: string | null;
  /** cluster/bus/event-bus.ts Audience. */
  readonly audience: string;
  /** The event as JSON. */
  readonly body: string;
  /** What it counts against the bound on bytes. */
  readonly size: number;
  /** Events that are missing directly before this one. */
  readonly lost: number;
}

/**
 * What is known of the log: one row. Every write of events changes it first, so they are committed one after
 * the other.
 */
export interface EventLogHeadTable {
  readonly id: number;
  /** Names the log in cursors; a restored database has another one. */
  readonly log: string;
  /** The newest row. */
  last: number;
  /** Rows up to here are deleted. */
  first: number;
  /** Sum of the sizes of all rows. */
  bytes: number;
  /** Of rows after this one, ids sort in the order of the bus. */
  ids_after: number;
  /** After this id no row is deleted. */
  floor_id: string;
  /** After this time no row is deleted. */
  floor_us: number;
}

/** Past events that are sent to a webhook again. */
export interface WebhookReplayTable {
  readonly webhook_id: string;
  /** Rows of the log up to here have been taken. */
  after_seq: number;
  /** The last row that is taken. */
  readonly until_seq: number;
}

/** Past events. */
export const eventLogMigration = {
  up: `CREATE TABLE event_log (
   seq INTEGER PRIMARY KEY,
   event_id TEXT NOT NULL,
   node TEXT NOT NULL,
   at_us INTEGER NOT NULL,
   type TEXT NOT NULL,
   stream TEXT,
   audience TEXT NOT NULL,
   body TEXT NOT NULL,
   size INTEGER NOT NULL,
   lost INTEGER NOT NULL
 ) STRICT;
 CREATE UNIQUE INDEX event_log_by_id ON event_log (event_id, node);
 CREATE INDEX event_log_by_time ON event_log (at_us, seq);
 CREATE TABLE event_log_head (
   id INTEGER PRIMARY KEY,
   log TEXT NOT NULL,
   last INTEGER NOT NULL,
   first INTEGER NOT NULL,
   bytes INTEGER NOT NULL,
   ids_after INTEGER NOT NULL,
   floor_id TEXT NOT NULL,
   floor_us INTEGER NOT NULL
 ) STRICT;
 CREATE TABLE webhook_replay (
   webhook_id TEXT PRIMARY KEY,
   after_seq INTEGER NOT NULL,
   until_seq INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;`,
  down: `DROP TABLE webhook_replay;
 DROP TABLE event_log_head;
 DROP TABLE event_log;`,
};
