/**
 * The content of a WebVTT file as values.
 * In: parse.ts, and other sources of cues. Out: print.ts, samples of text tracks. Pure types. W3C WebVTT;
 * RFC 8216bis 3.1.4.
 */

/** A text that is shown for a while. */
export interface VttCue {
  /** May be empty. */
  readonly id: string;
  /** On the clock of the file, ms. */
  readonly startMs: number;
  /** After `startMs`. */
  readonly endMs: number;
  /** The text after the times, e.g. `align:start line:0`; may be empty. */
  readonly settings: string;
  /** Lines are parted by LF; none is empty. */
  readonly text: string;
}

/** Relation of the file's clock to that of the media (X-TIMESTAMP-MAP). */
export interface TimestampMap {
  /** Ticks of 90 kHz, 33 bits. */
  readonly mpegts: number;
  readonly localMs: number;
}

/** A WebVTT file. */
export interface VttFile {
  /**
   * `WEBVTT`, then the blocks STYLE and REGION as they stand, parted by empty lines; no line end after the
   * last.
   */
  readonly header: string;
  /** Absent: 0 is 0 (RFC 8216bis 3.1.4). */
  readonly timestampMap?: TimestampMap;
  readonly cues: readonly VttCue[];
}
