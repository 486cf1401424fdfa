/**
 * The result of a media request, independent of HTTP.
 * In: created by delivery (playlists, segments, clips, stills). Out: serve/media and serve/hot turn it into
 * responses.
 */
import type { SegmentRange } from '../archive/segment-store.ts';

/**
 * Bytes in memory, a stored range that is read when it is sent, or bytes that are generated when they are
 * sent, at once or in blocks.
 */
export type BodyPart =
  | Uint8Array
  | SegmentRange
  | {
      /** Bytes; `read` returns exactly as many. */
      readonly length: number;
      /** Generates the bytes, at most a few MiB. Called for each response that needs any of them. */
      readonly read: () => Promise<Uint8Array>;
    }
  | {
      /** Bytes. */
      readonly length: number;
      /** Plans and reads the bytes [start, end) while they are sent, in blocks of at most a few MiB. */
      readonly blocks: (start: number, end: number) => AsyncIterable<Uint8Array>;
    };

/** A representation that can be sent completely, by range, or not at all (304, HEAD). */
export interface Reply {
  readonly contentType: string;
  /** Value of Cache-Control. */
  readonly cacheControl: string;
  /** Length of the body, bytes. */
  readonly length: number;
  readonly body: readonly BodyPart[];
  /** Memory that the reply holds while it is sent, bytes; absent where that is little, or shared. */
  readonly weight?: number;
  /** Further memory that replies of the same file hold together while they are sent, and how much: bytes. */
  readonly shared?: { readonly of: object; readonly bytes: number };
  /** Strong validator without quotes. */
  readonly etag?: string;
  /** The body compressed with gzip, created at the first call; only for text of at least 1.4 KB. */
  readonly gzip?: () => Uint8Array;
  /**
   * The body of a reply that is not complete yet, of unknown length, as it comes; `body` is empty then.
   * Throws if it cannot be completed.
   */
  readonly grows?: (options: { readonly signal: AbortSignal }) => AsyncIterable<Uint8Array>;
  /** Where a stored object has the bytes of the body. */
  readonly stored?: SegmentRange;
  /**
   * The body is a range of a longer resource, and begins at this offset in it: only requests with Range are
   * answered.
   */
  readonly startsAt?: number;
  /**
   * Origins of edges at which addresses of the body need the playback token of the client
   * (`signed-addresses.ts`). Only for clients with a token.
   */
  readonly signsAt?: readonly string[];
  /** The body with places for the token; default: this reply. */
  readonly unsigned?: Reply;
  /** File name for Content-Disposition of a download. */
  readonly filename?: string;
}
