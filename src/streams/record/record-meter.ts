/**
 * Measures a source while it is recorded, and ends the recording at a target duration.
 * In: the calls of a source. Out: the same calls on the stream's input; figures; a promise of the target
 * duration.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { Publisher } from '../../ingest/publisher.ts';
import type { RunStart, StreamInput } from '../../live/input.ts';
import { referenceOf } from '../../live/reference.ts';

/** The bit rate is measured over this much media, seconds. */
const RATE_OVER_S = 10;
/** Most kinds of damage that are named. */
const MOST_NAMED = 5;

/** What a source feeds: a stream, or the session of a publisher. */
type SourceInput = StreamInput & Partial<Pick<Publisher, 'startTracks' | 'connection'>>;

export class RecordMeter {
  readonly #durationS: number;
  readonly #reached = Promise.withResolvers<void>();
  #reference: Track | undefined;
  #timescales = new Map<number, number>();
  /** dts of the run's first reference frame, seconds. */
  #runStartS: number | undefined;
  /** Media of earlier runs, seconds. */
  #beforeS = 0;
  #runS = 0;
  #bytes = 0;
  #gaps = 0;
  #problem = '';
  #failure: { detail: string; isFinal: boolean } | undefined;
  #damaged = 0;
  /** Reasons that differ in more than their numbers, by what they have in common. */
  readonly #damages = new Map<string, { readonly reason: string; count: number }>();
  /** Samples for the bit rate. */
  #marks: { seconds: number; bytes: number }[] = [];
  #isOver = false;

  /** @param durationMs target duration, ms; undefined: no limit */
  constructor(durationMs: number | undefined) {
    this.#durationS = durationMs === undefined ? Number.POSITIVE_INFINITY : durationMs / 1000;
  }

  /** Resolves when the target duration is reached. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** Why there is no media yet; undefined before a failure and after the first media. */
  get failure(): { readonly detail: string; readonly isFinal: boolean } | undefined {
    return this.#failure;
  }

  /** The current figures. */
  get progress(): Omit<RecordProgress, 'leftOut'> {
    const damaged = this.#damaged;
    const seconds = this.#seconds;
    const mark = this.#marks[0] ?? { seconds: 0, bytes: 0 };
    const bitrate = seconds > mark.seconds ? ((this.#bytes - mark.bytes) * 8) / (seconds - mark.seconds) : 0;
    const [bytes, gaps, problem] = [this.#bytes, this.#gaps, this.#problem];
    return { seconds, bytes, bitrate: Math.round(bitrate), gaps, damaged, problem };
  }

  /** What was damaged or is missing, in sentences; empty if nothing was. */
  get warnings(): readonly string[] {
    if (this.#damaged === 0) return [];
    const named = [...this.#damages.values()].map(({ reason, count }) =>
      count === 1 ? reason : `${reason} (${count} times)`,
    );
    const places = this.#damaged === 1 ? 'place in the media was' : 'places in the media were';
    return [`${this.#damaged} damaged ${places} left out: ${named.join('; ')}.`];
  }

  /** Counts damage that was found in the media. */
  damage(reason: string): void {
    if (this.#isOver) return;
    this.#damaged++;
    const kind = reason.replaceAll(/\d+/g, '0');
    const same = this.#damages.get(kind);
    if (same) same.count++;
    else if (this.#damages.size < MOST_NAMED) this.#damages.set(kind, { reason, count: 1 });
  }

  get #seconds(): number {
    return this.#beforeS + this.#runS;
  }

  /** Wraps `input`: the source gets the returned one. */
  over(input: SourceInput): SourceInput {
    const { startTracks } = input;
    return {
      ...(startTracks && {
        startTracks: (tracks, options) => {
          this.#startTracks(tracks, options?.restarts ?? false);
          startTracks.call(input, tracks, options);
        },
      }),
      ...(input.connection && { connection: input.connection }),
      get placement() {
        return input.placement;
      },
      ready: async (options) => input.ready?.(options),
      nextSegment: (segment) => input.nextSegment?.(segment),
      startRun: (start) => {
        this.#startRun(start);
        input.startRun(start);
      },
      publish: (frame) => {
        if (this.#admits(frame)) input.publish(frame);
      },
      jumps: (frame) => input.jumps?.(frame) ?? false,
      flush: () => input.flush(),
      absent: (cause, detail) => {
        this.#absent(cause, detail);
        input.absent(cause, detail);
      },
      damage: (reason) => input.damage(reason),
    };
  }

  /** Tracks that come one after the other, or change, are one run while the reference track is the same. */
  #startTracks(tracks: readonly Track[], restarts: boolean): void {
    const reference = referenceOf(tracks);
    const isSame = reference?.id === this.#reference?.id && reference?.timescale === this.#reference?.timescale;
    if (!isSame || restarts) this.#startRun({ tracks });
    else this.#timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  }

  #startRun({ tracks }: Pick<RunStart, 'tracks'>): void {
    this.#endRun();
    this.#reference = referenceOf(tracks);
    this.#timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  }

  #endRun(): void {
    this.#beforeS += this.#runS;
    this.#runS = 0;
    this.#runStartS = undefined;
  }

  /** Counts a frame; false for one after the target duration. */
  #admits(frame: Frame): boolean {
    const timescale = this.#timescales.get(frame.trackId) ?? 1;
    const isReference = frame.trackId === this.#reference?.id;
    const atS = frame.dts / timescale;
    if (isReference && this.#runStartS === undefined && frame.key) {
      this.#runStartS = atS;
      this.#failure = undefined;
      this.#problem = '';
    }
    if (this.#runStartS === undefined) return !this.#isOver;
    const lastsS = frame.duration / timescale;
    if (this.#beforeS + atS - this.#runStartS + lastsS / 2 > this.#durationS) {
      if (!isReference) return false;
      this.#isOver = true;
      this.#reached.resolve();
    }
    if (this.#isOver) return false;
    if (isReference) this.#runS = Math.max(this.#runS, atS - this.#runStartS + lastsS);
    this.#bytes += frame.data.length;
    const seconds = this.#seconds;
    if (seconds - (this.#marks.at(-1)?.seconds ?? Number.NEGATIVE_INFINITY) >= 1) {
      this.#marks.push({ seconds, bytes: this.#bytes });
      while (this.#marks.length > RATE_OVER_S) this.#marks.shift();
    }
    return true;
  }

  #absent(cause: GapCause | 'offline', detail: string): void {
    if (this.#runStartS !== undefined) this.#gaps++;
    this.#endRun();
    this.#problem = detail;
    if (this.#seconds === 0) this.#failure ??= { detail, isFinal: cause === 'bad-media' };
  }
}

export interface RecordProgress {
  /** Media received, seconds. */
  readonly seconds: number;
  /** Bytes of the media. */
  readonly bytes: number;
  /** Bits per second over about the last ten seconds of media. */
  readonly bitrate: number;
  /** Number of gaps. */
  readonly gaps: number;
  /** Damaged places in the media. */
  readonly damaged: number;
  /** Why media is missing now, in words; empty while media flows. */
  readonly problem: string;
  /** Unsupported tracks of the source so far. */
  readonly leftOut: readonly LeftOutTrack[];
}
