/**
 * The tables of Web Push: the key of the server, browsers that get messages, and who follows which stream.
 * In: nothing. Out: types for store/schema.ts, SQL for migrations.ts. docs/decisions/0123.
 */

/** The key that identifies this server to push services. */
export interface PushKeyTable {
  /** `vapid`: there is one. */
  readonly id: string;
  /** 65 bytes, base64url. */
  public_key: string;
  /** The private half, encrypted with the secret of the server. */
  sealed: string;
  made_us: number;
}

/** A browser that gets messages. Times are µs since 1970. */
export interface PushSubscriptionTable {
  readonly id: string;
  /** Code of the address at the push service, which only this server can compute. */
  readonly mark: string;
  /** Messages end with this session. */
  session_id: string;
  /** `admin`: the administrator of the command line. */
  user_id: string;
  /** JSON of address and keys, encrypted with the secret of the server. */
  sealed: string;
  /** Words of `PushKind`, separated by commas. */
  kinds: string;
  /** 1: all streams that the person finds in lists; 0: those that they follow. */
  all_streams: number;
  /** Origin of the page that subscribed, for push services that want to reach the operator. */
  origin: string;
  program: string;
  created_us: number;
  sent_us: number | null;
  /** Since when its push service accepts nothing; null: it does. */
  failing_us: number | null;
}

/** Someone follows a stream. */
export interface PushFollowTable {
  readonly user_id: string;
  readonly stream_id: string;
  readonly created_us: number;
}

export const pushMigration = {
  up: `CREATE TABLE push_key (
   id TEXT PRIMARY KEY,
   public_key TEXT NOT NULL,
   sealed TEXT NOT NULL,
   made_us INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE push_subscription (
   id TEXT PRIMARY KEY,
   mark TEXT NOT NULL UNIQUE,
   session_id TEXT NOT NULL,
   user_id TEXT NOT NULL,
   sealed TEXT NOT NULL,
   kinds TEXT NOT NULL,
   all_streams INTEGER NOT NULL,
   origin TEXT NOT NULL,
   program TEXT NOT NULL,
   created_us INTEGER NOT NULL,
   sent_us INTEGER,
   failing_us INTEGER
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX push_subscription_by_user ON push_subscription (user_id, created_us);
 CREATE TABLE push_follow (
   user_id TEXT NOT NULL,
   stream_id TEXT NOT NULL,
   created_us INTEGER NOT NULL,
   PRIMARY KEY (user_id, stream_id)
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX push_follow_by_stream ON push_follow (stream_id);`,
  down: `DROP TABLE push_follow;
 DROP TABLE push_subscription;
 DROP TABLE push_key;`,
  expands: true,
} as const;
