/**
 * The tables of evidence: blocks of the chain of each stream, the public keys of servers and their signatures
 * over each other.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/5-record/evidence.md.
 */

/** A signed block. It outlives the media and the stream. */
export interface EvidenceBlockTable {
  readonly stream_id: string;
  /** 1 and up. */
  readonly seq: number;
  /** Start and end of its media without what was filled in later, µs since 1970; null: it has none. */
  readonly from_us: number | null;
  readonly to_us: number | null;
  /** Of older media that it is about: filled in, or deleted on request; null: of none. */
  readonly past_from_us: number | null;
  readonly past_to_us: number | null;
  readonly at_us: number;
  /** SHA-256 of the text, base64url. */
  readonly hash: string;
  /** Ed25519, base64url. */
  readonly signature: string;
  readonly key_id: string;
  /** The text, deflated (RFC 1951). */
  readonly text: Uint8Array;
  readonly text_bytes: number;
  /** JSON of its anchors (media/evidence/bundle.ts EvidenceAnchor). */
  anchors: string;
}

/** A public key of a node. */
export interface EvidenceKeyTable {
  readonly id: string;
  /** 32 bytes, base64url. */
  readonly public_key: string;
  /** Name of the node, or empty. */
  readonly node: string;
  readonly made_us: number;
}

/** A signature of a key over another one. */
export interface EvidenceVoucherTable {
  readonly key_id: string;
  /** The key that signs. */
  readonly by_id: string;
  readonly signature: string;
}

export const evidenceMigration = {
  up: `CREATE TABLE evidence_block (
   stream_id TEXT NOT NULL,
   seq INTEGER NOT NULL,
   from_us INTEGER,
   to_us INTEGER,
   past_from_us INTEGER,
   past_to_us INTEGER,
   at_us INTEGER NOT NULL,
   hash TEXT NOT NULL,
   signature TEXT NOT NULL,
   key_id TEXT NOT NULL,
   text BLOB NOT NULL,
   text_bytes INTEGER NOT NULL,
   anchors TEXT NOT NULL,
   PRIMARY KEY (stream_id, seq)
 ) STRICT;
 CREATE INDEX evidence_block_span ON evidence_block (stream_id, to_us, from_us);
 CREATE INDEX evidence_block_past ON evidence_block (stream_id, past_to_us) WHERE past_to_us IS NOT NULL;
 CREATE TABLE evidence_key (
   id TEXT PRIMARY KEY,
   public_key TEXT NOT NULL,
   node TEXT NOT NULL,
   made_us INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE evidence_voucher (
   key_id TEXT NOT NULL,
   by_id TEXT NOT NULL,
   signature TEXT NOT NULL,
   PRIMARY KEY (key_id, by_id)
 ) STRICT, WITHOUT ROWID;`,
  down: `DROP TABLE evidence_voucher;
 DROP TABLE evidence_key;
 DROP TABLE evidence_block;`,
  expands: true,
} as const;
