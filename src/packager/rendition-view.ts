/**
 * A rendition's view of the live list: the parts of its tracks joined into parts of its own.
 * In: listed segments and a rendition. Out: parts with their pieces, and how far the rendition is. docs/media.md 15a.
 */
import { type Rendition, renditionsOf } from '../media/rendition-set.ts';
import type { LivePart, LiveSegment, LiveWindowView } from './live-segment.ts';

/** A part of a rendition: one part of each of its tracks that has one, in their order. */
export interface RenditionPart {
  /** Presentation time of the first sample of the rendition's first track, ticks. */
  readonly pts: number;
  readonly durationS: number;
  readonly independent: boolean;
  readonly pieces: readonly { readonly trackId: number; readonly part: LivePart }[];
}

/** How far a rendition is: the first MSN that is not complete, and how many of its parts may be listed. */
export interface Position {
  readonly msn: number;
  readonly parts: number;
}

/** `rendition` with the tracks that it had in `segment`: a list goes on where only their rate or size became another. */
function renditionIn({ init }: Pick<LiveSegment, 'init'>, rendition: Rendition): Rendition {
  return renditionsOf(init.tracks).all.find(({ id }) => id === rendition.id) ?? rendition;
}

/**
 * The parts of `segment` that may be listed now: while the segment is open, those that every track has closed. What was listed
 * never changes: audio that outlasts the video at the end of a run is in the whole segment alone.
 */
export function partsOf(segment: LiveSegment, rendition: Rendition): RenditionPart[] {
  const { tracks } = renditionIn(segment, rendition);
  const [lead, ...others] = tracks.map((track) => ({ track, parts: segment.parts.get(track.id) ?? [] }));
  if (!lead) return [];
  let count = lead.parts.length;
  if (!segment.sealed) for (const { parts } of others) count = Math.min(count, parts.length);
  return lead.parts.slice(0, count).map((part, i) => ({
    pts: part.pts,
    durationS: part.duration / lead.track.timescale,
    independent: part.independent,
    pieces: [
      { trackId: lead.track.id, part },
      ...others.flatMap(({ track, parts }) => (parts[i] ? [{ trackId: track.id, part: parts[i] }] : [])),
    ],
  }));
}

/** How far `rendition` is in `view`; undefined while nothing is listed. */
export function positionOf(view: LiveWindowView, rendition: Rendition): Position | undefined {
  const open = view.segments.find((segment) => !segment.sealed);
  if (open) return { msn: open.msn, parts: partsOf(open, rendition).length };
  const last = view.segments.at(-1);
  return last && { msn: last.msn + 1, parts: 0 };
}

/** The part that comes next: of the open segment, or the first of the one behind it where that is expected to be whole. */
export function nextPartOf(view: LiveWindowView, rendition: Rendition): Position | undefined {
  const position = positionOf(view, rendition);
  const open = view.segments.find(({ sealed }) => !sealed);
  if (!position || !open?.ends) return position;
  const most = Math.max(...[...open.parts.values()].map(({ length }) => length));
  return position.parts < most ? position : { msn: open.msn + 1, parts: 0 };
}

/**
 * Whether `rendition` has reached a blocking request (RFC 8216bis 6.2.5.2).
 *
 * @param part undefined: the whole segment is asked for
 */
export function hasReached(view: LiveWindowView, rendition: Rendition, msn: number, part: number | undefined): boolean {
  const position = positionOf(view, rendition);
  if (!position) return false;
  if (part === undefined) return position.msn > msn;
  if (position.msn === msn) return position.parts > part;
  if (position.msn < msn) return false;
  // A part beyond the end of a complete segment means the first part of the next one.
  const asked = view.segments.find((segment) => segment.msn === msn);
  if (!asked || part < partsOf(asked, rendition).length) return true;
  return position.msn > msn + 1 || position.parts > 0;
}
