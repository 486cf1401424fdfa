/**
 * The tables of uploads whose bytes are in a bucket while they arrive, and their migration.
 * In: nothing. Out: types for schema.ts, SQL for migrations.ts. docs/decisions/0100.
 */

/** An unfinished object: a multipart upload of a bucket. */
export interface StagedUploadTable {
  /** Of the segment store. */
  readonly location: string;
  /** Name of the target in the settings. */
  readonly target: string;
  /** Of the object. */
  readonly key: string;
  /** Of the server; empty until the first part is sent. */
  upload_id: string;
  /** Bytes of each part but the last. 0: the length was not known, and later parts are larger. */
  readonly part_bytes: number;
  /** The newest number that a part was sent with, or was to be. No number is used twice. */
  last_number: number;
}

/** A stretch of an unfinished object that the bucket has. */
export interface StagedPartTable {
  readonly location: string;
  /** Offset of its first byte. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
  /** Of the part; 0: it is an object, because it is shorter than a part. */
  readonly number: number;
  /** Entity tag of the part; empty of an object. */
  readonly etag: string;
  /** Of the object; empty of a part. */
  readonly key: string;
}

/** `upload.target`: where the bytes of an upload are; null: in the data folder of its node. */
export const stagedMigration = {
  up: `ALTER TABLE upload ADD COLUMN target TEXT;
 CREATE TABLE staged_upload (
   location TEXT PRIMARY KEY,
   target TEXT NOT NULL,
   key TEXT NOT NULL,
   upload_id TEXT NOT NULL,
   part_bytes INTEGER NOT NULL,
   last_number INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE staged_part (
   location TEXT NOT NULL,
   start INTEGER NOT NULL,
   length INTEGER NOT NULL,
   number INTEGER NOT NULL,
   etag TEXT NOT NULL,
   key TEXT NOT NULL,
   PRIMARY KEY (location, start)
 ) STRICT, WITHOUT ROWID;`,
  // Fails by the name of its constraint while bytes of an upload are in a bucket.
  down: `CREATE TABLE uploads_in_the_bucket_would_be_lost (
     uploads INTEGER NOT NULL CONSTRAINT uploads_in_the_bucket_would_be_lost CHECK (uploads = 0)
   );
 INSERT INTO uploads_in_the_bucket_would_be_lost SELECT count(*) FROM staged_upload;
 DROP TABLE uploads_in_the_bucket_would_be_lost;
 DROP TABLE staged_part;
 DROP TABLE staged_upload;
 ALTER TABLE upload DROP COLUMN target;`,
};
