/**
 * One audio Rendition with its own playlist, synchronized with the video.
 * In: the items of the rendition as they arrive. Out: for each span of video, the audio up to its end.
 * RFC 8216bis 4.4.6.2.1: renditions share timestamps and discontinuity sequence numbers, not segment
 * boundaries.
 */

import type { Track } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { Rendition } from '@oxbow/media/m3u8/playlist';
import { ticksToUs } from '@oxbow/media/run';
import { sleep, waitFor } from '../../../lib/abort.ts';
import { messageOf, reasonOf } from '../../../lib/errors.ts';
import type { PullContext } from '../context.ts';
import type { MediaGroup } from '../segment/segment-demux.ts';
import { AudioQueue, type SegmentTimeline, type VideoSpan, type WaitingFrame } from './audio-queue.ts';
import { type LocatedRendition, type RenditionLocation, readRendition } from './rendition.ts';

/** The reader pauses while this many frames, or this many bytes, wait. */
const MAX_AHEAD = 5000;
const MAX_AHEAD_BYTES = 16 * 1024 * 1024;
/** Ten seconds of eight channels with little compression. */
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;
/** Tracks read from one rendition. */
const MAX_TRACKS = 4;

/** Longest name of a rendition, characters. */
const MAX_LABEL = 100;

/** A track with the language and name of its Rendition; an invalid language tag (BCP 47) is ignored. */
export function labeled(track: Track, { language, name }: Rendition): Track {
  const isTag = language !== undefined && language.length <= 35 && /^[a-z]{2,8}(-[a-z0-9]{1,8})*$/i.test(language);
  return { ...track, language: isTag ? language : track.language, label: name.slice(0, MAX_LABEL) };
}

/** The audio of a span of video. */
interface DueAudio {
  readonly tracks: readonly Track[];
  readonly frames: readonly WaitingFrame[];
  /** The rendition has tracks, but no frames for this span. */
  readonly missing: boolean;
}

export class AudioRendition {
  readonly #location: RenditionLocation;
  readonly #context: PullContext;
  readonly #firstId: number;
  readonly #queue = new AudioQueue();
  #tracks: readonly Track[] = [];
  #state: 'running' | 'ended' | 'failed' = 'running';
  /** The audio did not arrive in time: video does not wait until it has caught up. */
  #late = false;
  #wake: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;
  readonly #onLeftOut: PullContext['onLeftOut'];
  #leftOut: readonly LeftOutTrack[] = [];
  readonly #stopped = new AbortController();
  /** As the Multivariant Playlist describes it. */
  readonly rendition: Rendition;

  /** @param firstId id of its first track, of at most four */
  constructor({ rendition, location }: LocatedRendition, firstId: number, context: PullContext) {
    this.rendition = rendition;
    this.#location = location;
    this.#firstId = firstId;
    this.#context = {
      ...context,
      maxSegmentBytes: MAX_SEGMENT_BYTES,
      onLeftOut: (tracks) => this.#reportLeftOut(tracks.map((track) => this.#labeled(track))),
    };
    this.#onLeftOut = context.onLeftOut;
  }

  /** More audio waits than the video needs soon. */
  get #isAhead(): boolean {
    return this.#queue.length > MAX_AHEAD || this.#queue.bytes > MAX_AHEAD_BYTES;
  }

  /**
   * Reads the rendition until it ends, is stopped, or `signal` aborts. Never rejects: errors are logged, and
   * video continues without it.
   */
  async run({ signal: outer }: { signal: AbortSignal }): Promise<void> {
    const signal = AbortSignal.any([outer, this.#stopped.signal]);
    const { name, language } = this.rendition;
    const { log } = this.#context;
    this.#state = 'running';
    try {
      for await (const item of readRendition(this.#location, this.#context, { signal })) {
        if (item.kind === 'segment') {
          const { segment, media } = item;
          const isOne = media.groups.length === 1;
          for (const group of media.groups) this.#add(group, segment, isOne ? segment.durationS : 0);
          // The past of a playlist is fetched no faster than that of the video.
          if (this.#isAhead) await this.#taken({ signal });
        } else if (item.cause !== 'offline') {
          log.warn({ cause: item.cause, detail: item.detail, name, language }, 'audio is missing');
          if (item.cause === 'bad-media' && this.#tracks.length === 0) this.#reportUnreadable(item.detail);
        }
      }
      this.#state = 'ended';
    } catch (error) {
      this.#state = 'failed';
      if (!signal.aborted) {
        log.warn({ error: messageOf(error), name, language }, 'the audio rendition ended');
        this.#reportUnreadable(reasonOf(error));
      }
    } finally {
      this.#wake?.();
    }
  }

  /** Stops reading: the video segments contain the same audio. */
  stop(): void {
    this.#stopped.abort(new Error('the video segments contain this audio'));
    this.#queue.clear();
    this.#tracks = [];
    this.#reportLeftOut([]);
  }

  #reportLeftOut(tracks: readonly LeftOutTrack[]): void {
    this.#leftOut = tracks;
    this.#onLeftOut?.(tracks);
  }

  /** Reports the rendition as unreadable if its demuxer has not named a codec. */
  #reportUnreadable(detail: string): void {
    if (this.#leftOut.length > 0) return;
    this.#reportLeftOut([{ kind: 'audio', name: `the audio rendition ${this.rendition.name} (${detail})` }]);
  }

  #labeled({ kind, name }: LeftOutTrack): LeftOutTrack {
    return { kind, name: `${name} (${this.rendition.name})` };
  }

  #add({ tracks, frames }: MediaGroup, timeline: SegmentTimeline, lengthS: number): void {
    if (this.#stopped.signal.aborted) return;
    const audio = tracks.filter(({ kind }) => kind === 'audio').slice(0, MAX_TRACKS);
    const targets = new Map(audio.map(({ id, timescale }, i) => [id, { id: this.#firstId + i, timescale }]));
    this.#tracks = audio.map((track, i) => ({ ...labeled(track, this.rendition), id: this.#firstId + i }));
    const waiting = frames.flatMap((frame): WaitingFrame[] => {
      const target = targets.get(frame.trackId);
      if (!target) return [];
      const dtsUs = ticksToUs(frame.dts, target.timescale);
      const endUs = dtsUs + ticksToUs(frame.duration, target.timescale);
      return [{ frame: { ...frame, trackId: target.id }, dtsUs, endUs }];
    });
    this.#queue.add(timeline, waiting, 1_000_000 * lengthS);
    this.#wake?.();
  }

  /**
   * Takes the audio of a span of video; waits for it if necessary.
   *
   * @param waitMs longest wait, ms; three times as long for the first audio, so that the run begins with it
   */
  async due(video: VideoSpan, waitMs: number, { signal }: { signal: AbortSignal }): Promise<DueAudio> {
    const queue = this.#queue;
    queue.follow(video);
    // The video may need audio after which the reader paused.
    if (!this.#isAhead) this.#wakeReader?.();
    // Audio that came late once may end before each span, by its boundaries: then it is waited for again.
    if (!this.#late || queue.covers(video) || queue.reaches(video)) {
      const limitMs = this.#tracks.length === 0 ? 3 * waitMs : waitMs;
      this.#late = !(await this.#wait(() => queue.covers(video), limitMs, signal));
    }
    const { frames: due, turnsUs } = queue.take(video);
    this.#wakeReader?.();
    // The other tracks must not wait for a rendition that has failed permanently.
    if (due.length === 0 && this.#state === 'failed') this.#tracks = [];
    const frames = turnsUs === 0 ? due : due.map((waiting) => this.#shifted(waiting, turnsUs));
    return { tracks: this.#tracks, frames, missing: frames.length === 0 && this.#tracks.length > 0 };
  }

  /** Resolves when the video has taken audio, or `signal` aborts. */
  async #taken({ signal }: { signal: AbortSignal }): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakeReader = resolve;
    await waitFor(promise, { signal }).catch(() => {}); // on abort the reader ends by itself
    this.#wakeReader = undefined;
  }

  #shifted(waiting: WaitingFrame, turnsUs: number): WaitingFrame {
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
      // The loop above handles both the end and the abort of this sleep.
      await sleep(leftMs, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {});
      this.#wake = undefined;
    }
    return true;
  }
}
