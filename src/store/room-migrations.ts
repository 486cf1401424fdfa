/**
 * The migrations of accounts and rooms; migrations.ts has them in its order, and a released one never
 * changes.
 * In: nothing. Out: SQL for migrations.ts.
 */

/** Statements of each migration. */
export const roomMigrations: readonly string[] = [
  `CREATE TABLE user (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     name_key TEXT,
     role TEXT NOT NULL,
     state TEXT NOT NULL,
     password TEXT,
     email TEXT,
     email_verified INTEGER NOT NULL DEFAULT 0,
     created_us INTEGER NOT NULL,
     seen_us INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE UNIQUE INDEX user_by_name ON user (name_key) WHERE name_key IS NOT NULL;
   CREATE UNIQUE INDEX user_by_email ON user (email) WHERE email_verified = 1;
   CREATE TABLE user_identity (
     provider TEXT NOT NULL,
     subject TEXT NOT NULL,
     user_id TEXT NOT NULL,
     name TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     PRIMARY KEY (provider, subject)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX user_identity_by_user ON user_identity (user_id);
   CREATE TABLE invitation (
     id TEXT PRIMARY KEY,
     digest TEXT NOT NULL UNIQUE,
     label TEXT NOT NULL,
     role TEXT NOT NULL,
     uses_left INTEGER NOT NULL,
     created_by TEXT NOT NULL,
     created_us INTEGER NOT NULL,
     expires_us INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE email_code (
     digest TEXT PRIMARY KEY,
     user_id TEXT NOT NULL,
     kind TEXT NOT NULL,
     email TEXT NOT NULL,
     expires_us INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE audit (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     at_us INTEGER NOT NULL,
     user_id TEXT NOT NULL,
     name TEXT NOT NULL,
     address TEXT NOT NULL,
     action TEXT NOT NULL,
     request TEXT NOT NULL,
     status INTEGER,
     trace_id TEXT NOT NULL
   ) STRICT;
   CREATE INDEX audit_by_user ON audit (user_id, seq);
   ALTER TABLE session ADD COLUMN user_id TEXT;
   ALTER TABLE api_token ADD COLUMN user_id TEXT;`,
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
  // One index serves numbers and kinds: most of what a message costs is the pages of its indices.
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

/** Lists of a node have the number of people in rooms of other nodes. */
export const presentMigration = {
  up: 'ALTER TABLE room ADD COLUMN present INTEGER NOT NULL DEFAULT 0;',
  down: 'ALTER TABLE room DROP COLUMN present;',
};
