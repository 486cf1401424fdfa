/**
 * What is known of the healing of gaps, for the lists of gaps; the feature that heals sets where it is from.
 * In: gaps of the timeline. Out: the same with notes. Pure.
 */
import type { HealingNote } from './healing-shapes.ts';

/** A note on the gaps of a stretch, µs since 1970. */
export interface GapNote {
  readonly fromUs: number;
  readonly toUs: number;
  readonly note: HealingNote;
}

/** Reads the notes on gaps that overlap [fromUs, toUs), oldest first. */
export type GapNotes = (streamId: string, fromUs: number, toUs: number) => Promise<readonly GapNote[]>;

/** There are none. */
export const noGapNotes: GapNotes = async () => [];

/** A gap with the note on it, if there is one. */
export function withNote<G extends { readonly from: string; readonly to: string }>(
  gap: G,
  notes: readonly GapNote[],
): G & { readonly healing?: HealingNote } {
  const [fromUs, toUs] = [Date.parse(gap.from) * 1000, Date.parse(gap.to) * 1000];
  const note = notes.find((known) => known.fromUs < toUs && known.toUs > fromUs)?.note;
  return note ? { ...gap, healing: note } : gap;
}
