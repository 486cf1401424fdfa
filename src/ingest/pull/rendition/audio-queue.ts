/**
 * Queue of one rendition's audio frames that wait for their video, also across restarts of the origin.
 * In: frames as they arrive; spans of video, in order. Out: the frames of each span. Pure.
 *
 * After a restart the origin numbers and stamps from 0 again, and each rendition detects it by itself. Frames
 * without such a break form a generation: frames of an older generation than the video's are dropped, those
 * of a newer one wait for the video.
 */
import type { Frame } from '@oxbow/media/frame';

/** Audio may end this much before the video segment, µs: boundaries rarely coincide. */
const SLACK_US = 150_000;
/** Frames kept for video that has not arrived; about 3 minutes of AAC. */
const MAX_FRAMES = 10_000;
/** Period of the 33-bit timestamps of MPEG-TS and packed audio, µs. */
export const TURN_US = (2 ** 33 * 1_000_000) / 90_000;
/**
 * Times that go back by more than this begin a generation, µs; less is reordering or overlapping segments.
 */
const BACK_US = 10_000_000;
/** Frames of another generation that begin at most this much before the video span still belong to it, µs. */
const JOIN_US = 1_000_000;

export interface SegmentTimeline {
  /** How often the origin has restarted; each rendition counts by itself. */
  readonly epoch: number;
  readonly discontinuitySequence: number;
}

/** A frame that waits for its video. */
export interface WaitingFrame {
  readonly frame: Frame;
  readonly dtsUs: number;
  readonly endUs: number;
}

/** A span of video; times of its clock, µs. */
export interface VideoSpan extends SegmentTimeline {
  readonly startUs: number;
  readonly endUs: number;
  /** Parts of it were published before. */
  readonly repeats?: boolean | undefined;
}

interface Entry extends WaitingFrame {
  readonly discontinuitySequence: number;
  readonly generation: number;
}

/** The frames of one rendition, oldest first. */
export class AudioQueue {
  #entries: Entry[] = [];
  /** Timeline of the frames that were added last. */
  #added: SegmentTimeline | undefined;
  #addedGeneration = 0;
  /** Where the segment that was added last ends by its playlist, µs; -Infinity where that is not believed. */
  #statedEndUs = Number.NEGATIVE_INFINITY;
  /** No segment has begun before the stated end of the one before it. */
  #areStatedEndsTrue = true;
  /** Last dts by track, µs. */
  readonly #addedDts = new Map<number, number>();
  /** Generation of the audio that belongs to the current video. */
  #generation = 0;
  /**
   * The video began a new generation and the audio has not yet: frames up to this generation are probably
   * stale.
   */
  #staleGeneration: number | undefined;
  #video: VideoSpan | undefined;

  /** Number of waiting frames. */
  get length(): number {
    return this.#entries.length;
  }

  /** Size of the waiting frames. */
  get bytes(): number {
    return this.#entries.reduce((sum, { frame }) => sum + frame.data.length, 0);
  }

  /**
   * Adds frames of a segment; drops the oldest if there are too many.
   *
   * @param lengthUs how long the segment is by its playlist: its last frames may be short, with silence that
   *   was not sent behind them
   */
  add({ epoch, discontinuitySequence }: SegmentTimeline, frames: readonly WaitingFrame[], lengthUs = 0): void {
    const before = this.#added;
    if (before && (epoch !== before.epoch || discontinuitySequence < before.discontinuitySequence))
      this.#beginGeneration();
    if (discontinuitySequence !== before?.discontinuitySequence) this.#addedDts.clear();
    this.#added = { epoch, discontinuitySequence };
    this.#state(frames, lengthUs);
    for (const waiting of frames) {
      const { trackId } = waiting.frame;
      const last = this.#addedDts.get(trackId);
      if (last !== undefined && waiting.dtsUs < last - BACK_US) this.#beginGeneration();
      this.#addedDts.set(trackId, waiting.dtsUs);
      this.#entries.push({ ...waiting, discontinuitySequence, generation: this.#addedGeneration });
    }
    if (this.#entries.length > MAX_FRAMES) this.#entries.splice(0, this.#entries.length - MAX_FRAMES);
    this.#dropStale();
  }

  /** Keeps where a segment ends by its playlist, unless that was wrong for the one before. */
  #state([first]: readonly WaitingFrame[], lengthUs: number): void {
    if (!first) return;
    const earlyUs = this.#statedEndUs - first.dtsUs;
    // Times that go back further begin a generation.
    if (earlyUs > SLACK_US && earlyUs <= BACK_US && this.#addedDts.size > 0) this.#areStatedEndsTrue = false;
    this.#statedEndUs = this.#areStatedEndsTrue ? first.dtsUs + lengthUs : Number.NEGATIVE_INFINITY;
  }

  #beginGeneration(): void {
    this.#addedGeneration += 1;
    this.#addedDts.clear();
  }

  /** Drops all frames. */
  clear(): void {
    this.#entries = [];
  }

  /** Sets the next span of video; called before `covers` and `take`. */
  follow(video: VideoSpan): void {
    if (video.startUs >= video.endUs) return; // no media
    const before = this.#video;
    this.#video = video;
    if (!before) return;
    const sequences = video.discontinuitySequence - before.discontinuitySequence;
    // Discontinuity Sequence Numbers never decrease unless the origin restarts (RFC 8216bis 6.2.2).
    const isBack = sequences < 0 || (sequences === 0 && !video.repeats && video.startUs < before.endUs - BACK_US);
    if (video.epoch === before.epoch && !isBack) return;
    const next = this.#entries.find(({ generation }) => generation > this.#generation);
    this.#staleGeneration = next ? next.generation - 1 : this.#addedGeneration;
    this.#generation = next?.generation ?? this.#generation;
    this.#dropStale();
    if (!next) this.#entries = [];
  }

  /** Whether audio has arrived that reaches into the span: the rest of it comes soon. */
  reaches({ discontinuitySequence, startUs, endUs }: VideoSpan): boolean {
    const last = this.#entries.at(-1);
    if (!last || this.#isStale(last) || last.discontinuitySequence !== discontinuitySequence) return false;
    return last.endUs - this.#turnsUs(endUs) > startUs;
  }

  /** Whether all audio of the span has arrived. */
  covers({ discontinuitySequence, startUs, endUs }: VideoSpan): boolean {
    const last = this.#entries.at(-1);
    if (!last || this.#isStale(last)) return false;
    const turnsUs = this.#turnsUs(endUs);
    if (last.generation > this.#generation && last.dtsUs - turnsUs < startUs) return true;
    if (last.discontinuitySequence !== discontinuitySequence) return last.discontinuitySequence > discontinuitySequence;
    return Math.max(last.endUs, this.#statedEndUs) - turnsUs >= endUs - SLACK_US;
  }

  /**
   * Takes the audio up to the end of the span. `turnsUs`: how far the audio's clock is ahead, a multiple of
   * the period.
   */
  take({ discontinuitySequence, startUs, endUs }: VideoSpan): {
    readonly frames: readonly WaitingFrame[];
    readonly turnsUs: number;
  } {
    this.#while((entry) => entry.generation <= this.#generation && entry.discontinuitySequence < discontinuitySequence);
    const turnsUs = this.#turnsUs(endUs);
    const frames = this.#while((entry) => {
      const dtsUs = entry.dtsUs - turnsUs;
      if (entry.discontinuitySequence !== discontinuitySequence || dtsUs >= endUs) return false;
      // Of another generation only frames that continue at the video's position: then only the audio
      // restarted.
      return dtsUs >= startUs - JOIN_US || (entry.generation === this.#generation && !this.#isStale(entry));
    });
    const last = frames.at(-1);
    if (last) {
      this.#generation = Math.max(this.#generation, last.generation);
      if (this.#isStale(last)) this.#staleGeneration = undefined;
    }
    return { frames, turnsUs };
  }

  #isStale({ generation }: Entry): boolean {
    return this.#staleGeneration !== undefined && generation <= this.#staleGeneration;
  }

  /** Drops stale frames once frames of the video's generation have arrived. */
  #dropStale(): void {
    const fresh = this.#entries.find((entry) => !this.#isStale(entry));
    if (this.#staleGeneration === undefined || !fresh) return;
    this.#while((entry) => this.#isStale(entry));
    this.#generation = Math.max(this.#generation, fresh.generation);
    this.#staleGeneration = undefined;
  }

  #while(wanted: (entry: Entry) => boolean): Entry[] {
    const count = this.#entries.findIndex((entry) => !wanted(entry));
    return this.#entries.splice(0, count < 0 ? this.#entries.length : count);
  }

  /**
   * How far the audio's clock is ahead of the video's, µs, a multiple of the period: the two may wrap at
   * different times.
   */
  #turnsUs(videoUs: number): number {
    const first = this.#entries[0];
    return first ? Math.round((first.dtsUs - videoUs) / TURN_US) * TURN_US : 0;
  }
}
