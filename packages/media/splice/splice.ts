/**
 * Puts inputs with different clocks after each other into one continuous timeline, cut at key frames, without
 * encoding.
 * In: the frames of one take after the other, live or stored. Out: tracks 1 (video) and 2 (audio) and their
 * frames, on one clock. Pure.
 */
import type { AudioTrack, Frame, Track, VideoTrack } from '../frame.ts';
import { RunningTake } from './running-take.ts';
import { hasSameConfig } from './same-config.ts';
import { Take, type TakeOptions } from './take.ts';
import { WaitingTake } from './waiting-take.ts';

/** A hole that is longer than this is kept: its media is missing, µs. */
const HOLE_US = 500_000;
/** How far the sound of a take may begin before its picture, µs. */
const EARLY_SOUND_US = 20_000;

/** Receives the timeline, synchronously. */
export interface SpliceOutput {
  /**
   * The tracks of the frames that follow: before the first frame, and whenever parameters of a decoder
   * change. The clock continues; the pipeline begins a run (a new initialization section, a discontinuity).
   */
  tracks(tracks: readonly Track[]): void;
  frame(frame: Frame): void;
  /** A take is on the output from here on; its first frame follows. */
  changed?(change: SpliceChange): void;
}

/** A change from one take to the next. */
export interface SpliceChange {
  readonly take: Take;
  /** Time of its first picture on the output, µs. */
  readonly atUs: number;
  /**
   * How far that is from where the take should begin, µs; positive: late. At most half a frame, unless its
   * key frame came later than pictures after it, which were sent by then. `TakeOptions.offsetUs` says of
   * each take where it should begin, so it does not add up.
   */
  readonly errorUs: number;
  /** Decoders are initialized again. */
  readonly isDiscontinuity: boolean;
}

/**
 * The timeline. A take begins with its first key frame after `open`; until then, and until the splice has
 * `changed`, the frames of both takes are written, and the current one is sent up to the first picture of the
 * next. The last picture is kept back until the next one comes, so that its duration is right; while a take
 * follows, also what the codec reorders, and the newest 100 ms.
 */
export class Splice {
  readonly #output: SpliceOutput;
  #video: VideoTrack | undefined;
  #audio: AudioTrack | undefined;
  #current: RunningTake | undefined;
  #next: WaitingTake | undefined;

  constructor(output: SpliceOutput) {
    this.#output = output;
  }

  /** The take that is on; undefined before the first. */
  get current(): Take | undefined {
    return this.#current?.take;
  }

  /** The take that waits for a key frame, or for the last frames of the current one. */
  get next(): Take | undefined {
    return this.#next?.take;
  }

  /** What is added to the clock of the current take, µs; undefined before the first. */
  get offsetUs(): number | undefined {
    return this.#current?.offsetUs;
  }

  /** How far the sound is from its picture, µs, from -20,000 to 20,000; positive: late. */
  get soundMovedUs(): number {
    return this.#current?.soundMovedUs ?? 0;
  }

  /** Where the picture ends, or the sound of a take without one, µs; undefined before the first frame. */
  get endUs(): number | undefined {
    const picture = this.#current?.lastPicture;
    return picture ? picture.ptsUs + picture.lengthUs : this.#current?.soundEndUs;
  }

  /**
   * Announces the next take; it replaces one that is not on yet.
   *
   * @throws RangeError without a track of video or audio
   */
  open(options: TakeOptions): Take {
    this.cancel();
    const take = new Take(options, (...written) => this.#write(...written));
    this.#next = new WaitingTake(take);
    this.#current?.hold();
    return take;
  }

  /** Takes back what `open` announced; the current take continues. */
  cancel(): void {
    if (!this.#next) return;
    this.#next = undefined;
    this.#current?.resume();
  }

  /** The input of the current take has ended: all of it is sent, and the next take waits for nothing more. */
  end(): void {
    if (!this.#current) return;
    if (this.#next?.hasBegun) this.#change(this.#next);
    else this.#current.end();
  }

  /** Reads `TakeOptions.sound` of the current take again, after its clock has moved against the picture. */
  retimeSound(): void {
    this.#current?.openSound();
  }

  #write(take: Take, frame: Frame, isSound: boolean): void {
    const [current, next] = [this.#current, this.#next];
    if (take === current?.take) current.write(frame, isSound);
    else if (take === next?.take) {
      const hadBegun = next.hasBegun;
      next.write(frame, isSound);
      // Pictures that were sent stay, where the key frame came late: their sound is waited for.
      if (next.hasBegun && !hadBegun) current?.until(Math.max(next.wantedUs ?? this.endUs ?? 0, soonestAfter(current)));
    } else return;
    if (next?.hasBegun && (!current || current.isComplete || next.isOverdue)) this.#change(next);
  }

  #change(next: WaitingTake): void {
    const { take } = next;
    const previous = this.#current;
    const wantedUs = next.wantedUs ?? this.endUs ?? 0;
    previous?.finish(wantedUs);
    const atUs = previous ? startAfter(previous, next.wantedUs ?? this.endUs ?? 0) : wantedUs;
    const lastDtsUs = previous?.lastDtsUs;
    previous?.leave(Math.max(atUs - next.delayUs, lastDtsUs ?? Number.NEGATIVE_INFINITY));
    const isDiscontinuity = this.#adopt(take);
    const current = new RunningTake(take, {
      video: this.#video,
      audio: this.#audio,
      offsetUs: atUs - next.firstUs,
      movedUs: atUs - wantedUs,
      lastDtsUs,
      soundEndUs: Math.max(previous?.soundEndUs ?? atUs, previous ? atUs - EARLY_SOUND_US : atUs),
      send: (frame) => this.#output.frame(frame),
    });
    this.#current = current;
    this.#next = undefined;
    this.#output.changed?.({ take, atUs, errorUs: atUs - wantedUs, isDiscontinuity });
    for (const { frame, isSound } of next.frames) current.write(frame, isSound);
  }

  /** Uses the tracks of a take where parameters differ; returns whether decoders are initialized again. */
  #adopt({ video, audio }: Take): boolean {
    if (this.#current && hasSameConfig(video, this.#video) && hasSameConfig(audio, this.#audio)) return false;
    this.#video = video && { ...video, id: 1 };
    this.#audio = audio && { ...audio, id: 2 };
    this.#output.tracks([this.#video, this.#audio].filter((track) => track !== undefined));
    return this.#current !== undefined;
  }
}

/** The soonest that a take may begin, µs: when the last picture was shown for half its length. */
function soonestAfter({ lastPicture: last }: RunningTake): number {
  return last ? Math.round(last.ptsUs + last.lengthUs / 2) : Number.NEGATIVE_INFINITY;
}

/**
 * Where a take begins, µs: where it should, but from half a frame to one and a half after the last picture
 * began, so that none is shown for less than half its time or for a frame too long. A long hole stays.
 */
function startAfter(previous: RunningTake, wantedUs: number): number {
  const last = previous.lastPicture;
  if (!last) return Math.max(wantedUs, previous.soundEndUs ?? wantedUs);
  const [least, most] = [soonestAfter(previous), Math.round(last.ptsUs + 1.5 * last.lengthUs)];
  if (wantedUs - most > HOLE_US) return wantedUs;
  return Math.min(Math.max(wantedUs, least), most);
}
