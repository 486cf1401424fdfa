/**
 * What delivery needs of a stream: its live window, its recording, its init sections.
 * In: implemented by streams/managed-stream. Out: used by all of delivery.
 */

import type { MarkedRules } from '../api/past/past-rules.ts';
import type { LiveWindow } from '../packager/live-window.ts';
import type { ErasedMedia } from '../recording/erase/erasure-table.ts';
import type { InitTable } from '../recording/init-table.ts';
import type { RecordedMedia } from '../recording/recording-reader.ts';
import type { ContentKeys } from './encryption/content-keys.ts';
import type { Steering } from './format/pathways.ts';

/** One stream that viewers can request. */
export interface ServedStream {
  readonly name: string;
  readonly list: LiveWindow;
  readonly recording: RecordedMedia;
  readonly inits: InitTable;
  /** Media is expected within seconds: a first request waits for it. */
  readonly starting: () => boolean;
  /** Whether the recording before `us` (since 1970) is complete. */
  readonly settled: (us: number) => boolean;
  /** Creation of the stream, µs since 1970. */
  readonly createdUs: number;
  /** Lower bound of the MSNs of segments that start at `us` (since 1970) or later. */
  readonly leastMsnAt: (us: number) => number;
  /** Retention has deleted older media, µs since 1970. */
  readonly horizonUs: () => number;
  /** Ranges that were deleted on request. */
  readonly erased?: ErasedMedia | undefined;
  /** Its derived qualities, live or not, by rung: each with a live window and its own recording. */
  readonly qualities?: ReadonlyMap<string, ServedStream>;
  /** Of a derived quality: the stream, whose audio its renditions have too. */
  readonly source?: ServedStream;
  /** The edges that its playlists name; undefined: it is not steered. */
  readonly steering?: Steering | undefined;
  /** The broadcaster's rules for its past; undefined: there are none. */
  readonly past?: MarkedRules | undefined;
  /**
   * Its segments are given only encrypted with these; undefined: clear. A derived quality has those of its
   * stream.
   */
  readonly contentKeys?: ContentKeys | undefined;
}

/** The part that answers from memory need; replicas in serving threads have only this. */
export type ServedLiveStream = Pick<ServedStream, 'name' | 'list' | 'horizonUs' | 'steering' | 'contentKeys'> & {
  readonly qualities?: ReadonlyMap<string, ServedLiveStream>;
  readonly source?: ServedLiveStream | undefined;
};

/** Finds a stream by name. */
export type FindStream = (name: string) => ServedStream | undefined;
