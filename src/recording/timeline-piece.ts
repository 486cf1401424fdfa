/**
 * The type of a stretch of a timeline, shared by the timeline and retention (docs/media.md 5).
 * In: nothing. Out: the type.
 */
import type { GapCause } from '@oxbow/media/gap';
import type { HealedFact } from './healed/healed-fact.ts';

/** A stretch of time and its kind; µs since 1970. */
export interface TimelinePiece {
  readonly fromUs: number;
  readonly toUs: number;
  /** `deleted`: by retention, or on request. */
  readonly kind: 'media' | 'offline' | 'deleted' | GapCause;
  readonly detail: string;
  /** In a coarse timeline: the number of merged pieces. */
  readonly merged?: number;
  /** Only of media that was found later. */
  readonly healed?: HealedFact;
}
