/**
 * The rows of uploads, a part of the schema of the database.
 * In: nothing. Out: types for schema.ts. Only types.
 */

/** An upload that is not complete. */
export interface UploadTable {
  readonly id: string;
  readonly asset_id: string;
  readonly owner: string;
  /** Null: not known yet. */
  length: number | null;
  /** Bytes from the start without a hole. */
  received: number;
  /** Of uploads in chunks: bytes of each but the last. */
  chunk_bytes: number | null;
  /** JSON: the metadata of the client. */
  metadata: string;
  /** Of the complete file, as the client announced it, hex. */
  sha256: string | null;
  /** `open`, `completing`, `complete`, `failed`. */
  state: string;
  /** JSON AssetFailure; null unless it failed. */
  failure: string | null;
  readonly created_us: number;
  expires_us: number;
  /** `Idempotency-Key` of the request that created it, unique for the owner; null without one. */
  readonly request_key: string | null;
  /** SHA-256 of that request, base64url. */
  readonly request_hash: string | null;
  /** Object store that its bytes go to as they arrive; null: the data folder of its node. */
  readonly target: string | null;
}

/** A stretch of an upload that has arrived. */
export interface UploadPartTable {
  readonly upload_id: string;
  readonly offset: number;
  length: number;
  /** Of its bytes; empty if none was sent. */
  checksum: string;
}
