/**
 * The contract of everything that may have media which a recording lacks: the DVR window of a source, a
 * second source, the storage of a camera, a file that was uploaded.
 * In: implemented by the sources of this folder. Out: called by the healing of a gap, in the configured
 * order.
 * docs/decisions/0112.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import type { RecordedFrames } from '../../recording/read-group.ts';
import type { RecordedGroup } from '../../recording/recording-reader.ts';

/** A stretch that a recording lacks. UTC, ms since 1970; may have fractions. */
export interface HealingGap {
  readonly fromMs: number;
  readonly toMs: number;
  /** Why it is missing; `offline`: oxbow was stopped or did not run. */
  readonly cause: GapCause | 'offline';
}

/** The recorded media next to a gap, to compare with. */
export interface GapSurroundings {
  readonly stream: { readonly id: string; readonly name: string };
  /** The last segments before the gap, oldest first, at most half a minute; empty if there is nothing. */
  readonly before: readonly RecordedGroup[];
  /** The first segments after the gap, oldest first, at most half a minute. */
  readonly after: readonly RecordedGroup[];
  /**
   * Reads one of these segments.
   *
   * @throws OxbowError if it cannot be read any more; the signal's reason when aborted
   */
  readonly read: (group: RecordedGroup, options: { readonly signal: AbortSignal }) => Promise<RecordedFrames>;
}

/** Bounds of one attempt. */
export interface HealingLimits {
  /** Most bytes of media that may be read. */
  readonly maxBytes: number;
  /** Longest time of the attempt, ms; the signal aborts then. */
  readonly maxMs: number;
}

/** How the time of found media is known. */
export type Exactness =
  /** By the dates of the source, in the clock in which the stream is recorded. */
  | { readonly kind: 'dated' }
  /** Frames are the same as recorded ones. */
  | { readonly kind: 'same-frames' }
  /** By the loudness of the sound. */
  | {
      readonly kind: 'sound';
      /** Largest error, ms. */
      readonly errorMs: number;
      /** 0 to 1. */
      readonly confidence: number;
    };

/** A stretch of found media on one clock. */
export interface FoundRun {
  /** All tracks, ids unique, constant for the run. */
  readonly tracks: readonly Track[];
  /** UTC = offset + pts, µs since 1970. */
  readonly utcOffsetUs: number;
  readonly exactness: Exactness;
}

/** Frames of a run: about a segment, or a group of pictures. */
export interface FoundFrames {
  /** The same object for all frames of a run; another one begins the next run. */
  readonly run: FoundRun;
  /** In decode order of each track. Those outside of the gap are dropped: a source need not cut exactly. */
  readonly frames: readonly Frame[];
}

/** Media for a gap, or a part of it. */
export interface FoundMedia {
  readonly kind: 'found';
  /**
   * In order of time. Read once; ending the loop early releases what it holds.
   *
   * @throws OxbowError while it is iterated, if the source fails: what came before is kept
   */
  readonly media: AsyncIterable<FoundFrames>;
  /** Whether a later attempt may have what this media lacks. */
  readonly mayComeLater: boolean;
}

/** Why a source has no media for a gap. */
export interface NothingFound {
  readonly kind: 'nothing';
  /** A fragment for people, such as `its playlist begins at 14:02:11`; without addresses and secrets. */
  readonly reason: string;
  /** Whether a later attempt may have it. */
  readonly mayComeLater: boolean;
}

/** Something that may have media for gaps of a stream. */
export interface HealingSource {
  /** Shown to viewers, as in "healed from NAME"; without secrets. At most 64 characters. */
  readonly name: string;
  /**
   * Looks for the media of a gap.
   *
   * @param around what is recorded before and after it
   * @throws OxbowError if the source cannot be read: it is tried again later; the signal's reason when
   *   aborted
   */
  find(
    gap: HealingGap,
    around: GapSurroundings,
    options: HealingLimits & { readonly signal: AbortSignal },
  ): Promise<FoundMedia | NothingFound>;
}
