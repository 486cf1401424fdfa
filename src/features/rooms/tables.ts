/**
 * The tables of rooms, as Kysely sees them. Columns are snake_case, times are whole µs; of positions: UTC in
 * streams, from the start in files.
 * In: nothing. Out: types for store/schema.ts, SQL for store/migrations.ts.
 */
import type { Generated } from 'kysely';

/** A room; see features/rooms/rooms.ts. */
export interface RoomTable {
  readonly id: string;
  name: string;
  /** Id of the user. */
  owner: string;
  /** `public`, `unlisted`. */
  visibility: string;
  /** PHC string; null: none. */
  password: string | null;
  /** Most members at a time; null: as in the settings. */
  capacity: number | null;
  /** api/room/room-shapes.ts RoomOptions, as JSON. */
  options: string;
  /** 1: `options.keepChat`. */
  keep_chat: Generated<number>;
  /** api/room/playback.ts PlaybackState, as JSON. */
  state: string;
  /** JSON of the lists of networks and countries; null: the setting `watchRules`. */
  watch_rules: Generated<string | null>;
  /** Messages of the room have numbers up to this one; none above it was used. */
  message_seq: Generated<number>;
  readonly created_us: number;
  /** Last time a member was present. */
  used_us: number;
  /** Null: never. */
  expires_us: number | null;
  /** People who were there when `used_us` was written. */
  present: Generated<number>;
}

/** A user, as a room knows them. */
export interface RoomMemberTable {
  readonly room_id: string;
  readonly user_id: string;
  /** Name at the last visit. */
  name: string;
  /** `moderator`, `member`, `guest`; the owner is a column of the room. */
  role: string;
  /** `active`, `pending`, `banned`, `left`. */
  state: string;
  /** Permission bits beyond those of the role. */
  allow: number;
  /** Permission bits of the role that are withheld. */
  deny: number;
  /** 0: not muted. */
  muted_until_us: number;
  readonly joined_us: number;
  seen_us: number;
  /** 1: has given the password; 0 again when it changes. */
  let_in: number;
  /** IP address of a guest when it was banned; empty: none. */
  address: string;
}

/** An entry of a room's playlist. */
export interface RoomItemTable {
  readonly id: string;
  readonly room_id: string;
  /** The folder; null: at the top. */
  parent_id: string | null;
  /** Order in the folder. */
  rank: number;
  name: string;
  /** api/room/playlist.ts ItemTarget, as JSON; its headers are sealed, see store/sealed/sealed-columns. */
  target: string;
  /** 1: its author may watch media that is not open to all, and shows it to the room. */
  signed: number;
  added_by: string;
  readonly created_us: number;
}

/** A message of a room: chat and danmaku. */
export interface RoomMessageTable {
  readonly room_id: string;
  /** Order in the room; never used twice. */
  readonly seq: number;
  /** Chosen by the author's client; a message that is sent again is found by it. */
  readonly client_id: string;
  /** Empty: the account was deleted. */
  author: string;
  author_name: string;
  /** `chat`, `danmaku`, `notice`. */
  readonly kind: string;
  text: string;
  /** `seq` of the message that it answers. */
  readonly reply_to: number | null;
  /** Stream id of the media it was written to; null: none or another kind. */
  readonly stream_id: string | null;
  /** Asset id of the media it was written to. */
  readonly asset_id: string | null;
  /** Item of the playlist that played. */
  readonly item_id: string | null;
  /** Position in the media; null: nothing played. */
  readonly media_us: number | null;
  /** Colour, mode, mentions, reactions, as JSON. */
  extra: string;
  readonly sent_us: number;
  /** Null: it is shown. */
  deleted_us: number | null;
}

export interface RoomPollTable {
  readonly id: string;
  readonly room_id: string;
  created_by: string;
  readonly question: string;
  /** JSON, an array of texts. */
  readonly choices: string;
  /** 1: several choices at a time. */
  readonly multiple: number;
  /** JSON: choices by user id. */
  votes: string;
  readonly created_us: number;
  closed_us: number | null;
}

/** A media server that a user has connected; see features/rooms/providers. */
export interface MediaServerTable {
  readonly id: string;
  readonly user_id: string;
  /** api/room/media-server-shapes.ts MediaServerKind. */
  readonly kind: string;
  readonly name: string;
  readonly url: string;
  /** The sign-in, encrypted by accounts/secret-box.ts. */
  readonly session: string;
  readonly created_us: number;
}

/** Statements of the first migrations. A released one never changes. */
export const roomMigrations: readonly string[] = [
  `CREATE TABLE media_server (
     id TEXT PRIMARY KEY,
     user_id TEXT NOT NULL,
     kind TEXT NOT NULL,
     name TEXT NOT NULL,
     url TEXT NOT NULL,
     session TEXT NOT NULL,
     created_us INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX media_server_by_user ON media_server (user_id);
   CREATE TABLE room (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     owner TEXT NOT NULL,
     visibility TEXT NOT NULL,
     password TEXT,
     capacity INTEGER,
     options TEXT NOT NULL,
     state TEXT NOT NULL,
     message_seq INTEGER NOT NULL DEFAULT 0,
     created_us INTEGER NOT NULL,
     used_us INTEGER NOT NULL,
     expires_us INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX room_by_owner ON room (owner);
   CREATE TABLE room_member (
     room_id TEXT NOT NULL,
     user_id TEXT NOT NULL,
     name TEXT NOT NULL,
     role TEXT NOT NULL,
     state TEXT NOT NULL,
     allow INTEGER NOT NULL,
     deny INTEGER NOT NULL,
     muted_until_us INTEGER NOT NULL,
     joined_us INTEGER NOT NULL,
     seen_us INTEGER NOT NULL,
     let_in INTEGER NOT NULL,
     address TEXT NOT NULL,
     PRIMARY KEY (room_id, user_id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX room_member_by_user ON room_member (user_id);
   CREATE TABLE room_item (
     id TEXT PRIMARY KEY,
     room_id TEXT NOT NULL,
     parent_id TEXT,
     rank REAL NOT NULL,
     name TEXT NOT NULL,
     target TEXT NOT NULL,
     signed INTEGER NOT NULL,
     added_by TEXT NOT NULL,
     created_us INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX room_item_by_room ON room_item (room_id, rank);
   CREATE TABLE room_message (
     room_id TEXT NOT NULL,
     seq INTEGER NOT NULL,
     client_id TEXT NOT NULL,
     author TEXT NOT NULL,
     author_name TEXT NOT NULL,
     kind TEXT NOT NULL,
     text TEXT NOT NULL,
     reply_to INTEGER,
     stream_id TEXT,
     asset_id TEXT,
     item_id TEXT,
     media_us INTEGER,
     extra TEXT NOT NULL,
     sent_us INTEGER NOT NULL,
     deleted_us INTEGER,
     PRIMARY KEY (room_id, seq)
   ) STRICT;
   CREATE UNIQUE INDEX room_message_by_author ON room_message (author, room_id, client_id) WHERE author <> '';
   CREATE INDEX room_message_by_kind ON room_message (room_id, kind, seq);
   CREATE INDEX room_message_by_stream ON room_message (stream_id, room_id, media_us, seq) WHERE stream_id IS NOT NULL;
   CREATE INDEX room_message_by_asset ON room_message (asset_id, room_id, media_us, seq) WHERE asset_id IS NOT NULL;
   CREATE INDEX room_message_by_item ON room_message (item_id, room_id, media_us, seq)
     WHERE item_id IS NOT NULL AND stream_id IS NULL AND asset_id IS NULL;
   CREATE TABLE room_poll (
     id TEXT PRIMARY KEY,
     room_id TEXT NOT NULL,
     created_by TEXT NOT NULL,
     question TEXT NOT NULL,
     choices TEXT NOT NULL,
     multiple INTEGER NOT NULL,
     votes TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     closed_us INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX room_poll_by_room ON room_poll (room_id);`,
  // One index serves numbers and kinds: most of the cost of a message is the pages of its indices.
  `CREATE TABLE room_message_new (
     room_id TEXT NOT NULL,
     seq INTEGER NOT NULL,
     client_id TEXT NOT NULL,
     author TEXT NOT NULL,
     author_name TEXT NOT NULL,
     kind TEXT NOT NULL,
     text TEXT NOT NULL,
     reply_to INTEGER,
     stream_id TEXT,
     asset_id TEXT,
     item_id TEXT,
     media_us INTEGER,
     extra TEXT NOT NULL,
     sent_us INTEGER NOT NULL,
     deleted_us INTEGER,
     PRIMARY KEY (room_id, kind, seq)
   ) STRICT;
   INSERT INTO room_message_new SELECT * FROM room_message;
   DROP TABLE room_message;
   ALTER TABLE room_message_new RENAME TO room_message;
   CREATE UNIQUE INDEX room_message_by_author ON room_message (author, room_id, client_id) WHERE author <> '';
   CREATE INDEX room_message_by_stream ON room_message (stream_id, room_id, media_us, seq) WHERE stream_id IS NOT NULL;
   CREATE INDEX room_message_by_asset ON room_message (asset_id, room_id, media_us, seq) WHERE asset_id IS NOT NULL;
   CREATE INDEX room_message_by_item ON room_message (item_id, room_id, media_us, seq)
     WHERE item_id IS NOT NULL AND stream_id IS NULL AND asset_id IS NULL;`,
];

/** Retention looks for the rooms that keep their chat. */
export const keepChatMigration = {
  up: `ALTER TABLE room ADD COLUMN keep_chat INTEGER NOT NULL DEFAULT 0;
   UPDATE room SET keep_chat = 1 WHERE options LIKE '%"keepChat":true%';`,
  down: `ALTER TABLE room DROP COLUMN keep_chat;`,
};

/** Lists of a node have the number of people in rooms of other nodes. */
export const presentMigration = {
  up: 'ALTER TABLE room ADD COLUMN present INTEGER NOT NULL DEFAULT 0;',
  down: 'ALTER TABLE room DROP COLUMN present;',
};
