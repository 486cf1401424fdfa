/**
 * Queue of one subtitle Rendition's cues that wait for the video of their time and become samples.
 * In: cues with times of the source's clock; the span of each segment. Out: adjacent frames of a text track,
 * none longer than its segment. Pure. ISO/IEC 14496-30, 6; RFC 8216bis 3.1.4.
 */
import type { Frame } from '@oxbow/media/frame';
import { framesOfCues } from '@oxbow/media/webvtt/frames';
import type { MediaSpan } from './merge-frames.ts';

/** A cue; times are ticks of 90 kHz. */
export interface TimedCue {
  readonly start: number;
  readonly end: number;
  /** Times have 33 bits: they differ from the media's clock by a multiple of 2^33 ticks. */
  readonly wraps: boolean;
  readonly discontinuitySequence: number;
  readonly id: string;
  readonly settings: string;
  readonly text: string;
}

const WRAP = 2 ** 33;
/** Waiting cues: all subtitles of a day may arrive before its first video. */
const MAX_WAITING = 30_000;
/** Cues shown at a time, and cues remembered because segments repeat them. */
const MAX_SHOWN = 64;
const MAX_KNOWN = 4000;
/** Characters of the waiting cues, and of the remembered ones. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
/** Media that goes back by more than this is a new timeline. */
const BACK_TICKS = 10 * 90_000;
/** A cue further in the past has another clock. */
const TOO_LATE_TICKS = 60 * 90_000;

/** The cues of one track. */
export class CueQueue {
  readonly #trackId: number;
  #waiting: TimedCue[] = [];
  #waitingLength = 0;
  /** On the media's clock. */
  #shown: TimedCue[] = [];
  readonly #keys = new Set<string>();
  #keysLength = 0;
  /** End of the last sample. */
  #until = Number.NEGATIVE_INFINITY;
  #sequence = 0;

  constructor(trackId: number) {
    this.#trackId = trackId;
  }

  /** Adds a cue unless it is known: every segment repeats the cues that it overlaps. */
  add(cue: TimedCue): void {
    const key = JSON.stringify(cue);
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    this.#keysLength += key.length;
    for (const old of this.#keys) {
      if (this.#keys.size <= MAX_KNOWN && this.#keysLength <= MAX_CHARACTERS) break;
      this.#keys.delete(old);
      this.#keysLength -= old.length;
    }
    this.#waiting.push(cue);
    this.#waitingLength += lengthOf(cue);
    while (this.#waiting.length > MAX_WAITING || this.#waitingLength > MAX_CHARACTERS) {
      this.#waitingLength -= lengthOf(this.#waiting.shift()!);
    }
  }

  /** The samples of a segment. */
  take(discontinuitySequence: number, { from, to }: MediaSpan): Frame[] {
    const hasRestarted = discontinuitySequence !== this.#sequence || from < this.#until - BACK_TICKS;
    if (hasRestarted) this.#until = Number.NEGATIVE_INFINITY;
    this.#sequence = discontinuitySequence;
    const begin = Math.max(from, this.#until);
    if (begin >= to) return [];
    const late = this.#due(discontinuitySequence, from, to).filter(({ end }) => end <= begin);
    this.#shown = this.#shown
      .filter((cue) => cue.end > begin && cue.discontinuitySequence === discontinuitySequence)
      .slice(-MAX_SHOWN);
    this.#until = to;
    return framesOfCues(this.#shown, { trackId: this.#trackId, from: begin, to, gapless: false, late });
  }

  /** Moves cues that begin before `to` from waiting to shown; drops those of older discontinuities. */
  #due(discontinuitySequence: number, from: number, to: number): TimedCue[] {
    const due: TimedCue[] = [];
    this.#waiting = this.#waiting.filter((cue) => {
      if (cue.discontinuitySequence !== discontinuitySequence) return cue.discontinuitySequence > discontinuitySequence;
      const start = cue.wraps ? nearest(cue.start, from) : cue.start;
      if (start >= to) return true;
      const moved = { ...cue, start, end: start + cue.end - cue.start, wraps: false };
      if (moved.end > from - TOO_LATE_TICKS) due.push(moved);
      return false;
    });
    this.#waitingLength = this.#waiting.reduce((sum, cue) => sum + lengthOf(cue), 0);
    for (const cue of due) this.#shown.push(cue);
    return due;
  }
}

function lengthOf({ id, settings, text }: TimedCue): number {
  return id.length + settings.length + text.length;
}

/** The time nearest to `to` that equals `time` modulo 2^33. */
function nearest(time: number, to: number): number {
  return time + Math.round((to - time) / WRAP) * WRAP;
}
