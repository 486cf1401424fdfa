/**
 * The audio frames of one rendition that wait for their video, also across restarts of the origin.
 * In: frames as they come; stretches of video, in order. Out: the frames of each stretch. Pure.
 *
 * After a restart the origin counts and stamps from 0 again, and each rendition finds out by itself. A stretch of frames without such a
 * break is called a life: frames of an older life than the video's are dropped, those of a newer one wait for the video.
 */
import type { Frame } from '../../../media/frame.ts';

/** Audio may end so much before the video segment does, µs: boundaries never fall together. */
const SLACK_US = 150_000;
/** Frames kept for video that has not come; about 3 minutes of AAC. */
const MAX_FRAMES = 10_000;
/** One turn of the 33 bits in which MPEG-TS and packed audio count, µs. */
const TURN_US = (2 ** 33 * 1_000_000) / 90_000;
/** Times that go back by more than this begin a life; less is reordering, or segments that overlap. */
const BACK_US = 10_000_000;
/** Frames of another life that begin this much before the video's stretch still join it, µs. */
const JOIN_US = 1_000_000;

/** Audio of one segment. */
export interface SegmentTimeline {
  /** How often the origin had begun anew; each rendition counts for itself. */
  readonly epoch: number;
  readonly discontinuitySequence: number;
}

/** A frame that waits for its video. */
export interface WaitingFrame {
  readonly frame: Frame;
  readonly dtsUs: number;
  readonly endUs: number;
}

/** A stretch of video; times are of its own clock, µs. */
export interface VideoSpan extends SegmentTimeline {
  readonly startUs: number;
  readonly endUs: number;
  /** Some of it came before, as parts. */
  readonly repeats?: boolean | undefined;
}

interface Entry extends WaitingFrame {
  readonly discontinuitySequence: number;
  readonly life: number;
}

/** The frames of one rendition, oldest first. */
export class AudioQueue {
  #entries: Entry[] = [];
  /** What was added last. */
  #added: SegmentTimeline | undefined;
  #addedLife = 0;
  /** By track, µs. */
  readonly #addedDts = new Map<number, number>();
  /** The video's life, as the number of the audio's. */
  #life = 0;
  /** The video began a new life and the audio has not yet: frames up to this life are probably of the old one. */
  #staleLife: number | undefined;
  #video: VideoSpan | undefined;

  /** Frames that wait. */
  get length(): number {
    return this.#entries.length;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#entries.reduce((sum, { frame }) => sum + frame.data.length, 0);
  }

  /** Adds frames of a segment; the oldest go where there are too many. */
  add({ epoch, discontinuitySequence }: SegmentTimeline, frames: readonly WaitingFrame[]): void {
    const before = this.#added;
    if (before && (epoch !== before.epoch || discontinuitySequence < before.discontinuitySequence)) this.#beginLife();
    if (discontinuitySequence !== before?.discontinuitySequence) this.#addedDts.clear();
    this.#added = { epoch, discontinuitySequence };
    for (const waiting of frames) {
      const { trackId } = waiting.frame;
      const last = this.#addedDts.get(trackId);
      if (last !== undefined && waiting.dtsUs < last - BACK_US) this.#beginLife();
      this.#addedDts.set(trackId, waiting.dtsUs);
      this.#entries.push({ ...waiting, discontinuitySequence, life: this.#addedLife });
    }
    if (this.#entries.length > MAX_FRAMES) this.#entries.splice(0, this.#entries.length - MAX_FRAMES);
    this.#dropStale();
  }

  #beginLife(): void {
    this.#addedLife += 1;
    this.#addedDts.clear();
  }

  /** Forgets all of them. */
  clear(): void {
    this.#entries = [];
  }

  /** The video goes on with this stretch; to be called before `covers` and `take`. */
  follow(video: VideoSpan): void {
    if (video.startUs >= video.endUs) return; // no media
    const before = this.#video;
    this.#video = video;
    if (!before) return;
    const sequences = video.discontinuitySequence - before.discontinuitySequence;
    // A sequence only rises as long as the origin lives (RFC 8216bis 6.2.2).
    const isBack = sequences < 0 || (sequences === 0 && !video.repeats && video.startUs < before.endUs - BACK_US);
    if (video.epoch === before.epoch && !isBack) return;
    const next = this.#entries.find(({ life }) => life > this.#life);
    this.#staleLife = next ? next.life - 1 : this.#addedLife;
    this.#life = next?.life ?? this.#life;
    this.#dropStale();
    if (!next) this.#entries = [];
  }

  /** Whether all of the stretch's audio is there. */
  covers({ discontinuitySequence, startUs, endUs }: VideoSpan): boolean {
    const last = this.#entries.at(-1);
    if (!last || this.#isStale(last)) return false;
    const turnsUs = this.#turnsUs(endUs);
    if (last.life > this.#life && last.dtsUs - turnsUs < startUs) return true;
    if (last.discontinuitySequence !== discontinuitySequence) return last.discontinuitySequence > discontinuitySequence;
    return last.endUs - turnsUs >= endUs - SLACK_US;
  }

  /** Takes the audio of the stretch, up to its end. `turnsUs`: how far the audio's clock is ahead, in whole turns. */
  take({ discontinuitySequence, startUs, endUs }: VideoSpan): {
    readonly frames: readonly WaitingFrame[];
    readonly turnsUs: number;
  } {
    this.#while((entry) => entry.life <= this.#life && entry.discontinuitySequence < discontinuitySequence);
    const turnsUs = this.#turnsUs(endUs);
    const frames = this.#while((entry) => {
      const dtsUs = entry.dtsUs - turnsUs;
      if (entry.discontinuitySequence !== discontinuitySequence || dtsUs >= endUs) return false;
      // Of another life only what joins where the video is: that was no restart of both.
      return dtsUs >= startUs - JOIN_US || (entry.life === this.#life && !this.#isStale(entry));
    });
    const last = frames.at(-1);
    if (last) {
      this.#life = Math.max(this.#life, last.life);
      if (this.#isStale(last)) this.#staleLife = undefined;
    }
    return { frames, turnsUs };
  }

  #isStale({ life }: Entry): boolean {
    return this.#staleLife !== undefined && life <= this.#staleLife;
  }

  /** Once frames of the video's life have come, those of older ones go. */
  #dropStale(): void {
    const fresh = this.#entries.find((entry) => !this.#isStale(entry));
    if (this.#staleLife === undefined || !fresh) return;
    this.#while((entry) => this.#isStale(entry));
    this.#life = Math.max(this.#life, fresh.life);
    this.#staleLife = undefined;
  }

  #while(wanted: (entry: Entry) => boolean): Entry[] {
    const count = this.#entries.findIndex((entry) => !wanted(entry));
    return this.#entries.splice(0, count < 0 ? this.#entries.length : count);
  }

  /** How many µs this audio's clock is whole turns ahead of the video's: each may have begun on its own side of a wrap. */
  #turnsUs(videoUs: number): number {
    const first = this.#entries[0];
    return first ? Math.round((first.dtsUs - videoUs) / TURN_US) * TURN_US : 0;
  }
}
