/**
 * One subtitle Rendition: polls its playlist, downloads its segments, maps its cues to the media's clock.
 * In: its location; the segments of the video. Out: frames of a text track. The video continues without it if
 * it fails or is late. RFC 8216bis 3.1.4 and 6.3.4.
 */

import { FormatError } from '@oxbow/media/errors';
import type { Frame, TextTrack } from '@oxbow/media/frame';
import { PlaylistReader } from '@oxbow/media/m3u8/parse';
import { printTextHeader } from '@oxbow/media/webvtt/traits';
import { backoffMs, sleep } from '../../../lib/abort.ts';
import { messageOf, reasonOf } from '../../../lib/errors.ts';
import type { PullContext } from '../context.ts';
import { fetchPlaylist } from '../playlist/playlist-fetch.ts';
import { mayRetry, tryRelocate } from '../playlist/playlist-poller.ts';
import { reloadPauseMs } from '../playlist/reload-url.ts';
import { SegmentQueue } from '../playlist/segment-queue.ts';
import { noCounters } from '../pull-log.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import { checkSubtitles } from '../segment/segment-check.ts';
import { SegmentDownload } from '../segment/segment-download.ts';
import { CueQueue } from './cue-queue.ts';
import type { MediaSpan } from './merge-frames.ts';
import type { LocatedRendition } from './rendition.ts';
import { MAX_SUBTITLE_BYTES, parseSubtitleSegment } from './subtitle-segment.ts';

const FAILURES_TO_RELOCATE = 3;
const MAX_BACKOFF_MS = 10_000;
/** Dates and durations are rounded, ms. */
const SLACK_MS = 100;
/** Interval of reloads while the video waits, ms. */
const EAGER_MS = 300;

export class SubtitleRendition {
  readonly #context: PullContext;
  readonly #source: LocatedRendition;
  readonly #cues: CueQueue;
  readonly #id: number;
  #track: TextTrack | undefined;
  #header = 'WEBVTT';
  /** End of the last segment that was read, by the source's dates, ms since 1970. */
  #readUntilMs: number | undefined;
  /** Arrival of the last playlist whose segments have all been read, ms since 1970. */
  #freshMs = Number.NEGATIVE_INFINITY;
  /** A segment was read, so the format is supported. */
  #hasRead = false;
  #isDown = false;
  #ended = false;
  #wake: (() => void) | undefined;
  #changed: (() => void) | undefined;

  /** @param id of the track */
  constructor(source: LocatedRendition, id: number, context: PullContext) {
    this.#source = source;
    this.#id = id;
    this.#context = { ...context, counters: noCounters, maxSegmentBytes: MAX_SUBTITLE_BYTES };
    this.#cues = new CueQueue(id);
  }

  /** Fixed at the first call: a change would begin a run. */
  get track(): TextTrack {
    const { language, name, default: isDefault, forced = false } = this.#source.rendition;
    this.#track ??= {
      id: this.#id,
      kind: 'text',
      timescale: 90_000,
      language: language || 'und',
      label: name.slice(0, 100),
      config: { codec: 'webvtt', record: printTextHeader(this.#header, { isDefault, forced }), codecs: 'wvtt' },
    };
    return this.#track;
  }

  /** Whether all cues of a video segment have been read, or cannot be. */
  covers({ programDateTimeMs, durationS, arrivedMs }: QueuedSegment): boolean {
    if (this.#isDown || this.#ended) return true;
    if (programDateTimeMs === undefined || this.#readUntilMs === undefined) return this.#freshMs >= arrivedMs;
    return this.#readUntilMs >= programDateTimeMs + durationS * 1000 - SLACK_MS;
  }

  /**
   * Resolves with true when it covers the segment, with false after `waitMs`; reloads its playlist more often
   * meanwhile.
   */
  async reach(segment: QueuedSegment, waitMs: number, { signal }: { signal: AbortSignal }): Promise<boolean> {
    const until = this.#context.clock.monotonicMs() + waitMs;
    while (!this.covers(segment)) {
      const leftMs = until - this.#context.clock.monotonicMs();
      if (leftMs <= 0) return false;
      this.#wake?.();
      const changed = new AbortController();
      this.#changed = () => changed.abort();
      // The loop above handles both the end and the abort of this sleep.
      await sleep(Math.min(leftMs, EAGER_MS), { signal: AbortSignal.any([signal, changed.signal]) }).catch(() => {});
      signal.throwIfAborted();
    }
    return true;
  }

  /** The samples of a video segment. */
  take({ discontinuitySequence }: QueuedSegment, span: MediaSpan): Frame[] {
    return this.#cues.take(discontinuitySequence, span);
  }

  /** Reads the rendition until it ends or `signal` aborts. Never rejects. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { rendition } = this.#source;
    try {
      await this.#follow(signal);
    } catch (error) {
      if (!signal.aborted) {
        this.#context.log.warn({ subtitles: rendition.name, error: messageOf(error) }, 'subtitle rendition failed');
      }
    } finally {
      this.#ended = true;
      this.#changed?.();
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { log, hadUntilMs, fromMs } = this.#context;
    const { rendition, location } = this.#source;
    const queue = new SegmentQueue(noCounters, { hadUntilMs, fromMs });
    const download = new SegmentDownload(this.#context, checkSubtitles);
    const reader = new PlaylistReader();
    let at = location.first;
    let targetMs = 2000;
    for (let failures = 0; ; ) {
      let pauseMs: number;
      const beganMs = this.#context.clock.monotonicMs();
      try {
        const options = { signal, reader, ...(at.imports && { imports: at.imports }) };
        const { parsed, url, arrivedMs } = await fetchPlaylist(at.url, this.#context, options);
        if (parsed.kind !== 'media') throw new FormatError('a Multivariant Playlist where subtitles were expected', 0);
        const list = parsed.playlist;
        targetMs = list.targetDurationS * 1000;
        for (const item of queue.take(list, url, arrivedMs)) {
          if (item.kind === 'segment') await this.#read(item.segment, queue, download, signal);
        }
        failures = 0;
        this.#isDown = false;
        this.#freshMs = arrivedMs;
        this.#changed?.();
        if (list.endList) {
          if (!this.#context.awaitReturn) return;
          await this.#context.sourceReturn.wait(undefined, { signal });
        }
        pauseMs = Math.max(EAGER_MS, reloadPauseMs(list, targetMs) - (this.#context.clock.monotonicMs() - beganMs));
      } catch (error) {
        signal.throwIfAborted();
        if (!mayRetry(error)) throw error;
        failures += 1;
        if (failures === 1) log.warn({ subtitles: rendition.name, error: messageOf(error) }, 'subtitles missing');
        this.#isDown = true;
        this.#changed?.();
        if (location.relocate && failures % FAILURES_TO_RELOCATE === 0) {
          at = (await tryRelocate(location.relocate, signal)) ?? at;
        }
        pauseMs = backoffMs(failures, 500, MAX_BACKOFF_MS);
      }
      await this.#pause(pauseMs, signal);
    }
  }

  async #read(
    segment: QueuedSegment,
    queue: SegmentQueue,
    download: SegmentDownload,
    signal: AbortSignal,
  ): Promise<void> {
    const fetched = await download.fetch(segment, () => queue.isListed(segment), { signal });
    const { programDateTimeMs, durationS, discontinuitySequence } = segment;
    if (programDateTimeMs !== undefined) this.#readUntilMs = programDateTimeMs + durationS * 1000;
    const { log } = this.#context;
    const { name } = this.#source.rendition;
    if (fetched.kind === 'given-up') {
      log.warn({ subtitles: name, detail: fetched.detail }, 'subtitle segment given up');
      return;
    }
    try {
      const { header, cues } = parseSubtitleSegment(fetched, discontinuitySequence);
      this.#header = header;
      for (const cue of cues) this.#cues.add(cue);
      if (!this.#hasRead) this.#context.onLeftOut?.([]);
      this.#hasRead = true;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const detail = reasonOf(error);
      log.warn({ subtitles: name, detail }, 'subtitle segment unreadable');
      if (!this.#hasRead) this.#context.onLeftOut?.([{ kind: 'text', name: `the subtitles ${name} (${detail})` }]);
    }
  }

  /** Ends early when the video waits, but not before EAGER_MS. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    await sleep(Math.min(ms, EAGER_MS), { signal });
    if (ms <= EAGER_MS) return;
    this.#wake = () => woken.abort();
    await sleep(ms - EAGER_MS, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {});
    this.#wake = undefined;
    signal.throwIfAborted();
  }
}
