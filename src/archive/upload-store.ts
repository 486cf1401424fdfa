/**
 * The contract of files that arrive from clients: written at any position, hashed while they arrive, visible
 * when complete.
 * In: locations, bytes at positions. Out: one object of the segment store. Engines: local-upload-store,
 * staging/staging-store; upload-store.contract is the suite.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../store/schema.ts';
import type { SegmentLocation } from './segment-store.ts';

/** Bytes that an engine without a disk keeps: they count once its database says so. */
export interface KeptBytes {
  /** End of the bytes that are kept, from the start of the file. */
  readonly position: number;
  /** Why later bytes are not kept; undefined: they need not be yet. */
  readonly failure: unknown;
  /** Notes them, in the transaction that counts them. */
  note(db: Kysely<Tables>): Promise<void>;
  /** That transaction has succeeded. */
  noted(): void;
}

/**
 * The file of an upload, open for writing. Several may be open for one location; their writes must not
 * overlap.
 */
export interface UploadFile extends AsyncDisposable {
  /**
   * Writes the pieces at `position`, in order. The bytes are not kept after it resolves. Rejects with the
   * system's error.
   */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>;
  /**
   * Makes what was written before the call survive a crash of the system.
   *
   * @param isEnd no more bytes follow for now
   * @returns undefined: everything survives. Otherwise what survives once it is noted; at the end all of it,
   *   unless it has a `failure`
   */
  sync(isEnd: boolean): Promise<KeptBytes | undefined>;
}

/** What is written to a file; a disk needs none of it. */
export interface OpenUploadOptions {
  /** Bytes of the complete file; undefined: not known yet. */
  readonly length?: number | undefined;
  /** Only this stretch is written, while others are; undefined: from the stored bytes on, in order. */
  readonly chunk?: { readonly offset: number; readonly length: number } | undefined;
  /** Name of the object store that the first bytes choose. */
  readonly target?: string | undefined;
  /** Ends waits for an object store. Bytes that have arrived are kept all the same, within seconds. */
  readonly signal?: AbortSignal | undefined;
}

/** An object store has given up bytes of an upload that were kept: it begins again. */
export class UploadLostError extends Error {
  override readonly name = 'UploadLostError';
}

/** SHA-256 of a file while it arrives, computed outside of the calling thread. */
export interface UploadDigest extends Disposable {
  /**
   * The first `bytes` bytes are written and final: they may be read. Smaller values than before have no
   * effect.
   */
  reach(bytes: number): void;
  /**
   * SHA-256 of the first `bytes` bytes, hex; call it once, after `reach(bytes)`. Rejects when the file cannot
   * be read, or after disposal.
   */
  result(bytes: number): Promise<string>;
}

/** A store of uploads. Disposing it ends all digests. */
export interface UploadStore extends AsyncDisposable {
  /** Opens the unfinished file of a location; creates it if there is none. */
  open(location: SegmentLocation, options?: OpenUploadOptions): Promise<UploadFile>;
  /** More bytes without a hole are stored of a file that comes in chunks. Undefined: that changes nothing. */
  advance?(location: SegmentLocation): Promise<void>;
  /** Begins to hash a file from its start: the unfinished one, or else the object. */
  digest(location: SegmentLocation): UploadDigest;
  /**
   * Makes the first `length` bytes the object at the location, durably. May be repeated, also after a crash
   * in the middle of it. No file may be open.
   *
   * @throws OxbowError `gone` if there is neither an unfinished file nor the object
   */
  finish(location: SegmentLocation, length: number): Promise<void>;
  /** Deletes an unfinished file; no error if there is none. The object of a finished one stays. */
  discard(location: SegmentLocation): Promise<void>;
}
