/**
 * A presentation: the input of playlists, manifests, clips and exports; from a live window, a window of a
 * recording, or both joined.
 * In: adapters of delivery, one for each kind. Out: the writers of delivery/format, one for each format.
 * Pure. RFC 8216bis 4.4; ISO 23009-1 5.3.
 */
import type { CaptionChannel } from './captions/caption-channel.ts';
import type { Track } from './frame.ts';
import type { DateRangeTag } from './m3u8/playlist.ts';
import type { Rendition } from './rendition-set.ts';
import { ticksToUs } from './run.ts';
import type { Init } from './segment.ts';

/**
 * All renditions of a stretch of time.
 *
 * @typeParam Segment identifies a segment, e.g. by its location
 */
export interface Presentation<Segment extends PresentationSegment = PresentationSegment> {
  /** Variants and renditions to select from. For a window this iterates over all segments, once. */
  describe(): Description;
  /**
   * Oldest first. May be iterated more than once. The iterator may reuse one object: copy what you keep.
   */
  readonly segments: Iterable<Segment>;
  /** Media Sequence Number of the first segment. */
  readonly mediaSequence: number;
  /** Discontinuities before the first segment. */
  readonly discontinuitySequence: number;
  /** Whole seconds. No segment of a live playlist is longer; in a window longer segments raise it. */
  readonly targetDurationS: number;
  /** No segment will be added. */
  readonly ended: boolean;
  /** Its URL has a revision, so it never changes. */
  readonly fixed?: boolean;
  /**
   * Dates only once a minute and after each discontinuity: otherwise they are nearly half of a long playlist.
   */
  readonly sparseDates?: boolean;
  /** Without dates: its times are not UTC. */
  readonly undated?: boolean;
  /** Its text tracks have a segment under every number, empty ones too. */
  readonly hasAllTexts?: boolean;
  /** Date ranges that overlap it, in order; each ID once. */
  readonly dateRanges: readonly DateRangeTag[];
  /**
   * Derived qualities, with the same MSNs and runs: their video is added to that of the source. Only of a
   * DASH manifest.
   */
  readonly beside?: readonly Pick<Presentation<Segment>, 'segments'>[];
  /** Only of a live playlist: its server control parameters. */
  readonly live?: LiveEdge;
}

/** The tracks and rates of a presentation. */
export interface Description {
  /** Of the newest segment. */
  readonly tracks: readonly Track[];
  /** Closed captions within its video; absent where it is not known whether there are any. */
  readonly captions?: readonly CaptionChannel[] | undefined;
  /** Peak, bits per second. */
  bandwidthOf(rendition: Rendition): number;
  /** Average over all segments, bits per second; absent or undefined where it is not known. */
  averageBandwidthOf?(rendition: Rendition): number | undefined;
  /** A Variant Stream of only sound is offered too. */
  readonly audioAlone?: true;
  /** Frames per second, three decimals; undefined without video or where it varies. */
  frameRateOf(rendition: Rendition): number | undefined;
}

/** One Media Segment of all tracks. */
export interface PresentationSegment {
  readonly msn: number;
  /** Number of its run. */
  readonly run: number;
  /** Undefined where its codec configuration is not known. */
  readonly init: Init | undefined;
  /** UTC = `utcOffsetUs` + pts, µs since 1970. */
  readonly utcOffsetUs: number;
  /** UTC of its start, µs since 1970. */
  readonly startUs: number;
  /** UTC at which its run began, µs since 1970; undefined where only a part of the run is known. */
  readonly runStartUs?: number | undefined;
  /** µs; 0 while it is open, unless its end is predicted. */
  readonly durationUs: number;
  /** Media does not continue that of the previous segment. */
  readonly discontinuity: boolean;
  /** Its media. A track without samples is absent, or has the length 0. */
  readonly tracks: readonly PresentationTrack[];
  /** It was listed but cannot be loaded. */
  readonly lost: boolean;
  /** It is still open: it has only parts. */
  readonly open: boolean;
  /** Its parts, while they are listed. */
  readonly partsOf?: (rendition: Rendition) => readonly PresentationPart[];
}

/** The media of one track in a segment. */
export interface PresentationTrack {
  readonly trackId: number;
  /** Decode time of the first sample, ticks. */
  readonly tfdt: number;
  /** Earliest presentation time − tfdt, ticks. */
  readonly firstPtsOffset: number;
  /** Ticks. */
  readonly duration: number;
  /** Bytes. */
  readonly length: number;
}

/** A Partial Segment of a rendition. */
export interface PresentationPart {
  /**
   * Presentation time of the first sample, ticks of the rendition's first track; of the first part the
   * earliest of the segment.
   */
  readonly pts: number;
  readonly durationS: number;
  readonly independent: boolean;
}

/** Parameters of a live playlist. Seconds. */
export interface LiveEdge {
  /** Number of the generation: its lists are `g{number}.m3u8`. */
  readonly generation: number;
  readonly holdBackS: number;
  readonly canBlockReload: boolean;
  readonly canSkipUntilS: number;
  /** Number of first segments that a delta update skips. */
  skippable(): number;
  /** Undefined for a playlist without parts. */
  readonly parts?: PartEdge;
  /** Renditions of other live windows, with their last parts, for reports. */
  readonly beside?: readonly { readonly rendition: string; readonly last: PartName }[];
  /** Only of a DASH manifest whose open segments are listed. */
  readonly rhythm?: Rhythm;
  /** Only of a DASH manifest: seconds between two loads; default: the target duration. */
  readonly updateS?: number;
  /** Only of a DASH manifest: it has ended, and players read its duration before it becomes static. */
  readonly isEnding?: boolean;
}

/** Segments of one length, in parts of one length. Seconds. */
export interface Rhythm {
  readonly segmentS: number;
  /** The longest part. */
  readonly partS: number;
}

/** Low-latency parameters. */
export interface PartEdge {
  /** PART-HOLD-BACK, seconds. */
  readonly holdBackS?: number;
  /** PART-TARGET of a rendition, seconds. */
  targetOf(rendition: Rendition): number | undefined;
  /** The next part. */
  nextOf(rendition: Rendition): PartName | undefined;
  /** The last part that is listed. */
  lastOf(rendition: Rendition): PartName | undefined;
}

/** Names a part within a rendition. */
export interface PartName {
  readonly msn: number;
  /** From 0. */
  readonly part: number;
}

/** The media of a track in a segment; undefined for a gap. */
export function mediaOf({ tracks }: PresentationSegment, track: Track | undefined): PresentationTrack | undefined {
  if (!track) return undefined;
  for (let i = 0; i < tracks.length; i++) {
    const media = tracks[i]!;
    if (media.trackId === track.id && media.length > 0) return media;
  }
  return undefined;
}

/**
 * Seconds of a segment of a rendition: between two cuts, or of the audio itself where the rendition is audio.
 *
 * @param lead the first track of the rendition
 * @param media its media in the segment
 */
export function durationOf(
  segment: PresentationSegment,
  lead: Track | undefined,
  media: PresentationTrack | undefined,
): number {
  return media && lead?.kind === 'audio' ? media.duration / lead.timescale : segment.durationUs / 1e6;
}

/**
 * UTC of the earliest sample of a rendition in a segment, µs since 1970; without samples, that of the cut.
 *
 * @param lead the first track of the rendition
 * @param media its media in the segment
 */
export function startOf(
  segment: PresentationSegment,
  lead: Track | undefined,
  media: PresentationTrack | undefined,
): number {
  if (!media || !lead || lead.kind === 'text') return segment.startUs;
  return segment.utcOffsetUs + ticksToUs(media.tfdt + media.firstPtsOffset, lead.timescale);
}
