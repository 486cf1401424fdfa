/**
 * What a plan makes: stretches to play, and the media that it opens for them.
 * In: nothing. Out: types for plan.ts, the playout and the media.
 */
import type { Media } from '../playable.ts';
import type { ChannelItem } from './schedule.ts';

/** Something to play. */
export interface Stretch {
  /** Identifies it: the item and its beginning. */
  readonly key: string;
  readonly kind: 'item' | 'live' | 'room' | 'fill' | 'nothing';
  readonly title: string;
  /** Of the schedule; where it is filled, the one that is not played. */
  readonly item: ChannelItem | undefined;
  /** Id of the live stream that it shows; undefined: it shows something stored. */
  readonly live: string | undefined;
  /** When another one may follow, ms since 1970. */
  readonly toMs: number;
  /** Why it is not what the schedule says, in words; empty: it is. */
  readonly why: string;
  /** Opens its media. @throws OxbowError and errors of the store for media that is gone or cannot be read */
  media(): Promise<Media>;
  /** The position in its media at an instant, µs; undefined: where it is live. @param ms since 1970 */
  positionUs(ms: number): number | undefined;
}

/** A range that fills empty hours. */
export interface FillRange {
  readonly title: string;
  /** Positions in its media, µs. */
  readonly fromUs: number;
  readonly toUs: number;
  media(): Promise<Media>;
}

/** Media to open. */
export interface OpenedItem extends Pick<ChannelItem, 'kind' | 'ref' | 'mediaMs' | 'durationMs'> {
  /** Of a recording: it is waited for where it is still being recorded. */
  readonly grows?: boolean;
}

/** The media of items. */
export interface PlanMedia {
  /** Opens the media of an item. @throws OxbowError with the reason why it cannot be played */
  open(item: OpenedItem): Promise<Media>;
  /** Whether a stream is live now. @param streamId its id */
  isLive(streamId: string): boolean;
  /** Name of a stream for people. */
  titleOf(streamId: string): string;
  /** What fills empty hours, best first; empty: there is nothing. */
  fill(): Promise<readonly FillRange[]>;
}
