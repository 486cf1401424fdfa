/**
 * The tables of televisions: pairings that wait, and which sessions are of one.
 * In: nothing. Out: types for store/schema.ts, SQL for migrations.ts. docs/decisions/0125.
 */

/** A television that waits for a person. Times are µs since 1970. */
export interface TelevisionPairingTable {
  /** Digest of the code that it shows. */
  readonly code: string;
  /** Digest of the secret that it keeps. */
  readonly secret: string;
  readonly expires_us: number;
  /** 1: a person has allowed it. */
  approved: number;
  /** Who allowed it; null: the administrator of the command line, or no one yet. */
  user_id: string | null;
  /** Session that allowed it; null: none yet. */
  session_id: string | null;
  /** Path of the page that it opens. */
  opens: string;
}

export const televisionMigration = {
  up: `CREATE TABLE television_pairing (
   code TEXT PRIMARY KEY,
   secret TEXT NOT NULL UNIQUE,
   expires_us INTEGER NOT NULL,
   approved INTEGER NOT NULL,
   user_id TEXT,
   opens TEXT NOT NULL
 ) STRICT, WITHOUT ROWID;
 ALTER TABLE session ADD COLUMN television INTEGER NOT NULL DEFAULT 0;`,
  down: `DELETE FROM session WHERE television = 1;
 ALTER TABLE session DROP COLUMN television;
 DROP TABLE television_pairing;`,
};

/** What a session has allowed ends with it. */
export const televisionSessionMigration = {
  up: 'ALTER TABLE television_pairing ADD COLUMN session_id TEXT;',
  down: 'ALTER TABLE television_pairing DROP COLUMN session_id;',
  expands: true,
} as const;
