/**
 * The live window of a stream as its readers see it: the segments and parts of the last minutes, by MSN.
 * In: changes of its writer. Out: delivery/live, which prints playlists and serves the bytes. RFC 8216bis;
 * docs/media.md 23a.
 */
import type { Track } from '@oxbow/media/frame';
import type { Subscribable } from '../lib/events.ts';
import type { Generation } from './generation.ts';
import {
  at,
  type LiveSegment,
  type LiveWindowChange,
  type LiveWindowLimits,
  type LiveWindowState,
  type LiveWindowView,
} from './live-segment.ts';

/** Five minutes of segments, ten seconds in memory, 16 MiB if nothing is recorded. */
export const DEFAULT_LIMITS: LiveWindowLimits = {
  windowUs: 300_000_000,
  memoryUs: 10_000_000,
  maxBytes: 16 * 1024 * 1024,
};
/** Fewest segments for a short window: players start three from the end. */
export const LEAST_SEGMENTS = 6;
/** Segments that a killed process may have listed but not recorded. */
export const MAY_BE_LOST = 2;
/** Most date ranges; above it the oldest are dropped. */
export const MAX_DATE_RANGES = 300;

/** What a window has besides its state: each replica counts its own. */
export interface LiveWindowCounts {
  /** Up to this MSN every segment of this process is recorded or lost. */
  readonly decidedMsn: number;
  /** Media held in memory, bytes. */
  readonly memoryBytes: number;
  /** Rises when segments are deleted: what caches have of older segments may be deleted. */
  readonly erasures: number;
}

/** The live window of one stream, over all generations. `LiveWindowWriter` creates and changes it. */
export class LiveWindow {
  /** The current state. It is live: copy it at once. */
  readonly state: LiveWindowState;
  readonly #counts: LiveWindowCounts;
  /** Fires after every change: part, segment, end, new generation; and when a segment is recorded or lost. */
  readonly changes: Subscribable<void>;
  /** Changes that replicas must apply; each is emitted before `changes`. */
  readonly copied: Subscribable<LiveWindowChange>;

  constructor(
    state: LiveWindowState,
    counts: LiveWindowCounts,
    { changes, copied }: { readonly changes: Subscribable<void>; readonly copied: Subscribable<LiveWindowChange> },
  ) {
    this.state = state;
    this.#counts = counts;
    this.changes = changes;
    this.copied = copied;
  }

  /** Increases with every change; a playlist of an older version is stale. */
  get version(): number {
    return this.state.version;
  }

  /** Up to this MSN every segment of this process is recorded or lost. */
  get decidedMsn(): number {
    return this.#counts.decidedMsn;
  }

  /** The generation that grows now or grew last in this process. */
  get generation(): Generation | undefined {
    return this.state.generation;
  }

  /** Like `generation`, otherwise that of the previous process. */
  get lastGeneration(): Generation | undefined {
    return this.state.generation ?? this.state.previous?.generation;
  }

  /** The tracks of the current or last run. */
  get tracks(): readonly Track[] {
    return this.state.tracks;
  }

  /** The playlist has ENDLIST. */
  get ended(): boolean {
    return this.state.ended;
  }

  /** Oldest first. Playlists list parts of the first open segment only, because media is listed in order. */
  get segments(): readonly LiveSegment[] {
    return this.state.segments;
  }

  /** Media held in memory, bytes. */
  get memoryBytes(): number {
    return this.#counts.memoryBytes;
  }

  /** A segment is sealed, so there is a playlist. */
  get ready(): boolean {
    return this.state.segments[0]?.sealed !== undefined;
  }

  /** Rises when segments are deleted: what caches have of older segments may be deleted. */
  get erasures(): number {
    return this.#counts.erasures;
  }

  /** The current generation or the one before it, by number; undefined for any other. */
  view(number: number): LiveWindowView | undefined {
    const { generation, previous, tracks, segments, ended, version, dateRanges, qualities, captions } = this.state;
    if (generation?.number !== number) return previous?.generation.number === number ? previous : undefined;
    return { generation, tracks, segments, ended, version, dateRanges, qualities, captions };
  }

  /** The segment with an MSN, of this generation or the one before. */
  find(msn: number): LiveSegment | undefined {
    return at(this.state.segments, msn) ?? at(this.state.previous?.segments ?? [], msn);
  }
}
