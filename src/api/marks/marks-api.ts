/**
 * The contract of markers and pins, as the HTTP API calls it. Names are valid and times checked; each call
 * refuses with an OxbowError.
 * In: routes of marks. Out: features/marks implements it. Types only.
 */
import type { MarkerView, PinView } from '../shapes.ts';

/** Which markers to list; ms since 1970. */
export interface MarkerQuery {
  readonly fromMs: number;
  readonly toMs: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** Markers and pins of streams; each call refuses `stream-unknown`. */
export interface MarksApi {
  /** Markers in [fromMs, toMs), oldest first, and where the next page begins. Refuses `bad-request`. */
  markers(
    name: string,
    query: MarkerQuery,
  ): Promise<{ readonly items: readonly MarkerView[]; readonly nextCursor: string | null }>;
  /** Refuses `bad-time`, `limit-reached`. */
  addMarker(name: string, marker: { readonly atMs: number; readonly text: string }): Promise<MarkerView>;
  /** Refuses `marker-unknown`. */
  removeMarker(name: string, id: string): Promise<void>;
  /** All pins, oldest first. */
  pins(name: string): Promise<readonly PinView[]>;
  /** Refuses `bad-time`, `window-too-long`, `no-media`, `gone`, `limit-reached`. */
  addPin(
    name: string,
    pin: { readonly fromMs: number; readonly toMs: number; readonly text: string },
  ): Promise<PinView>;
  /** Refuses `pin-unknown`. */
  removePin(name: string, id: string): Promise<void>;
}
