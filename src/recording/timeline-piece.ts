/**
 * A stretch of a timeline, as the timeline and retention name it.
 * In: nothing. Out: the type. docs/media.md 5.
 */
import type { GapCause } from '../api/gap.ts';

/** A stretch of time and what it is. µs since 1970. */
export interface TimelinePiece {
  readonly fromUs: number;
  readonly toUs: number;
  /** `deleted`: taken by retention. */
  readonly kind: 'media' | 'offline' | 'deleted' | GapCause;
  readonly detail: string;
  /** Of a coarse timeline: so many pieces together. */
  readonly merged?: number;
}
