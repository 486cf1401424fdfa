/**
 * Which streams are side by side, in which layout, and which one is heard.
 * In: an arrangement, a request of the viewer. Out: the arrangement after it. Pure.
 */
import { type LayoutName, layoutFor, MOST_TILES, swapped, tilesOf } from './layout.ts';

/** What a page of several streams shows. */
export interface Arrangement {
  /** Names in the order of the places, each once, at most nine; those beyond the layout are not shown. */
  readonly streams: readonly string[];
  readonly layout: LayoutName;
  /** Index of the tile that is heard, from 0. */
  readonly focus: number;
}

/** Names of the shown streams, by place. */
export function shownStreams({ streams, layout }: Arrangement): readonly string[] {
  return streams.slice(0, tilesOf(layout));
}

/** Another layout; the first tile is heard if the one that was is not shown any more. */
export function withLayout(arrangement: Arrangement, layout: LayoutName): Arrangement {
  const next = { ...arrangement, layout };
  return next.focus < shownStreams(next).length ? next : { ...next, focus: 0 };
}

/** The tile of a place is heard. */
export function withFocus(arrangement: Arrangement, place: number): Arrangement {
  return place in shownStreams(arrangement) ? { ...arrangement, focus: place } : arrangement;
}

/** One more stream, in a larger layout if there is no place for it. */
export function withStream(arrangement: Arrangement, name: string): Arrangement {
  if (arrangement.streams.includes(name) || arrangement.streams.length >= MOST_TILES) return arrangement;
  const streams = [...arrangement.streams, name];
  const isFull = streams.length > tilesOf(arrangement.layout);
  return { ...arrangement, streams, layout: isFull ? layoutFor(streams.length) : arrangement.layout };
}

/** Without a stream, in the smallest layout for the others; the sound stays with its stream. */
export function withoutStream(arrangement: Arrangement, name: string): Arrangement {
  const streams = arrangement.streams.filter((each) => each !== name);
  return hearSame(arrangement, { ...arrangement, streams, layout: layoutFor(streams.length) });
}

/** Two streams change places; the sound stays with its stream. */
export function withSwap(arrangement: Arrangement, from: number, to: number): Arrangement {
  return hearSame(arrangement, { ...arrangement, streams: swapped(arrangement.streams, from, to) });
}

function hearSame(before: Arrangement, next: Arrangement): Arrangement {
  const heard = shownStreams(before)[before.focus];
  return { ...next, focus: Math.max(0, shownStreams(next).indexOf(heard ?? '')) };
}
