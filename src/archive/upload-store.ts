/**
 * The contract of files that arrive from clients: written at any position, hashed while they arrive, visible
 * when complete.
 * In: locations, bytes at positions. Out: one object of the segment store. Engines: local-upload-store;
 * upload-store.contract is the suite.
 *
 * An engine for an object store would collect positions into parts of a fixed size, upload each part when it
 * is full, and join them in `finish`; `sync` then means that the engine can restore all earlier
 * writes.
 */
import type { SegmentLocation } from './segment-store.ts';

/**
 * The file of an upload, open for writing. Several may be open for one location; their writes must not
 * overlap.
 */
export interface UploadFile extends AsyncDisposable {
  /**
   * Writes the pieces at `position`, in order. The bytes may be kept, but not changed. Rejects with the
   * system's error.
   */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>;
  /** Resolves when everything that was written before the call survives a crash of the system. */
  sync(): Promise<void>;
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
  open(location: SegmentLocation): Promise<UploadFile>;
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
