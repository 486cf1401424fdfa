/**
 * The tables of objects in buckets, as Kysely sees them.
 * In: the tables of ../migrations.ts. Out: types for ../schema.ts.
 */
import type { Generated } from 'kysely';

/** A stored object that is in a bucket, whole and verified; see archive/objects/stored-objects.ts. */
export interface StoredObjectTable {
  /** Of the segment store. */
  readonly location: string;
  /** Name of the target in the settings. */
  readonly target: string;
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Its tag, see archive/objects/object-client.ts; empty if it was found in the bucket. */
  readonly checksum: string;
  /** Token of the lease of the process that uploaded it. */
  readonly fence: number;
  readonly uploaded_us: number;
  /** 1: its file is still in the data folder. */
  local: number;
  /** Of a description: the first and the last key of the mirror's objects that it names; otherwise empty. */
  readonly log_first: Generated<string>;
  readonly log_last: Generated<string>;
}

/**
 * An upload that has begun: an object in the bucket without a row of {@link StoredObjectTable} is here, or in
 * the deletions.
 */
export interface ObjectUploadTable {
  readonly location: string;
  readonly target: string;
  readonly key: string;
  /** Token of the lease of the process that uploads now. */
  fence: number;
  /** JSON of a PartialUpload; empty for an upload in one request. */
  parts: string;
}

/** An object to delete from a bucket. */
export interface ObjectDeletionTable {
  readonly target: string;
  readonly key: string;
  /** As in {@link ObjectUploadTable}: to be discarded too. */
  readonly parts: string;
  /** Not before. */
  due_us: number;
  /** 1: a process that lost the data folder may still be writing it; it is deleted once more later. */
  again: number;
}
