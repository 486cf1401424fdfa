/**
 * Where stored media is: the contract that recordings, and later assets, are written, read, listed and deleted through, and its names.
 * In: locations and bytes. Out: the same bytes. Engines: local-segment-store (files), memory-segment-store (tests).
 *
 * An engine for an object store keeps what is being written in a local folder: `create`, `append`, `patch`, `sync` and `truncate` work
 * on that file, `finish` hands it over to be uploaded as one object, and `read`, `size` and `list` look at both places. So the recorder
 * never waits for the network, `sync` means the same everywhere, and only unfinished objects are ever reopened.
 */
import assert from 'node:assert/strict';
import { OxbowError } from '../lib/errors.ts';

declare const prefixBrand: unique symbol;
declare const locationBrand: unique symbol;

/** The start of locations, e.g. `recordings/ab12/`. A location is the prefix of itself alone. */
export type SegmentPrefix = string & { readonly [prefixBrand]: true };

/**
 * The name of one stored object, e.g. a chunk file: parts joined by `/`, the same on every system. The index stores it as text. Code
 * above `archive` compares locations and passes them on; it takes none apart.
 */
export type SegmentLocation = SegmentPrefix & { readonly [locationBrand]: true };

/** A range of one stored object, in bytes. */
export interface SegmentRange {
  readonly location: SegmentLocation;
  readonly offset: number;
  readonly length: number;
}

/** Ends an operation that waits: it rejects with the signal's reason. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/** Which locations to list: those at or after `from` and before `to`, by their code units. */
export interface ListRange extends Abortable {
  readonly from?: string;
  readonly to?: string;
}

/**
 * An object that is being written. One call at a time. Errors are the system's; after a failed `append`, `patch` or `sync` only what
 * the last successful `sync` covered may be trusted.
 */
export interface SegmentWriter extends AsyncDisposable {
  readonly location: SegmentLocation;
  /** End of the last `append` that succeeded, bytes. */
  readonly length: number;
  /** Writes the pieces at `length`, one after the other. Readers see them when it resolves. */
  append(pieces: readonly Uint8Array[]): Promise<void>;
  /** Overwrites bytes before `length`. */
  patch(offset: number, bytes: Uint8Array): Promise<void>;
  /** Cuts the object at `length`, which becomes its length. */
  truncate(length: number): Promise<void>;
  /** Resolves when everything written before the call survives a crash of the system. */
  sync(): Promise<void>;
  /** Closes an object that is complete: it is never reopened. */
  finish(): Promise<void>;
  /** Closes. What was written stays, for `reopen`; may be called twice and after `finish`. */
  close(): Promise<void>;
}

/** A store of media. Disposing it lets reads that are under way finish; later ones reject with RangeError. */
export interface SegmentStore extends AsyncDisposable {
  /**
   * Reads a range into a new array: fewer bytes at the end of the object, none after it. Every append that resolved before is seen.
   *
   * Rejects with OxbowError `gone` where there is no such object, and with the system's error where it cannot be read.
   */
  read(
    location: SegmentLocation,
    range: { readonly offset: number; readonly length: number },
    options?: Abortable,
  ): Promise<Uint8Array>;
  /** Length of an object, bytes. Rejects as `read`. */
  size(location: SegmentLocation, options?: Abortable): Promise<number>;
  /** Locations with a prefix, in the order of their code units; objects that `put` has not completed are not among them. */
  list(prefix: SegmentPrefix, options?: ListRange): AsyncIterable<SegmentLocation>;
  /** The next parts of the names below a prefix that have further parts, in order: of `recordings/`, the ids of streams. */
  folders(prefix: SegmentPrefix, options?: Abortable): Promise<string[]>;
  /**
   * Stores a whole object that survives a crash, and replaces the one that was there. Until it resolves, readers see the old one; where
   * it rejects, nothing of the new one is left. One call at a time for a location.
   *
   * @param content the bytes, or a function that writes them one after the other
   */
  put(location: SegmentLocation, content: Uint8Array | WriteContent, options?: Abortable): Promise<void>;
  /**
   * Begins a new object with its first bytes. Rejects where there is one, and leaves none where it fails.
   *
   * @param options.sync the name of the object survives a crash when this resolves; its bytes do after `sync` of the writer
   */
  create(
    location: SegmentLocation,
    head: readonly Uint8Array[],
    options: Abortable & { readonly sync: boolean },
  ): Promise<SegmentWriter>;
  /** Opens an object that was not finished, at its end. Rejects as `read`. No other writer may have it open. */
  reopen(location: SegmentLocation, options?: Abortable): Promise<SegmentWriter>;
  /** Deletes an object, or everything with a prefix; where there is nothing, nothing happens. Reads that are under way may finish. */
  delete(prefix: SegmentPrefix, options?: Abortable): Promise<void>;
  /** Deletes what puts that a crash interrupted have left below a prefix. */
  sweep(prefix: SegmentPrefix, options?: Abortable): Promise<void>;
  /** Lets go of what is open for reading of objects that another instance, e.g. in another thread, deleted or is about to delete. */
  release(prefix: SegmentPrefix): void;
}

/** Writes the content of an object. */
export type WriteContent = (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>;

/**
 * The location that a text names.
 *
 * @param text parts joined by `/`; no part is empty, `.` or `..`; it does not end in `.part`, which marks unfinished objects
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

/** What engines reject with where there is no object: retention may take one between the look into the index and the read. */
export function missingObject(cause?: unknown): OxbowError {
  return new OxbowError('gone', 'The recording was deleted a moment ago.', { cause });
}

/** Whether an error says that there is no such object. */
export function isMissing(error: unknown): boolean {
  return error instanceof OxbowError && error.code === 'gone';
}
