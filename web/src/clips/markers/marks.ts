/**
 * Markers and protected spans as one list, and the draft of a change.
 * In: the marks of the timeline. Out: the marker panel, its dialog. Pure.
 */
import type { MarkerView, PinView } from '../../../../src/api/shapes.ts';
import type { TimeSpan } from '../../time/span.ts';
import type { Marker, Pin } from '../../timeline/tiles.ts';

/** An entry of the list: a marked time with a text, or a protected span. Unix milliseconds. */
export type Mark = ({ readonly kind: 'marker' } & Marker) | ({ readonly kind: 'pin' } & Pin);

/** The subject of the dialog: a new marker, a new protected span, or the sign-in to remove one. */
export type Draft =
  | { readonly kind: 'marker'; readonly atMs: number }
  | ({ readonly kind: 'pin' } & TimeSpan)
  | { readonly kind: 'remove'; readonly mark: Mark };

/** Longest text, characters. */
export const MAX_TEXT = 200;

/** Parses the markers and protected spans of the API; entries with an invalid time are left out. */
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

/** The start of a mark, unix milliseconds. */
export function startOf(mark: Mark): number {
  return mark.kind === 'marker' ? mark.atMs : mark.fromMs;
}

/** Both together, newest first; at the same time, markers before protected spans. */
export function listMarks(markers: readonly Marker[], pins: readonly Pin[]): readonly Mark[] {
  const marks: Mark[] = [
    ...markers.map((marker): Mark => ({ kind: 'marker', ...marker })),
    ...pins.map((pin): Mark => ({ kind: 'pin', ...pin })),
  ];
  return marks.sort((a, b) => startOf(b) - startOf(a) || (a.kind === b.kind ? 0 : a.kind === 'marker' ? -1 : 1));
}

/** Whether a whole span is already protected. */
export function isPinned(span: TimeSpan, pins: readonly Pin[]): boolean {
  return pins.some(({ fromMs, toMs }) => fromMs <= span.fromMs && toMs >= span.toMs);
}
