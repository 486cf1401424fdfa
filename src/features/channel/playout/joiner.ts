/**
 * Puts media with different clocks after each other on one timeline whose pts is UTC, cut at key frames,
 * without encoding.
 * In: frames of one take after the other. Out: runs and frames of a stream. A run begins only where the
 * parameters of a decoder change, or after a hole.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs, usToTicks } from '@oxbow/media/run';
import { sameTracks } from '../../../ingest/same-tracks.ts';
import type { StreamInput } from '../../../live/input.ts';
import type { Piece } from '../playable.ts';

/** Ids of the tracks of a channel. */
const VIDEO_ID = 1;
const AUDIO_ID = 2;
const VIDEO_TIMESCALE = 90_000;
/** A key frame this little after the position is preferred to one before it, µs. */
const NEAR_US = 250_000;
/** Decode times that are this near to where they are expected continue, seconds; as in docs/media.md 13. */
const EVEN_S = 0.002;
/** Sound that ended this long before the picture that follows is a hole, µs. */
const MOST_SILENT_US = 40_000;
/** Sound is moved by this much at the most, so that it continues, µs; half a frame is always permitted. */
const MOST_MOVED_US = 35_000;
/** A larger hole between two frames ends the run, µs; as in live/continuity. */
const HOLE_US = 400_000;

/** A frame on the clock of the channel. */
export interface PlacedFrame {
  readonly frame: Frame;
  readonly isReference: boolean;
  /** When it is sent, µs since 1970. */
  readonly dueUs: number;
}

/** The timeline of a channel. */
export class Joiner {
  readonly #input: StreamInput;
  /** Of the current run; undefined without one. */
  tracks: readonly Track[] | undefined;
  /** The last decode time of the picture, and the end of the sound; ticks of their tracks. */
  lastDts = Number.NEGATIVE_INFINITY;
  /** Where the next picture is expected, by its decode time. */
  nextDts = Number.NEGATIVE_INFINITY;
  soundEnd = Number.NEGATIVE_INFINITY;
  /** The end of what was sent of the reference track, µs since 1970; 0: nothing was. */
  endUs = 0;

  constructor(input: StreamInput) {
    this.#input = input;
  }

  /** The next media begins at this instant at the earliest, µs since 1970. */
  open(atUs: number): Take {
    return new Take(this, Math.max(atUs, this.endUs));
  }

  /** Nothing is played from here on. */
  pause(detail: string): void {
    this.#forget();
    this.#input.absent('offline', detail);
  }

  /**
   * A key frame of the reference track follows, with these tracks. The run continues where its decode times
   * and its sound do: the packager has listed segments by then.
   */
  enter(tracks: readonly Track[], first: Frame): void {
    const { timescale } = tracks[0]!;
    const atUs = ticksToUs(first.pts, timescale);
    const isHole = this.endUs > 0 && atUs - this.endUs > HOLE_US;
    const isEven = Math.abs(first.dts - this.nextDts) <= EVEN_S * timescale || tracks[0]!.kind === 'audio';
    const sound = tracks.find(({ id }) => id === AUDIO_ID);
    const isHeard = !sound || atUs - ticksToUs(Math.round(this.soundEnd), sound.timescale) < MOST_SILENT_US;
    if (!isHole && isEven && this.tracks && sameTracks(this.tracks, tracks) && isHeard) return;
    if (isHole && this.tracks) this.#input.absent('source-skipped', 'nothing was played');
    this.#forget();
    this.tracks = tracks;
    this.#input.startRun({ tracks, utcOffsetUs: 0, clock: 'source', pace: { kind: 'continuous' } });
  }

  publish(frame: Frame): void {
    this.#input.publish(frame);
  }

  #forget(): void {
    this.tracks = undefined;
    this.lastDts = Number.NEGATIVE_INFINITY;
    this.nextDts = Number.NEGATIVE_INFINITY;
    this.soundEnd = Number.NEGATIVE_INFINITY;
  }
}

/** Some media on the timeline. */
export class Take {
  readonly #joiner: Joiner;
  readonly #atUs: number;
  #tracks: readonly Track[] = [];
  #output: readonly Track[] = [];
  /** Added to positions of the media, µs; undefined before its first key frame. */
  #deltaUs: number | undefined;
  #waitsForKey = true;
  /** Time of the first picture after a key frame that was waited for, µs: earlier ones need others. */
  #firstUs = 0;
  /** Added to the sound, ticks, so that it continues without a hole. */
  #soundShift: number | undefined;
  #isPictureOver = false;
  #isSoundOver = false;

  constructor(joiner: Joiner, atUs: number) {
    this.#joiner = joiner;
    this.#atUs = atUs;
  }

  /** All of it that is before the end was sent. */
  get isOver(): boolean {
    return this.#isPictureOver && (this.#isSoundOver || !this.#output.some(({ id }) => id === AUDIO_ID));
  }

  /** Something of it was sent. */
  get hasBegun(): boolean {
    return this.#deltaUs !== undefined && !this.#waitsForKey;
  }

  /**
   * The frames of its first piece from the key frame on with which it begins, and how far that is after
   * where it should begin, µs.
   *
   * @param positionUs where it should begin, µs of the media; undefined: anywhere
   */
  entry(piece: Piece, positionUs = Number.POSITIVE_INFINITY): { readonly frames: readonly Frame[]; aheadUs: number } {
    const reference = referenceOf(piece.tracks);
    const at = (frame: Frame) => positionOf(frame, reference, piece);
    const keys = piece.frames.filter(({ trackId, key }) => key && trackId === reference.id);
    const near = keys.find((frame) => at(frame) >= positionUs && at(frame) <= positionUs + NEAR_US);
    const key = near ?? keys.findLast((frame) => at(frame) <= positionUs) ?? keys[0];
    if (!key) return { frames: [], aheadUs: 0 };
    return { frames: piece.frames.slice(piece.frames.indexOf(key)), aheadUs: at(key) - positionUs };
  }

  /** A frame on the clock of the channel; undefined for one that cannot be decoded or has no place. */
  place(frame: Frame, piece: Piece): PlacedFrame | undefined {
    if (piece.tracks !== this.#tracks) this.#adopt(piece.tracks);
    if (piece.jumps && frame === piece.frames[0] && this.#deltaUs !== undefined) this.#waitsForKey = true;
    const input = piece.tracks.find(({ id }) => id === frame.trackId);
    if (!input) return undefined;
    const isReference = input === referenceOf(piece.tracks);
    const positionUs = positionOf(frame, input, piece);
    if (this.#waitsForKey) {
      if (!isReference || !frame.key) return undefined;
      this.#deltaUs ??= this.#atUs - positionUs;
      this.#firstUs = positionUs;
    }
    if (positionUs < this.#firstUs - (isReference ? 0 : lengthOf(frame, input) / 2)) return undefined;
    const output = this.#output.find(({ kind }) => kind === input.kind)!;
    const offset = usToTicks(piece.offsetUs + this.#deltaUs!, output.timescale);
    const scale = (ticks: number) => Math.round((ticks * output.timescale) / input.timescale);
    const dts = scale(frame.dts) + offset;
    const placed: Frame = {
      trackId: output.id,
      dts,
      pts: scale(frame.pts) + offset,
      duration: Math.max(1, scale(frame.duration)),
      key: frame.key,
      data: frame.data,
    };
    return { frame: placed, isReference, dueUs: ticksToUs(dts, output.timescale) };
  }

  /** Sends a frame, unless it is after the end. @param untilUs the end, µs since 1970 */
  send({ frame, isReference }: PlacedFrame, untilUs: number): void {
    const { id, timescale } = this.#output.find((track) => track.id === frame.trackId)!;
    const until = usToTicks(untilUs, timescale);
    const shift = isReference ? 0 : (this.#soundShift ?? 0);
    const isAfter = frame.pts + shift + frame.duration / 2 > until;
    if (isReference) {
      this.#isPictureOver ||= isAfter;
      if (this.#isPictureOver) return;
      if (this.#waitsForKey) {
        this.#waitsForKey = false;
        this.#joiner.enter(this.#output, frame);
      }
    } else {
      this.#isSoundOver ||= isAfter;
      if (this.#isSoundOver || this.#waitsForKey) return;
    }
    if (id === VIDEO_ID) this.#sendPicture(frame, until, timescale);
    else this.#sendSound(frame, isReference, timescale);
  }

  #sendPicture(frame: Frame, until: number, timescale: number): void {
    const joiner = this.#joiner;
    const dts = Math.max(frame.dts, joiner.lastDts + 1);
    const pts = Math.max(frame.pts, dts);
    const duration = Math.max(1, Math.min(frame.duration, until - pts));
    joiner.lastDts = dts;
    joiner.nextDts = dts + frame.duration;
    joiner.endUs = Math.max(joiner.endUs, ticksToUs(pts + duration, timescale));
    joiner.publish({ ...frame, dts, pts, duration });
  }

  #sendSound(frame: Frame, isReference: boolean, timescale: number): void {
    const joiner = this.#joiner;
    if (this.#soundShift === undefined) {
      const early = joiner.soundEnd - frame.pts;
      if (early > frame.duration / 2) return; // the sound before it is not over
      // After less than a frame of silence at each side it is moved rather than a hole left in the run.
      const mostEarly = Math.min(1.5 * frame.duration, Math.round((MOST_MOVED_US * timescale) / 1e6));
      this.#soundShift = -early <= Math.max(frame.duration / 2, mostEarly) ? early : 0;
    }
    const pts = frame.pts + this.#soundShift;
    if (pts < joiner.soundEnd - 1) return;
    const at = Math.max(pts, joiner.soundEnd);
    joiner.soundEnd = at + frame.duration;
    if (isReference) joiner.endUs = ticksToUs(joiner.soundEnd, timescale);
    joiner.publish({ ...frame, dts: at, pts: at });
  }

  /** The tracks of the media as those of the channel. */
  #adopt(tracks: readonly Track[]): void {
    this.#tracks = tracks;
    const output = tracks.map(outputOf);
    if (sameTracks(this.#output, output)) return;
    this.#output = output;
    this.#waitsForKey = true;
  }
}

function outputOf(track: Track): Track {
  const common = { language: 'und', label: '' };
  if (track.kind === 'video') {
    const { rung: _, ...video } = track;
    return { ...video, ...common, id: VIDEO_ID, timescale: VIDEO_TIMESCALE };
  }
  if (track.kind !== 'audio') return track;
  return { ...track, ...common, id: AUDIO_ID, timescale: track.config.sampleRate };
}

function referenceOf(tracks: readonly Track[]): Track {
  return tracks.find(({ kind }) => kind === 'video') ?? tracks[0]!;
}

function positionOf(frame: Frame, { timescale }: Track, { offsetUs }: Piece): number {
  return ticksToUs(frame.pts, timescale) + offsetUs;
}

function lengthOf({ duration }: Frame, { timescale }: Track): number {
  return (duration / timescale) * 1_000_000;
}
