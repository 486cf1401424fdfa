/**
 * Bounds of subtitle files, and the list in which cues are collected within them.
 * In: cues of parsers, in any order. Out: cues in order of their times, whose text is safe for pages. Pure.
 */
import type { VttCue } from '../webvtt/cue.ts';
import type { VttBounds } from '../webvtt/parse.ts';

/** Largest subtitle file, bytes. */
export const MAX_SUBTITLE_FILE = 4 * 1024 * 1024;
/** Most cues of a track; ASS with moving signs has the most. */
export const MAX_SUBTITLE_CUES = 20_000;
/** Longest text of a cue, characters; longer ones are cut. */
const MAX_CUE_TEXT = 2000;
/** Characters of all cues. */
const MAX_TEXT = 4 * 1024 * 1024;
/** Latest end of a cue, ms: longer than every asset. */
const MAX_MS = 100 * 3_600_000;

/**
 * Bounds of a whole WebVTT file; what `CueList` collects is within them, also with its times and references.
 */
export const fileBounds: VttBounds = { characters: 32 * 1024 * 1024, lines: 400_000, cues: MAX_SUBTITLE_CUES };

/** Collects the cues of a track. */
export class CueList {
  readonly #cues = new Map<string, VttCue>();
  #length = 0;
  #dropped = 0;

  /** Cues that were beyond a bound. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds a cue, unless it is empty, has no valid times, or is the same as another one. */
  add({ id, startMs, endMs, settings, text }: VttCue): void {
    const start = Math.max(0, Math.round(startMs));
    const end = Math.round(endMs);
    if (text === '' || !(end > start) || end > MAX_MS) return;
    const shown = text.slice(0, MAX_CUE_TEXT);
    const key = `${start} ${end} ${settings} ${shown}`;
    if (this.#cues.has(key)) return;
    if (this.#cues.size >= MAX_SUBTITLE_CUES || this.#length + key.length > MAX_TEXT) {
      this.#dropped++;
      return;
    }
    this.#length += key.length;
    this.#cues.set(key, { id, startMs: start, endMs: end, settings, text: shown });
  }

  /** All cues, by their start. */
  take(): readonly VttCue[] {
    return [...this.#cues.values()].sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
  }
}
