/**
 * The contract of stored media: recordings, and later assets, are written, read, listed and deleted through
 * it.
 * In: locations and bytes. Out: the same bytes. Engines: local-segment-store (files), memory-segment-store
 * (tests).
 *
 * An engine for an object store would keep open objects in a local folder: `create`, `append`, `patch`,
 * `sync` and `truncate` work on that file, `finish` uploads it as one object, and `read`, `size` and `list`
 * cover both. So the recorder never waits for the network, `sync` has the same meaning everywhere, and only
 * unfinished objects are reopened.
 */
import assert from 'node:assert/strict';
import { OxbowError } from '../lib/errors.ts';
import type { WriteContent } from '../lib/files/replace-file.ts';

export type { WriteContent } from '../lib/files/replace-file.ts';

declare const prefixBrand: unique symbol;
declare const locationBrand: unique symbol;

/** The start of locations, e.g. `recordings/ab12/`. A location is a prefix of itself only. */
export type SegmentPrefix = string & { readonly [prefixBrand]: true };

/**
 * The name of one stored object, e.g. a chunk file: parts joined by `/` on every system. The index stores it
 * as text. Code above `archive` compares and passes locations, but does not parse them.
 */
export type SegmentLocation = SegmentPrefix & { readonly [locationBrand]: true };

/** A range of one stored object, in bytes. */
export interface SegmentRange {
  readonly location: SegmentLocation;
  readonly offset: number;
  readonly length: number;
}

/** Aborts a waiting operation: it rejects with the signal's reason. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/** Where the bytes of a read may go. */
export interface ReadOptions extends Abortable {
  /** Memory for the bytes, if the store reads a file; the result may be a part of it. */
  readonly into?: Uint8Array | undefined;
}

/** Which locations to list: those at or after `from` and before `to`, by their code units. */
export interface ListRange extends Abortable {
  readonly from?: string;
  readonly to?: string;
}

/**
 * An object being written. One call at a time. Throws errors of the system; after a failed `append`, `patch`
 * or `sync` only what the last successful `sync` covered is reliable.
 */
export interface SegmentWriter extends AsyncDisposable {
  readonly location: SegmentLocation;
  /** End of the last `append` that succeeded, bytes. */
  readonly length: number;
  /** Writes the pieces at `length`, in order. Readers see them when it resolves. */
  append(pieces: readonly Uint8Array[]): Promise<void>;
  /** Overwrites bytes before `length`. */
  patch(offset: number, bytes: Uint8Array): Promise<void>;
  /** Truncates the object to `length`. */
  truncate(length: number): Promise<void>;
  /** Resolves when everything written before the call survives a crash of the system. */
  sync(): Promise<void>;
  /** Closes a complete object: it is never reopened. */
  finish(): Promise<void>;
  /** Closes an incomplete object, for a later `reopen`; may be called twice and after `finish`. */
  close(): Promise<void>;
}

/** A store of media. Disposing it waits for current reads; later ones reject with RangeError. */
export interface SegmentStore extends AsyncDisposable {
  /**
   * Reads a range into a new array, or into `into`: fewer bytes at the end of the object, none after it.
   * Includes every append that resolved before.
   *
   * @throws OxbowError `gone` if there is no such object; errors of the system
   */
  read(
    location: SegmentLocation,
    range: { readonly offset: number; readonly length: number },
    options?: ReadOptions,
  ): Promise<Uint8Array>;
  /** Length of an object, bytes. Rejects as `read`. */
  size(location: SegmentLocation, options?: Abortable): Promise<number>;
  /**
   * Locations with a prefix, in the order of their code units; objects that `put` has not completed are not
   * among them.
   */
  list(prefix: SegmentPrefix, options?: ListRange): AsyncIterable<SegmentLocation>;
  /** Names of the folders directly below a prefix, in order; below `recordings/` the ids of streams. */
  folders(prefix: SegmentPrefix, options?: Abortable): Promise<string[]>;
  /**
   * Stores a complete object durably, or replaces one. Readers see the old object until it resolves; if it
   * rejects, nothing of the new one is left. One call at a time for a location.
   *
   * @param content the bytes, or a function that writes them
   */
  put(location: SegmentLocation, content: Uint8Array | WriteContent, options?: Abortable): Promise<void>;
  /**
   * Creates an object with its first bytes. Rejects if it exists; leaves nothing if it fails.
   *
   * @param options.sync whether the name of the object survives a crash when this resolves; its bytes do
   *   after `sync` of the writer
   */
  create(
    location: SegmentLocation,
    head: readonly Uint8Array[],
    options: Abortable & { readonly sync: boolean },
  ): Promise<SegmentWriter>;
  /** Opens an unfinished object at its end. Rejects as `read`. It must have no other writer. */
  reopen(location: SegmentLocation, options?: Abortable): Promise<SegmentWriter>;
  /** Deletes an object, or everything with a prefix; no error if there is none. Current reads may finish. */
  delete(prefix: SegmentPrefix, options?: Abortable): Promise<void>;
  /** Deletes the remains of interrupted puts below a prefix. */
  sweep(prefix: SegmentPrefix, options?: Abortable): Promise<void>;
  /** Closes cached files of objects that another instance, e.g. in another thread, deleted or will delete. */
  release(prefix: SegmentPrefix): void;
}

/**
 * Converts text into a location.
 *
 * @param text parts joined by `/`; no part is empty, `.` or `..`; it does not end in `.part`, which marks
 *   unfinished objects
 */
export function segmentLocation(text: string): SegmentLocation {
  assert.ok(!/(?:^|\/)\.{0,2}(?:\/|$)|[\\\0]|\.part$/.test(text), `${text} is not a location`);
  return text as SegmentLocation;
}

/**
 * The prefix of everything below a folder-like name.
 *
 * @param text parts joined by `/`, without one at the end
 */
export function segmentPrefix(text: string): SegmentPrefix {
  return `${segmentLocation(text)}/` as SegmentPrefix;
}

/** An object is shorter than its index says. */
export class ShortReadError extends RangeError {
  constructor(location: SegmentLocation, end: number) {
    super(`${location} ends before ${end}`);
  }
}

/** The error for a missing object: retention may delete it between the index query and the read. */
export function missingObject(cause?: unknown): OxbowError {
  return new OxbowError('gone', 'The recording was deleted a moment ago.', { cause });
}

/** Whether an error is that of a missing object. */
export function isMissing(error: unknown): boolean {
  return error instanceof OxbowError && error.code === 'gone';
}
