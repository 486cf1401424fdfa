/**
 * One live MPEG-TS feed: its bytes become frames of a publisher, placed in UTC by their arrival.
 * In: the bytes of a socket, in order, and its interruptions. Out: runs, frames and damage for the publisher;
 * facts of the source.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { createTsDemuxer, type TsDemuxer } from '@oxbow/media/mpegts/demuxer';
import { isSparse } from '@oxbow/media/rendition-set';
import { ticksToUs } from '@oxbow/media/run';
import type { SourceFacts } from '../../api/source-facts.ts';
import type { Clock } from '../../lib/clock.ts';
import type { StreamInput } from '../../live/input.ts';
import type { Publisher, PublisherConnection } from '../publisher.ts';
import { sameTracks } from '../same-tracks.ts';
import { TrackChange } from '../track-change.ts';

/**
 * Times that are further ahead than the wall clock allows by more than this begin a run: the source's clock
 * was set, µs.
 */
const MAX_AHEAD_US = 1_000_000;
/** After the clock was set, frames this far before the new time belong to the old one, µs. */
const OLD_CLOCK_US = 1_000_000;

/** Interval of `tick`, ms. */
export const FEED_TICK_MS = 50;
/** Interval in which figures are due, ms. */
const FIGURES_MS = 500;
/** Interval in which declared streams without a frame are counted, ms. */
const CHECK_MS = 5000;

/** What a feed is created with. */
export interface TsFeedOptions {
  readonly input: StreamInput &
    Partial<Pick<Publisher, 'startTracks'>> & {
      readonly connection?: Pick<PublisherConnection, 'stats'> & Partial<Pick<PublisherConnection, 'expectChange'>>;
    };
  readonly clock: Clock;
  readonly protocol: SourceFacts['protocol'];
  /** A frame without new bytes for this long is published before the next one begins, ms. */
  readonly assemblyMs: number;
  /** Number of the program; undefined: the first with media. */
  readonly program?: number | undefined;
  /** What takes the frames converts MPEG-2 video; otherwise it is left out. */
  readonly convertsVideo?: boolean | undefined;
  /** Called with the facts of the source, again when they change. */
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
}

/** Demuxes one feed. */
export class TsFeed {
  readonly #options: TsFeedOptions;
  readonly #demuxer: TsDemuxer;
  #facts: SourceFacts;
  #tracks: readonly Track[] = [];
  #timescales: ReadonlyMap<number, number> = new Map();
  /** The next frame of video or audio begins a run. */
  #begins = true;
  /** And its time has nothing to do with those before it. */
  #restarts = true;
  /**
   * Of an input without `startTracks`: frames wait in it, with their arrival in UTC, where the tracks change.
   */
  readonly #change = new TrackChange<number>({
    start: (tracks) => {
      this.#starting = tracks;
    },
    frame: (frame, nowUs) => this.#place(frame, nowUs),
    damage: (reason) => this.#options.input.damage(reason),
    requestKeyFrame() {},
  });
  /** Their run begins with the next frame of video or audio. */
  #starting: readonly Track[] | undefined;
  /** Decode time of the newest video or audio frame, µs, and when it arrived, ms of the monotonic clock. */
  #newestUs: number | undefined;
  #newestMs = 0;
  /** Frames before this time belong to the clock before it was set, µs. */
  #floorUs = Number.NEGATIVE_INFINITY;
  #checkedMs: number;
  #figuresMs: number;
  #tickMs: number;
  /**
   * Time of the ticks, and of those with new bytes between them; a process that was busy has not listened.
   */
  #timeMs = 0;
  #fedMs = 0;
  #isFed = false;
  /** Video and audio frames so far. */
  frames = 0;

  constructor(options: TsFeedOptions) {
    this.#options = options;
    this.#checkedMs = this.#figuresMs = this.#tickMs = options.clock.monotonicMs();
    this.#facts = { protocol: options.protocol, container: 'mpegts', title: '', live: true, qualities: [] };
    this.#demuxer = createTsDemuxer(
      {
        tracks: (tracks) => this.#takeTracks(tracks),
        frame: (frame) => this.#takeFrame(frame),
        damage: (reason) => options.input.damage(reason),
        mayChange: () => {
          if (options.input.startTracks) options.input.connection?.expectChange?.();
          else this.#change.expect();
        },
        leftOut: (tracks) => {
          const { leftOut: _, ...facts } = this.#facts;
          this.#facts = { ...facts, ...(tracks.length > 0 && { leftOut: [...tracks] }) };
          options.onFacts?.(this.#facts);
        },
      },
      { program: options.program, live: true, mpeg2: options.convertsVideo },
    );
  }

  /**
   * Takes the next bytes; they may be kept.
   *
   * @throws FormatError if this is not MPEG-TS, or has no program with supported media
   */
  push(bytes: Uint8Array): void {
    this.#isFed = true;
    this.#demuxer.push(bytes);
  }

  /**
   * Called every FEED_TICK_MS: publishes frames at their assembly deadline.
   *
   * @returns whether figures are due, about twice a second
   */
  tick(): boolean {
    const { clock, assemblyMs } = this.#options;
    const nowMs = clock.monotonicMs();
    // What came while the process was busy is read after this tick.
    const passedMs = Math.min(nowMs - this.#tickMs, 2 * FEED_TICK_MS);
    this.#tickMs = nowMs;
    this.#timeMs += passedMs;
    if (this.#isFed) this.#fedMs += passedMs;
    this.#isFed = false;
    this.#demuxer.settle({ timeMs: this.#timeMs, fedMs: this.#fedMs }, assemblyMs);
    if (nowMs - this.#checkedMs >= CHECK_MS) {
      this.#checkedMs = nowMs;
      this.#demuxer.check();
    }
    if (nowMs - this.#figuresMs < FIGURES_MS) return false;
    this.#figuresMs = nowMs;
    this.#count();
    return true;
  }

  /**
   * Bytes are missing for long, or another sender begins: publishes complete frames; a run begins with the
   * next media.
   */
  interrupt(): void {
    this.#demuxer.discontinuity();
    this.#change.end();
    this.#begins = true;
    this.#restarts = true;
    this.#newestUs = undefined;
    this.#floorUs = Number.NEGATIVE_INFINITY;
  }

  /** The feed has ended: publishes complete frames. */
  end(): void {
    this.#demuxer.flush();
    this.#change.end();
    this.#count();
  }

  #count(): void {
    const stats = this.#options.input.connection?.stats;
    if (!stats) return;
    stats.settledFrames = this.#demuxer.assembly.settled;
    stats.lateBytes = this.#demuxer.assembly.lateBytes;
  }

  #takeTracks(tracks: readonly Track[]): void {
    // The PIDs changed, and nothing else.
    if (sameTracks(this.#tracks, tracks)) return;
    this.#tracks = tracks;
    this.#timescales = new Map(tracks.filter((track) => !isSparse(track)).map(({ id, timescale }) => [id, timescale]));
    this.#begins = true;
    this.#options.onFacts?.(this.#facts);
  }

  #takeFrame(frame: Frame): void {
    const timescale = this.#timescales.get(frame.trackId);
    if (timescale === undefined) {
      // Metadata has no separate run.
      if (!this.#begins) this.#publish(frame);
      return;
    }
    const { clock, input } = this.#options;
    const us = ticksToUs(frame.dts, timescale);
    const nowMs = clock.monotonicMs();
    if (us < this.#floorUs) {
      input.damage('a frame before the clock of the source was set');
      return;
    }
    const newestUs = this.#newestUs;
    if (newestUs !== undefined && us - newestUs - (nowMs - this.#newestMs) * 1000 > MAX_AHEAD_US) {
      input.damage(`the clock of the source jumped ahead by ${((us - newestUs) / 1_000_000).toFixed(1)} s`);
      this.#floorUs = us - OLD_CLOCK_US;
      this.#begins = true;
      this.#restarts = true;
    }
    if (this.#begins) this.#begin();
    if (newestUs === undefined || us > newestUs) {
      this.#newestUs = us;
      this.#newestMs = nowMs;
    }
    this.frames++;
    this.#publish(frame);
  }

  /** Begins a run whose first frame is captured now. */
  #begin(): void {
    const { input } = this.#options;
    const restarts = this.#restarts;
    this.#begins = false;
    this.#restarts = false;
    if (input.startTracks) input.startTracks(this.#tracks, { restarts });
    else if (restarts) this.#change.restart(this.#tracks);
    else this.#change.take(this.#tracks);
  }

  #publish(frame: Frame): void {
    const { input, clock } = this.#options;
    if (input.startTracks) {
      input.publish(frame);
      return;
    }
    const nowUs = Math.round(clock.nowMs() * 1000);
    if (this.#change.isOpen) this.#change.frame(frame, nowUs);
    else this.#place(frame, nowUs);
  }

  #place(frame: Frame, nowUs: number): void {
    const { input } = this.#options;
    const tracks = this.#starting;
    if (tracks) {
      const track = tracks.find(({ id }) => id === frame.trackId);
      if (!track || isSparse(track)) return;
      this.#starting = undefined;
      const utcOffsetUs = nowUs - ticksToUs(frame.pts, track.timescale);
      input.startRun({ tracks, utcOffsetUs, clock: 'arrival', pace: { kind: 'continuous' } });
    }
    input.publish(frame);
  }
}
