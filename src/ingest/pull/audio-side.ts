/**
 * One audio Rendition that has a playlist of its own, kept ready for the video it belongs to.
 * In: the items of the rendition, as they come. Out: for each stretch of video, the audio up to its end. rfc8216bis, 4.4.6.2.1:
 * renditions share timestamps and discontinuity sequence numbers, not segment boundaries.
 */
import { sleep } from '../../lib/abort.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Frame, Track } from '../../media/frame.ts';
import type { Rendition } from '../../media/m3u8/playlist.ts';
import { ticksToUs } from '../../media/run.ts';
import type { PullContext } from './context.ts';
import { type RenditionPlace, readRendition } from './rendition.ts';
import type { MediaGroup } from './segment-demux.ts';

/** Audio may end so much before the video segment does, µs: boundaries never fall together. */
const SLACK_US = 150_000;
/** Frames kept for video that has not come; about 3 minutes of AAC. */
const MAX_FRAMES = 10_000;
/** No more is fetched while so many frames wait, or so many bytes. */
const MAX_AHEAD = MAX_FRAMES / 2;
const MAX_AHEAD_BYTES = 16 * 1024 * 1024;
/** Ten seconds of eight channels that are hardly compressed. */
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;
/** Tracks taken of one rendition. */
const MAX_TRACKS = 4;
/** One turn of the 33 bits in which MPEG-TS and packed audio count, µs. */
const TURN_US = (2 ** 33 * 1_000_000) / 90_000;

/** Longest name of a rendition, characters. */
const MAX_LABEL = 100;

/** A track with the language and name of its Rendition; a language that is no tag (BCP 47) is not believed. */
export function named(track: Track, { language, name }: Rendition): Track {
  const isTag = language !== undefined && language.length <= 35 && /^[a-z]{2,8}(-[a-z0-9]{1,8})*$/i.test(language);
  return { ...track, language: isTag ? language : track.language, label: name.slice(0, MAX_LABEL) };
}

/** A frame that waits for its video. */
export interface WaitingFrame {
  readonly discontinuitySequence: number;
  readonly frame: Frame;
  readonly dtsUs: number;
  readonly endUs: number;
}

/** What belongs to a stretch of video. */
export interface DueAudio {
  readonly tracks: readonly Track[];
  readonly frames: readonly WaitingFrame[];
  /** There should be some, and is none. */
  readonly missing: boolean;
}

/** The audio beside a video rendition. */
export class AudioSide {
  readonly #context: PullContext;
  readonly #firstId: number;
  #waiting: WaitingFrame[] = [];
  #tracks: readonly Track[] = [];
  #state: 'running' | 'ended' | 'failed' = 'running';
  /** The audio did not come in time: video no longer waits until it has caught up. */
  #late = false;
  #wake: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;
  readonly #stopped = new AbortController();
  /** As the Multivariant Playlist describes it. */
  readonly rendition: Rendition;

  /** @param firstId of its tracks: up to four from here on are taken */
  constructor(rendition: Rendition, firstId: number, context: PullContext) {
    this.rendition = rendition;
    this.#firstId = firstId;
    this.#context = { ...context, maxSegmentBytes: MAX_SEGMENT_BYTES };
  }

  /** More waits than the video will take soon. */
  get #isAhead(): boolean {
    const bytes = this.#waiting.reduce((sum, { frame }) => sum + frame.data.length, 0);
    return this.#waiting.length > MAX_AHEAD || bytes > MAX_AHEAD_BYTES;
  }

  /**
   * Reads the rendition until it ends, is stopped, or `signal` aborts. Never rejects: video goes on without its audio, and the log says so.
   */
  async run(place: RenditionPlace, { signal: outer }: { signal: AbortSignal }): Promise<void> {
    const signal = AbortSignal.any([outer, this.#stopped.signal]);
    const { name, language } = this.rendition;
    const { log } = this.#context;
    this.#state = 'running';
    try {
      for await (const item of readRendition(place, this.#context, { signal })) {
        if (item.kind === 'segment') {
          for (const group of item.media.groups) this.#add(group, item.segment.discontinuitySequence);
          // A list that offers its past is fetched no faster than the video it belongs to.
          if (this.#isAhead) await this.#taken({ signal });
        } else {
          log.warn({ cause: item.cause, detail: item.detail, name, language }, 'audio is missing');
          // Whoever waits finds out by its own patience.
        }
      }
      this.#state = 'ended';
    } catch (error) {
      this.#state = 'failed';
      if (!signal.aborted) log.warn({ error: messageOf(error), name, language }, 'the audio rendition ended');
    } finally {
      this.#wake?.();
    }
  }

  /** It is not needed: the video brings the same audio. */
  stop(): void {
    this.#stopped.abort(new Error('the video brings this audio itself'));
    this.#waiting = [];
    this.#tracks = [];
  }

  #add({ tracks, frames }: MediaGroup, discontinuitySequence: number): void {
    if (this.#stopped.signal.aborted) return;
    const audio = tracks.filter(({ kind }) => kind === 'audio').slice(0, MAX_TRACKS);
    const places = new Map(audio.map(({ id, timescale }, i) => [id, { id: this.#firstId + i, timescale }]));
    this.#tracks = audio.map((track, i) => ({ ...named(track, this.rendition), id: this.#firstId + i }));
    for (const frame of frames) {
      const place = places.get(frame.trackId);
      if (!place) continue;
      const dtsUs = ticksToUs(frame.dts, place.timescale);
      this.#waiting.push({
        discontinuitySequence,
        frame: { ...frame, trackId: place.id },
        dtsUs,
        endUs: dtsUs + ticksToUs(frame.duration, place.timescale),
      });
    }
    if (this.#waiting.length > MAX_FRAMES) this.#waiting.splice(0, this.#waiting.length - MAX_FRAMES);
    this.#wake?.();
  }

  #covers(discontinuitySequence: number, endUs: number): boolean {
    const last = this.#waiting.at(-1);
    if (!last) return false;
    if (last.discontinuitySequence !== discontinuitySequence) return last.discontinuitySequence > discontinuitySequence;
    return last.endUs >= endUs + this.#turnsUs(endUs) - SLACK_US;
  }

  /** How many µs this audio's clock is whole turns ahead of the video's: each may have begun on its own side of a wrap. */
  #turnsUs(videoUs: number): number {
    const first = this.#waiting[0];
    return first ? Math.round((first.dtsUs - videoUs) / TURN_US) * TURN_US : 0;
  }

  /**
   * Takes the audio of a stretch of video, waiting for it if need be.
   *
   * @param endUs end of the stretch on the video's clock
   * @param waitMs longest wait, ms; three times as long for the first audio, so that a run need not begin without it
   */
  async due(
    discontinuitySequence: number,
    endUs: number,
    waitMs: number,
    { signal }: { signal: AbortSignal },
  ): Promise<DueAudio> {
    if (!this.#late || this.#covers(discontinuitySequence, endUs)) {
      const patienceMs = this.#tracks.length === 0 ? 3 * waitMs : waitMs;
      this.#late = !(await this.#wait(() => this.#covers(discontinuitySequence, endUs), patienceMs, signal));
    }
    const take = (until: (waiting: WaitingFrame) => boolean): WaitingFrame[] => {
      const count = this.#waiting.findIndex((waiting) => !until(waiting));
      return this.#waiting.splice(0, count < 0 ? this.#waiting.length : count);
    };
    take((waiting) => waiting.discontinuitySequence < discontinuitySequence);
    const turnsUs = this.#turnsUs(endUs);
    this.#wakeReader?.();
    const due = take((w) => w.discontinuitySequence === discontinuitySequence && w.dtsUs - turnsUs < endUs);
    // A rendition that has failed for good is no track that others should wait for.
    if (due.length === 0 && this.#state === 'failed') this.#tracks = [];
    const frames = turnsUs === 0 ? due : due.map((waiting) => this.#turned(waiting, turnsUs));
    return { tracks: this.#tracks, frames, missing: frames.length === 0 && this.#tracks.length > 0 };
  }

  /** Resolves when video has taken what was its own, or `signal` aborts. */
  async #taken({ signal }: { signal: AbortSignal }): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#wakeReader = wake;
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    signal.removeEventListener('abort', wake);
    this.#wakeReader = undefined;
  }

  #turned(waiting: WaitingFrame, turnsUs: number): WaitingFrame {
    const { frame } = waiting;
    const timescale = this.#tracks.find(({ id }) => id === frame.trackId)?.timescale ?? 1;
    const shift = Math.round((turnsUs * timescale) / 1_000_000);
    return {
      ...waiting,
      dtsUs: waiting.dtsUs - turnsUs,
      endUs: waiting.endUs - turnsUs,
      frame: { ...frame, dts: frame.dts - shift, pts: frame.pts - shift },
    };
  }

  async #wait(done: () => boolean, waitMs: number, signal: AbortSignal): Promise<boolean> {
    const until = this.#context.clock.monotonicMs() + waitMs;
    while (!done()) {
      signal.throwIfAborted();
      const leftMs = until - this.#context.clock.monotonicMs();
      if (this.#state !== 'running' || leftMs <= 0) return this.#state !== 'running';
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      // Both ends of this sleep are looked at above.
      await sleep(leftMs, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {});
      this.#wake = undefined;
    }
    return true;
  }
}
