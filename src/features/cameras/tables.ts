/**
 * The tables of cameras.
 * In: nothing. Out: types for store/schema.ts, SQL for migrations.ts.
 */

/** The camera of a stream. */
export interface CameraTable {
  readonly stream_id: string;
  /** Of its device service, without user and password. */
  address: string;
  /** JSON of user and password, encrypted with the secret of the server. */
  sealed: string;
  /** Token of the profile that the stream shows. */
  profile: string;
  /** JSON: tokens of the video source of the profile. */
  sources: string;
  maker: string;
  model: string;
  /** JSON of `CameraEvents`. */
  events: string;
  /** Who may move it: `admins` or `users`; empty: it does not move. */
  move: string;
  /** Owner of its clips, as in `Principal.owner`. */
  owner: string;
  readonly created_us: number;
}

/** A marker or clip that an event of a camera made, or a moment that is not over. */
export interface CameraEventTable {
  readonly id: string;
  readonly stream_id: string;
  /** `marker`, `clip`, or `open:` and the kind of the moment. */
  readonly kind: string;
  readonly at_us: number;
}

export const cameraMigration = {
  up: `CREATE TABLE camera (
   stream_id TEXT PRIMARY KEY,
   address TEXT NOT NULL,
   sealed TEXT NOT NULL,
   profile TEXT NOT NULL,
   sources TEXT NOT NULL,
   maker TEXT NOT NULL,
   model TEXT NOT NULL,
   events TEXT NOT NULL,
   move TEXT NOT NULL,
   owner TEXT NOT NULL,
   created_us INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE camera_event (
   id TEXT PRIMARY KEY,
   stream_id TEXT NOT NULL,
   kind TEXT NOT NULL,
   at_us INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX camera_event_by_stream ON camera_event (stream_id, kind, at_us);`,
  down: `DROP TABLE camera_event;
 DROP TABLE camera;`,
  expands: true,
} as const;
