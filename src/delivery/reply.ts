/**
 * What delivery answers, before HTTP makes a response of it.
 * In: live lists, segments, windows, clips, stills. Out: http/media.
 */
import type { SegmentRange } from '../archive/segment-store.ts';

/** Bytes in memory, a stored range that is read when it is sent, or bytes that are generated when they are sent. */
export type BodyPart =
  | Uint8Array
  | SegmentRange
  | {
      /** Known before; `read` gives exactly as many. */
      readonly length: number;
      /** Makes the whole piece, at most a few MiB; called anew for each response that needs any of it. */
      readonly read: () => Promise<Uint8Array>;
    };

/** A representation that can be sent whole, by range, or not at all (304, HEAD). */
export interface Reply {
  readonly contentType: string;
  /** Value of Cache-Control. */
  readonly cacheControl: string;
  /** Sum of the pieces' lengths, bytes. */
  readonly length: number;
  readonly body: readonly BodyPart[];
  /** Strong validator without quotes, or undefined where there is none. */
  readonly etag?: string;
  /** Gzipped form of the whole, made when first asked for; only for text worth it (at least 1.4 KB). */
  readonly gzip?: () => Uint8Array;
  /** File name for Content-Disposition of a download. */
  readonly filename?: string;
}
