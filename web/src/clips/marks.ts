/**
 * Markers and pins as one list, and what is about to be done to them.
 * In: what the timeline knows. Out: the marker panel, its dialog. Pure.
 */
import type { MarkerView, PinView } from '../../../src/api/shapes.ts';
import type { Marker, Pin } from '../timeline/tiles.ts';
import type { Span } from './span.ts';

/** A line of the list: a moment with a word, or a stretch that is kept. Unix milliseconds. */
export type Mark = ({ readonly kind: 'marker' } & Marker) | ({ readonly kind: 'pin' } & Pin);

/** What the dialog asks about: a new marker, a new pin, or the token to remove one. */
export type Draft =
  | { readonly kind: 'marker'; readonly atMs: number }
  | ({ readonly kind: 'pin' } & Span)
  | { readonly kind: 'remove'; readonly mark: Mark };

/** Letters of a text. */
export const MAX_TEXT = 200;

/** Markers and pins as the API tells them, as the timeline holds them; what cannot be read as a time is left out. */
export function readMarks(
  markers: readonly MarkerView[],
  pins: readonly PinView[],
): { readonly markers: readonly Marker[]; readonly pins: readonly Pin[] } {
  return {
    markers: markers
      .map(({ id, at, text }) => ({ id, atMs: Date.parse(at), text }))
      .filter(({ atMs }) => !Number.isNaN(atMs)),
    pins: pins
      .map(({ id, from, to, text }) => ({ id, fromMs: Date.parse(from), toMs: Date.parse(to), text }))
      .filter(({ fromMs, toMs }) => toMs > fromMs), // NaN too
  };
}

/** Where a mark begins, unix milliseconds. */
export function startOf(mark: Mark): number {
  return mark.kind === 'marker' ? mark.atMs : mark.fromMs;
}

/** Both together, newest first; a pin stands behind the markers of the same moment. */
export function listMarks(markers: readonly Marker[], pins: readonly Pin[]): readonly Mark[] {
  const all: Mark[] = [
    ...markers.map((marker): Mark => ({ kind: 'marker', ...marker })),
    ...pins.map((pin): Mark => ({ kind: 'pin', ...pin })),
  ];
  return all.sort((a, b) => startOf(b) - startOf(a) || (a.kind === b.kind ? 0 : a.kind === 'marker' ? -1 : 1));
}

/** Whether a whole span is kept already. */
export function isPinned(span: Span, pins: readonly Pin[]): boolean {
  return pins.some(({ fromMs, toMs }) => fromMs <= span.fromMs && toMs >= span.toMs);
}
