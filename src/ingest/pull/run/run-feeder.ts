/**
 * Publishes segments to a stream: begins a run where timestamps break, keeps the UTC offset where they
 * continue.
 * In: demuxed segments in order. Out: StreamInput. docs/media.md 1 to 5.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import { ticksToUs } from '@oxbow/media/run';
import type { StreamInput } from '../../../live/input.ts';
import { sameTracks } from '../../same-tracks.ts';
import type { PullContext } from '../context.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { DemuxedSegment, MediaGroup } from '../segment/segment-demux.ts';
import {
  type Anchor,
  anchorRun,
  arrivalAnchor,
  DATED_TOLERANCE_US,
  estimateAnchor,
  type PreviousRun,
} from './run-anchor.ts';

/**
 * Frames of other tracks further from the reference track's frames of their group have another clock and are
 * dropped, µs.
 */
const MAX_APART_US = 10_000_000;

/** Longest detail of missing media, characters: names of segments may be longer. */
const MAX_DETAIL = 200;

interface OpenRun {
  /** Frames arrive as they are captured, not a segment at a time. */
  readonly lowLatency: boolean;
  readonly tracks: readonly Track[];
  readonly reference: Track;
  /** Last dts by track, ticks. */
  readonly lastDts: Map<number, number>;
}

/** Publishes the segments of one pull. */
export class RunFeeder {
  readonly #input: StreamInput;
  readonly #context: PullContext;
  #run: OpenRun | undefined;
  #previous: PreviousRun | undefined;
  /** The segment that was published last. */
  #last: Pick<QueuedSegment, 'msn' | 'epoch'> | undefined;
  /**
   * UTC offset of the stream minus that of the last segment by each clock, µs: an offset that the stream has
   * moved forward stays.
   */
  #leadUs = { source: 0, arrival: 0 };
  /** Reports of missing media since the last segment, without `source-down`. */
  #absences = 0;
  /**
   * The last playlist load whose segments may repeat published media, and the end of the stream at that time,
   * µs since 1970.
   */
  #opening: { readonly number: number; readonly endUs: number | undefined } | undefined;
  /** Expected next dts of the reference track, µs; undefined until a run has begun. */
  #expectedUs: number | undefined;
  /** The UTC offset by the last date, µs. */
  #dateUtcOffsetUs: number | undefined;
  /** Last dts by track, ticks, of the segment whose media or parts were published last. */
  #lastSegment: { readonly msn: number; readonly epoch: number; readonly lastDts: Map<number, number> } | undefined;

  constructor(input: StreamInput, context: PullContext) {
    this.#input = input;
    this.#context = context;
  }

  /** Media is missing from here on; the next frame begins a run. */
  absent(cause: GapCause | 'offline', detail: string): void {
    this.#keepUtcOffset();
    this.#run = undefined;
    if (cause !== 'source-down') {
      this.#absences += 1;
      if (this.#previous) this.#previous = { ...this.#previous, contiguous: false };
    }
    this.#input.absent(cause, detail.slice(0, MAX_DETAIL));
  }

  /**
   * Publishes a segment that contains the frames of all renditions.
   *
   * @param unused called at once if no frame of it is in use any more
   */
  publish(segment: QueuedSegment, media: DemuxedSegment, unused?: () => void): void {
    this.#keepUtcOffset();
    this.#findMissing(segment);
    if (segment.discontinuity) {
      this.#run = undefined;
      if (this.#previous) this.#previous = { ...this.#previous, sameClock: false };
    }
    for (const damage of media.damages) this.#input.damage(damage);
    const lowLatency = segment.lowLatency === true;
    if (this.#run && this.#run.lowLatency !== lowLatency) this.#run = undefined;
    const before =
      this.#lastSegment?.msn === segment.msn && this.#lastSegment.epoch === segment.epoch
        ? this.#lastSegment
        : undefined;
    this.#lastSegment = before ?? { msn: segment.msn, epoch: segment.epoch, lastDts: new Map() };
    let offsetUs = 0;
    for (const group of media.groups) {
      const fresh = segment.repeats ? withoutKnown(group, this.#lastSegment.lastDts) : group;
      offsetUs = this.#publishGroup(segment, fresh, group.offsetUs ?? offsetUs, group === media.groups[0]);
    }
    if (this.#previous) this.#previous = { ...this.#previous, contiguous: true, missing: 0 };
    this.#last = { msn: segment.msn, epoch: segment.epoch };
    this.#absences = 0;
    // Low-latency frames arrive continuously: each one is packaged when its successor arrives.
    if (!lowLatency) this.#input.flush(unused);
  }

  /** @returns where the group ends in its segment, µs */
  #publishGroup(
    segment: QueuedSegment,
    { tracks, frames }: Pick<MediaGroup, 'tracks' | 'frames'>,
    offset: number,
    isFirst: boolean,
  ): number {
    let offsetUs = offset;
    const of = (wanted: Track['kind']) => tracks.find(({ kind }) => kind === wanted);
    const reference = of('video') ?? of('audio');
    if (!reference || frames.length === 0) return offsetUs;
    if (this.#run && !sameTracks(this.#run.tracks, tracks)) this.#run = undefined;
    const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
    const first = frames.find(({ trackId }) => trackId === reference.id) ?? frames[0]!;
    this.#checkJump(segment, first);
    const ptsUs = ticksToUs(first.pts, timescales.get(first.trackId)!);
    const at = [segment, ptsUs, offsetUs] as const;
    this.#reportListed(segment, estimateAnchor(...at));
    if (this.#run && isFirst) this.#checkDate(segment, ptsUs - offsetUs);
    let dropped = 0;
    const span = spanOf(frames, reference, this.#run && this.#expectedUs);
    // Without an iterator, whose results are garbage while this is not compiled.
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!;
      const timescale = timescales.get(frame.trackId);
      if (timescale === undefined) continue;
      const dtsUs = ticksToUs(frame.dts, timescale);
      if (frame.trackId === reference.id) {
        this.#checkJump(segment, frame);
        if (!this.#run) this.#begin(segment, tracks, reference, frame, timescale, offsetUs);
        const durationUs = ticksToUs(frame.duration, timescale);
        offsetUs += durationUs;
        if (this.#write(frame)) this.#advance(dtsUs, ticksToUs(frame.pts, timescale), durationUs);
        else dropped += 1;
        continue;
      }
      if (!this.#run) this.#begin(segment, tracks, reference, first, timescales.get(first.trackId)!, offsetUs);
      const isApart = dtsUs < span.fromUs - MAX_APART_US || dtsUs > span.toUs + MAX_APART_US;
      if (isApart || !this.#write(frame)) dropped += 1;
    }
    if (dropped > 0) this.#input.damage(`${dropped} frames with timestamps out of order were dropped`);
    this.#keepUtcOffset();
    const utcOffsetUs = this.#input.placement?.utcOffsetUs;
    if (utcOffsetUs !== undefined) {
      // The arrival clock is no more exact than a segment: only a date can be late.
      const arrival = Math.max(0, utcOffsetUs - arrivalAnchor(...at).utcOffsetUs);
      const { clock, utcOffsetUs: estimateUs } = estimateAnchor(...at);
      this.#leadUs = { source: clock === 'source' ? utcOffsetUs - estimateUs : 0, arrival };
    }
    return offsetUs;
  }

  /** Takes over a UTC offset that the stream has moved in the open run. */
  #keepUtcOffset(): void {
    const previous = this.#previous;
    const utcOffsetUs = this.#input.placement?.utcOffsetUs;
    if (!previous || !this.#run || utcOffsetUs === undefined || utcOffsetUs === previous.utcOffsetUs) return;
    this.#previous = { ...previous, utcOffsetUs, endUs: previous.endUs + utcOffsetUs - previous.utcOffsetUs };
  }

  #findMissing({ msn, epoch, opening }: QueuedSegment): void {
    const endUs = this.#input.placement?.mediaEndUs;
    if (opening !== undefined && opening !== this.#opening?.number) this.#opening = { number: opening, endUs };
    if (!this.#previous || this.#last?.epoch !== epoch || opening !== undefined) return;
    const missing = Math.max(0, msn - this.#last.msn - 1);
    if (missing > 0) this.#previous = { ...this.#previous, contiguous: false, missing };
  }

  #reportListed(segment: QueuedSegment, { utcOffsetUs, clock }: Anchor): void {
    const isTaken = this.#input.placement?.mediaEndUs !== this.#opening?.endUs;
    const missing = Math.max(this.#absences, this.#previous?.missing ?? 0);
    this.#input.nextSegment?.({
      utcOffsetUs: utcOffsetUs + this.#leadUs[clock],
      clock,
      listedUs: Math.round(segment.arrivedMs * 1000),
      mayRepeat: segment.opening !== undefined && !isTaken,
      missingUs: Math.round(missing * segment.durationS * 1_000_000),
    });
  }

  /**
   * Ends the run if the frame jumps. Called before any frame of the segment is published, because other
   * tracks may precede the reference track.
   */
  #checkJump(segment: QueuedSegment, frame: Frame): void {
    if (!this.#run || !this.#input.jumps?.(frame)) return;
    this.#context.log.info({ msn: segment.msn }, 'timestamps jump: a new run begins');
    this.#run = undefined;
  }

  /** A date that steps within continuous media is ignored, and counted once. */
  #checkDate(segment: QueuedSegment, ptsUs: number): void {
    if (!segment.dated || this.#previous?.clock !== 'source' || this.#dateUtcOffsetUs === undefined) return;
    const utcOffsetUs = Math.round(segment.programDateTimeMs! * 1000 - ptsUs);
    if (Math.abs(utcOffsetUs - this.#dateUtcOffsetUs) > DATED_TOLERANCE_US) {
      this.#context.counters.dateJumps();
      this.#context.log.warn(
        { msn: segment.msn, stepS: (utcOffsetUs - this.#dateUtcOffsetUs) / 1e6 },
        'EXT-X-PROGRAM-DATE-TIME jumped and was ignored',
      );
    }
    this.#dateUtcOffsetUs = utcOffsetUs;
  }

  #begin(
    segment: QueuedSegment,
    tracks: readonly Track[],
    reference: Track,
    first: Frame,
    timescale: number,
    offsetUs: number,
  ): void {
    const ptsUs = ticksToUs(first.pts, timescale);
    const anchor = anchorRun(segment, ptsUs, offsetUs, this.#previous);
    const lowLatency = segment.lowLatency === true;
    this.#run = { lowLatency, tracks, reference, lastDts: new Map() };
    // Without a frame of the reference track the next dts is unknown.
    this.#expectedUs = first.trackId === reference.id ? ticksToUs(first.dts, timescale) : undefined;
    this.#dateUtcOffsetUs = anchor.utcOffsetUs;
    this.#previous = { ...anchor, endUs: anchor.utcOffsetUs + ptsUs, sameClock: true, contiguous: true, missing: 0 };
    this.#input.startRun({
      tracks,
      ...anchor,
      pace: lowLatency ? { kind: 'continuous' } : { kind: 'bursty', intervalS: 1.5 * segment.targetDurationS },
    });
    this.#reportListed(segment, estimateAnchor(segment, ptsUs, offsetUs));
  }

  /** Publishes a frame unless its dts is not after the last one of its track. */
  #write(frame: Frame): boolean {
    const { lastDts } = this.#run!;
    const last = lastDts.get(frame.trackId);
    if (last !== undefined && frame.dts <= last) return false;
    lastDts.set(frame.trackId, frame.dts);
    this.#lastSegment?.lastDts.set(frame.trackId, frame.dts);
    this.#input.publish(frame);
    return true;
  }

  #advance(dtsUs: number, ptsUs: number, durationUs: number): void {
    this.#expectedUs = dtsUs + durationUs;
    const previous = this.#previous!;
    previous.endUs = Math.max(previous.endUs, previous.utcOffsetUs + ptsUs + durationUs);
  }
}

/** Span of the reference track's dts, its expected dts included, µs; unbounded if neither is known. */
function spanOf(frames: readonly Frame[], { id, timescale }: Track, expectedUs: number | undefined) {
  let fromUs = expectedUs ?? Number.POSITIVE_INFINITY;
  let toUs = expectedUs ?? Number.NEGATIVE_INFINITY;
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i]!;
    if (frame.trackId !== id) continue;
    const dtsUs = ticksToUs(frame.dts, timescale);
    fromUs = Math.min(fromUs, dtsUs);
    toUs = Math.max(toUs, dtsUs);
  }
  return fromUs <= toUs ? { fromUs, toUs } : { fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY };
}

/** The frames that were not published before as parts. */
function withoutKnown({ tracks, frames }: MediaGroup, lastDts: ReadonlyMap<number, number>): MediaGroup {
  const isPublished = (frame: Frame) => frame.dts <= (lastDts.get(frame.trackId) ?? Number.NEGATIVE_INFINITY);
  return { tracks, frames: frames.filter((frame) => !isPublished(frame)) };
}
