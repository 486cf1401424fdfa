/**
 * One audio Rendition that has a playlist of its own, kept ready for the video it belongs to.
 * In: the items of the rendition, as they come. Out: for each stretch of video, the audio up to its end. RFC 8216bis 4.4.6.2.1:
 * renditions share timestamps and discontinuity sequence numbers, not segment boundaries.
 */
import type { LeftOutTrack } from '../../../api/left-out.ts';
import { sleep } from '../../../lib/abort.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { Track } from '../../../media/frame.ts';
import type { Rendition } from '../../../media/m3u8/playlist.ts';
import { ticksToUs } from '../../../media/run.ts';
import type { PullContext } from '../context.ts';
import type { MediaGroup } from '../segment/segment-demux.ts';
import { AudioQueue, type SegmentTimeline, type VideoSpan, type WaitingFrame } from './audio-queue.ts';
import { type RenditionLocation, readRendition } from './rendition.ts';

/** No more is fetched while so many frames wait, or so many bytes. */
const MAX_AHEAD = 5000;
const MAX_AHEAD_BYTES = 16 * 1024 * 1024;
/** Ten seconds of eight channels that are hardly compressed. */
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;
/** Tracks taken of one rendition. */
const MAX_TRACKS = 4;

/** Longest name of a rendition, characters. */
const MAX_LABEL = 100;

/** A track with the language and name of its Rendition; a language that is no tag (BCP 47) is not believed. */
export function named(track: Track, { language, name }: Rendition): Track {
  const isTag = language !== undefined && language.length <= 35 && /^[a-z]{2,8}(-[a-z0-9]{1,8})*$/i.test(language);
  return { ...track, language: isTag ? language : track.language, label: name.slice(0, MAX_LABEL) };
}

/** What belongs to a stretch of video. */
export interface DueAudio {
  readonly tracks: readonly Track[];
  readonly frames: readonly WaitingFrame[];
  /** There should be some, and is none. */
  readonly missing: boolean;
}

/** The audio beside a video rendition. */
export class AudioRendition {
  readonly #context: PullContext;
  readonly #firstId: number;
  readonly #line = new AudioQueue();
  #tracks: readonly Track[] = [];
  #state: 'running' | 'ended' | 'failed' = 'running';
  /** The audio did not come in time: video no longer waits until it has caught up. */
  #late = false;
  #wake: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;
  readonly #onLeftOut: PullContext['onLeftOut'];
  #leftOut: readonly LeftOutTrack[] = [];
  readonly #stopped = new AbortController();
  /** As the Multivariant Playlist describes it. */
  readonly rendition: Rendition;

  /** @param firstId of its tracks: up to four from here on are taken */
  constructor(rendition: Rendition, firstId: number, context: PullContext) {
    this.rendition = rendition;
    this.#firstId = firstId;
    this.#context = {
      ...context,
      maxSegmentBytes: MAX_SEGMENT_BYTES,
      onLeftOut: (tracks) => this.#tellLeftOut(tracks.map((track) => this.#named(track))),
    };
    this.#onLeftOut = context.onLeftOut;
  }

  /** More waits than the video will take soon. */
  get #isAhead(): boolean {
    return this.#line.length > MAX_AHEAD || this.#line.bytes > MAX_AHEAD_BYTES;
  }

  /**
   * Reads the rendition until it ends, is stopped, or `signal` aborts. Never rejects: video goes on without its audio, and the log says so.
   */
  async run(place: RenditionLocation, { signal: outer }: { signal: AbortSignal }): Promise<void> {
    const signal = AbortSignal.any([outer, this.#stopped.signal]);
    const { name, language } = this.rendition;
    const { log } = this.#context;
    this.#state = 'running';
    try {
      for await (const item of readRendition(place, this.#context, { signal })) {
        if (item.kind === 'segment') {
          for (const group of item.media.groups) this.#add(group, item.segment);
          // A list that offers its past is fetched no faster than the video it belongs to.
          if (this.#isAhead) await this.#taken({ signal });
        } else if (item.cause !== 'offline') {
          log.warn({ cause: item.cause, detail: item.detail, name, language }, 'audio is missing');
          // Whoever waits finds out by its own patience.
          if (item.cause === 'bad-media' && this.#tracks.length === 0) this.#tellUnreadable(item.detail);
        }
      }
      this.#state = 'ended';
    } catch (error) {
      this.#state = 'failed';
      if (!signal.aborted) {
        log.warn({ error: messageOf(error), name, language }, 'the audio rendition ended');
        this.#tellUnreadable(messageOf(error));
      }
    } finally {
      this.#wake?.();
    }
  }

  /** It is not needed: the video brings the same audio. */
  stop(): void {
    this.#stopped.abort(new Error('the video brings this audio itself'));
    this.#line.clear();
    this.#tracks = [];
    this.#tellLeftOut([]);
  }

  #tellLeftOut(tracks: readonly LeftOutTrack[]): void {
    this.#leftOut = tracks;
    this.#onLeftOut?.(tracks);
  }

  /** The rendition brings nothing that can be taken, and its demuxer does not name a codec. */
  #tellUnreadable(detail: string): void {
    if (this.#leftOut.length > 0) return;
    this.#tellLeftOut([{ kind: 'audio', name: `the audio rendition ${this.rendition.name} (${detail})` }]);
  }

  #named({ kind, name }: LeftOutTrack): LeftOutTrack {
    return { kind, name: `${name} (${this.rendition.name})` };
  }

  #add({ tracks, frames }: MediaGroup, piece: SegmentTimeline): void {
    if (this.#stopped.signal.aborted) return;
    const audio = tracks.filter(({ kind }) => kind === 'audio').slice(0, MAX_TRACKS);
    const places = new Map(audio.map(({ id, timescale }, i) => [id, { id: this.#firstId + i, timescale }]));
    this.#tracks = audio.map((track, i) => ({ ...named(track, this.rendition), id: this.#firstId + i }));
    const waiting = frames.flatMap((frame): WaitingFrame[] => {
      const place = places.get(frame.trackId);
      if (!place) return [];
      const dtsUs = ticksToUs(frame.dts, place.timescale);
      const endUs = dtsUs + ticksToUs(frame.duration, place.timescale);
      return [{ frame: { ...frame, trackId: place.id }, dtsUs, endUs }];
    });
    this.#line.add(piece, waiting);
    this.#wake?.();
  }

  /**
   * Takes the audio of a stretch of video, waiting for it if need be.
   *
   * @param waitMs longest wait, ms; three times as long for the first audio, so that a run need not begin without it
   */
  async due(video: VideoSpan, waitMs: number, { signal }: { signal: AbortSignal }): Promise<DueAudio> {
    const line = this.#line;
    line.follow(video);
    // What is read no further while too much waits may be what the video needs.
    if (!this.#isAhead) this.#wakeReader?.();
    if (!this.#late || line.covers(video)) {
      const patienceMs = this.#tracks.length === 0 ? 3 * waitMs : waitMs;
      this.#late = !(await this.#wait(() => line.covers(video), patienceMs, signal));
    }
    const { frames: due, turnsUs } = line.take(video);
    this.#wakeReader?.();
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
