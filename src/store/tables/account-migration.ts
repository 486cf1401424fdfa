/**
 * The migration that brought accounts; migrations.ts has it in its order, and a released one never changes.
 * In: nothing. Out: SQL for migrations.ts.
 */

/** Users, their identities and invitations, and the audit log. */
export const accountMigration = `CREATE TABLE user (
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
   ALTER TABLE api_token ADD COLUMN user_id TEXT;`;
