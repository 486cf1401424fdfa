/**
 * The media of a stream by programme time: its live edge, and the stretches without a gap.
 * In: a managed stream. Out: StreamTimeline.
 */
import { firstOpenOf, type LiveSegment, lastSealedOf } from '../../packager/live-segment.ts';
import { readTimeline, type TimelineChunks } from '../../recording/timeline.ts';
import type { ManagedStream } from '../managed-stream.ts';

/** A stretch without a gap, unix ms. */
export interface MediaSpan {
  readonly fromMs: number;
  /** Of media that still grows: its end for now. */
  readonly toMs: number;
}

/** Media whose positions are programme time. Times are unix ms. */
export interface StreamTimeline {
  /** End of the newest media; undefined: the stream is not live. */
  edgeMs(): number | undefined;
  /** How far from the edge every player can be, ms. */
  distanceMs(): number;
  /** The first media that ends after a position; undefined: none yet. */
  span(positionMs: number): Promise<MediaSpan | undefined>;
}

/** How much of a recording one look reads, µs. */
const LOOK_US = 600_000_000;
/** A smaller distance between segments is no gap, µs. */
const GAP_US = 500_000;
/** Bounds of the distance to the live edge at which a room watches a source with parts, ms. */
const LEAST_MS = 1500;
const MOST_MS = 3000;
/** More than PART-HOLD-BACK: requests of several players, and the correction of their clocks, ms. */
const BEYOND_HOLD_BACK_MS = 900;

/**
 * The timeline of a stream.
 *
 * @param find the stream now; it is replaced when its source changes
 */
export function createStreamTimeline(find: () => ManagedStream | undefined, chunks: TimelineChunks): StreamTimeline {
  return {
    edgeMs() {
      const stream = find();
      if (stream?.status.state !== 'live') return undefined;
      const endUs = newestUs(stream);
      return endUs === undefined ? undefined : endUs / 1000;
    },
    distanceMs() {
      const generation = find()?.served.list.generation;
      if (!generation) return MOST_MS;
      const { partHoldBackS, targetDurationS } = generation;
      // Without parts a segment is listed when it is complete.
      if (partHoldBackS === undefined) return targetDurationS * 1500 + LEAST_MS;
      return Math.min(MOST_MS, Math.max(LEAST_MS, partHoldBackS * 1000 + BEYOND_HOLD_BACK_MS));
    },
    async span(positionMs) {
      const stream = find();
      if (!stream) return undefined;
      const us = Math.round(positionMs * 1000);
      const live = spansOf(stream.served.list.segments, stream);
      if (live[0] && us >= live[0].fromUs) return toMs(live.find(({ toUs }) => toUs > us));
      const recorded = (await recordedSpan(stream, chunks, us)) ?? live[0];
      // The recording ends where the segments in memory begin.
      const joined =
        recorded && live.find(({ fromUs, toUs }) => toUs > recorded.toUs && fromUs - recorded.toUs < GAP_US);
      return toMs(recorded && joined ? { fromUs: recorded.fromUs, toUs: joined.toUs } : recorded);
    },
  };
}

interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

function toMs(span: Span | undefined): MediaSpan | undefined {
  return span && { fromMs: span.fromUs / 1000, toMs: span.toUs / 1000 };
}

/** Stretches of the segments in memory. */
function spansOf(segments: readonly LiveSegment[], stream: ManagedStream): Span[] {
  const spans: Span[] = [];
  for (const segment of segments) {
    const { startUs } = segment;
    const toUs = endOf(segment, stream);
    const last = spans.at(-1);
    if (last && startUs - last.toUs < GAP_US) spans[spans.length - 1] = { fromUs: last.fromUs, toUs };
    else spans.push({ fromUs: startUs, toUs });
  }
  return spans;
}

/** End of the newest media in memory, µs since 1970. */
function newestUs(stream: ManagedStream): number | undefined {
  const newest = firstOpenOf(stream.served.list.segments) ?? lastSealedOf(stream.served.list.segments);
  return newest && endOf(newest, stream);
}

function endOf({ startUs, sealed, parts }: LiveSegment, { served: { list } }: ManagedStream): number {
  if (sealed) return startUs + sealed.durationUs;
  const track = list.tracks.find(({ kind }) => kind === 'video') ?? list.tracks[0];
  const trackParts = track && parts.get(track.id);
  if (!track || !trackParts) return startUs;
  return startUs + (trackParts.reduce((ticks, { duration }) => ticks + duration, 0) * 1_000_000) / track.timescale;
}

/** The first recorded media that ends after `us`. */
async function recordedSpan(stream: ManagedStream, chunks: TimelineChunks, us: number): Promise<Span | undefined> {
  const look = async (fromUs: number) => {
    const { pieces } = await readTimeline(
      stream.served.recording,
      chunks,
      stream.served.timelineEnd,
      fromUs,
      fromUs + LOOK_US,
    );
    const first = pieces.findIndex(({ kind, toUs }) => kind === 'media' && toUs > us);
    if (first < 0) return undefined;
    let last = first;
    while (pieces[last + 1]?.kind === 'media') last++;
    return { fromUs: pieces[first]!.fromUs, toUs: pieces[last]!.toUs };
  };
  const near = await look(us);
  if (near) return near;
  const far = await chunks.firstSpanFrom(stream.served.recording.streamId, us);
  return far && look(Math.max(us, far.start_us));
}
