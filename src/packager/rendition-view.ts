/**
 * Parts of a rendition: joins the parts of its tracks, and computes its position for blocking requests.
 * In: live segments and a rendition. Out: parts, and the position of the rendition. docs/media.md 15a.
 */
import { type Rendition, renditionsOf } from '@oxbow/media/rendition-set';
import type { LivePart, LiveSegment, LiveWindowView } from './live-segment.ts';

/** A part of a rendition: one part of each of its tracks, in track order. */
export interface RenditionPart {
  /** Presentation time of the first sample of the rendition's first track, ticks. */
  readonly pts: number;
  readonly durationS: number;
  readonly independent: boolean;
  readonly pieces: readonly { readonly trackId: number; readonly part: LivePart }[];
}

/** Live edge of a rendition: its first incomplete MSN, and the number of listed parts in it. */
export interface Position {
  readonly msn: number;
  readonly parts: number;
}

/** `rendition` with its tracks in `segment`: within a generation their frame rate or size may change. */
function renditionIn({ init }: Pick<LiveSegment, 'init'>, rendition: Rendition): Rendition {
  return renditionsOf(init.tracks).all.find(({ id }) => id === rendition.id) ?? rendition;
}

/**
 * The parts of `segment` that are listed now: in an open segment, those that every track has closed. Listed
 * parts never change: audio that outlasts the video at the end of a run is only in the complete segment.
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

/** Live edge of `rendition` in `view`; undefined while nothing is listed. */
export function positionOf(view: LiveWindowView, rendition: Rendition): Position | undefined {
  const open = view.segments.find((segment) => !segment.sealed);
  if (open) return { msn: open.msn, parts: partsOf(open, rendition).length };
  const last = view.segments.at(-1);
  return last && { msn: last.msn + 1, parts: 0 };
}

/**
 * The next part, for EXT-X-PRELOAD-HINT: of the open segment, or the first of the next one if no further part
 * is expected.
 */
export function nextPartOf(view: LiveWindowView, rendition: Rendition): Position | undefined {
  const position = positionOf(view, rendition);
  const open = view.segments.find(({ sealed }) => !sealed);
  if (!position || !open?.ends) return position;
  const most = Math.max(...[...open.parts.values()].map(({ length }) => length));
  return position.parts < most ? position : { msn: open.msn + 1, parts: 0 };
}

/**
 * Whether `rendition` has what a blocking request waits for (RFC 8216bis 6.2.5.2).
 *
 * @param part undefined for the complete segment
 */
export function hasReached(view: LiveWindowView, rendition: Rendition, msn: number, part: number | undefined): boolean {
  const position = positionOf(view, rendition);
  if (!position) return false;
  if (part === undefined) return position.msn > msn;
  if (position.msn === msn) return position.parts > part;
  if (position.msn < msn) return false;
  // A part beyond the end of a complete segment means the first part of the next one.
  const segment = view.segments.find((candidate) => candidate.msn === msn);
  if (!segment || part < partsOf(segment, rendition).length) return true;
  return position.msn > msn + 1 || position.parts > 0;
}
