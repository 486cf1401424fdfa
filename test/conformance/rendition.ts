/**
 * One rendition as it was seen over the time of a check: its last list, every segment and part that ever
 * stood in it, and their bytes.
 * In: lists and bodies, by the follower. Out: the subject of the rules over media.
 */
import type { Fragments, InitSection } from './boxes.ts';
import type { MediaText, TextPart, TextSegment } from './media-text.ts';

/** A part with its bytes. */
export interface SeenPart {
  readonly listed: TextPart;
  readonly bytes?: Uint8Array;
  readonly media?: Fragments;
}

/** A segment with its bytes; what was not downloaded is left out. */
export interface SeenSegment {
  readonly listed: TextSegment;
  readonly init?: InitSection;
  readonly bytes?: Uint8Array;
  readonly media?: Fragments;
  readonly parts: readonly SeenPart[];
}

export interface SeenRendition {
  readonly url: string;
  /** As it was last. */
  readonly list: MediaText;
  /** In order of their numbers. */
  readonly segments: readonly SeenSegment[];
  /** Initialization sections by URL. */
  readonly inits: ReadonlyMap<string, InitSection>;
}

/** Ticks as seconds; an unreadable timescale counts as 1. */
export function secondsOf(init: InitSection | undefined, trackId: number, ticks: number): number {
  return ticks / (init?.tracks.find(({ id }) => id === trackId)?.timescale || 1);
}

/** The track whose durations are in the playlist: video, or the first track. */
export function leadOf(init: InitSection | undefined) {
  return init?.tracks.find(({ handler }) => handler === 'vide') ?? init?.tracks[0];
}
