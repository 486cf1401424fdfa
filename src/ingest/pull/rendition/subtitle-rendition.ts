/**
 * One subtitle rendition beside the video: its list is followed, its segments are fetched, its cues brought onto the media's clock.
 * In: where it is; the segments of the video. Out: frames of a text track. It may fail or be late: the video goes on without it.
 * RFC 8216bis 3.1.4 and 6.3.4.
 */
import { backoffMs, sleep } from '../../../lib/abort.ts';
import { FormatError, messageOf, OxbowError } from '../../../lib/errors.ts';
import type { Frame, TextTrack } from '../../../media/frame.ts';
import { PlaylistReader } from '../../../media/m3u8/parse.ts';
import type { Rendition } from '../../../media/m3u8/playlist.ts';
import { printTextHeader } from '../../../media/webvtt/traits.ts';
import type { PullContext } from '../context.ts';
import { fetchPlaylist } from '../playlist/playlist-fetch.ts';
import { isFailure, tryRelocate } from '../playlist/playlist-poller.ts';
import { reloadPauseMs } from '../playlist/reload-url.ts';
import { noCounters } from '../pull-log.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import { checkSubtitles } from '../segment/segment-check.ts';
import { SegmentDownload } from '../segment/segment-download.ts';
import { SegmentQueue } from '../segment/segment-queue.ts';
import { CueQueue } from './cue-queue.ts';
import type { MediaSpan } from './merge-frames.ts';
import type { RenditionLocation } from './rendition.ts';
import { MAX_SUBTITLE_BYTES, parseSubtitleSegment } from './subtitle-segment.ts';

const FAILURES_TO_RELOCATE = 3;
const MAX_BACKOFF_MS = 10_000;
/** Dates and durations are rounded, ms. */
const SLACK_MS = 100;
/** While the video waits, its list is asked for again this often, ms. */
const EAGER_MS = 300;

/** A subtitle rendition and where it is. */
export interface SubtitleLocation {
  readonly rendition: Rendition;
  readonly place: RenditionLocation;
}

/** One rendition. */
export class SubtitleRendition {
  readonly #context: PullContext;
  readonly #where: SubtitleLocation;
  readonly #cues: CueQueue;
  readonly #id: number;
  #track: TextTrack | undefined;
  #header = 'WEBVTT';
  /** End of the last segment that was read, by the source's date, ms since 1970. */
  #readUntilMs: number | undefined;
  /** When the last list came whose segments have all been read, ms since 1970. */
  #freshMs = Number.NEGATIVE_INFINITY;
  /** A segment was read: they are of a kind that can be taken. */
  #hasRead = false;
  #isDown = false;
  #ended = false;
  #wake: (() => void) | undefined;
  #changed: (() => void) | undefined;

  /** @param id of the track */
  constructor(where: SubtitleLocation, id: number, context: PullContext) {
    this.#where = where;
    this.#id = id;
    this.#context = { ...context, counters: noCounters, maxSegmentBytes: MAX_SUBTITLE_BYTES };
    this.#cues = new CueQueue(id);
  }

  /** Fixed when it is first asked for: a change would begin a run. */
  get track(): TextTrack {
    const { language, name, default: isDefault, forced = false } = this.#where.rendition;
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

  /** Whether what there is of it for a segment has been read, or will not be. */
  covers({ programDateTimeMs, durationS, arrivedMs }: QueuedSegment): boolean {
    if (this.#isDown || this.#ended) return true;
    if (programDateTimeMs === undefined || this.#readUntilMs === undefined) return this.#freshMs >= arrivedMs;
    return this.#readUntilMs >= programDateTimeMs + durationS * 1000 - SLACK_MS;
  }

  /** Resolves when it covers the segment, or after `waitMs`; meanwhile its list is asked for more often. */
  async reach(segment: QueuedSegment, waitMs: number, { signal }: { signal: AbortSignal }): Promise<boolean> {
    const until = this.#context.clock.monotonicMs() + waitMs;
    while (!this.covers(segment)) {
      const leftMs = until - this.#context.clock.monotonicMs();
      if (leftMs <= 0) return false;
      this.#wake?.();
      const changed = new AbortController();
      this.#changed = () => changed.abort();
      // Both ends of this sleep are looked at above.
      await sleep(Math.min(leftMs, EAGER_MS), { signal: AbortSignal.any([signal, changed.signal]) }).catch(() => {});
      signal.throwIfAborted();
    }
    return true;
  }

  /** The samples that go with a segment of the video. */
  take({ discontinuitySequence }: QueuedSegment, span: MediaSpan): Frame[] {
    return this.#cues.take(discontinuitySequence, span);
  }

  /** Follows the rendition until it ends or `signal` aborts. Never rejects. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { rendition } = this.#where;
    try {
      await this.#follow(signal);
    } catch (error) {
      if (!signal.aborted) {
        this.#context.log.warn({ subtitles: rendition.name, error: messageOf(error) }, 'a subtitle rendition ended');
      }
    } finally {
      this.#ended = true;
      this.#changed?.();
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { log, hadUntilMs, fromMs } = this.#context;
    const { rendition, place } = this.#where;
    const queue = new SegmentQueue(noCounters, { hadUntilMs, fromMs });
    const download = new SegmentDownload(this.#context, checkSubtitles);
    const reader = new PlaylistReader();
    let at = place.first;
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
        if (!isFailure(error) || (error instanceof OxbowError && error.code === 'unsupported-media')) throw error;
        failures += 1;
        if (failures === 1) log.warn({ subtitles: rendition.name, error: messageOf(error) }, 'subtitles are missing');
        this.#isDown = true;
        this.#changed?.();
        // The same failure that the next reload of the list will meet.
        if (place.relocate && failures % FAILURES_TO_RELOCATE === 0) {
          at = (await tryRelocate(place.relocate, signal)) ?? at;
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
    const fetched = await download.fetch(segment, () => queue.stands(segment), { signal });
    const { programDateTimeMs, durationS, discontinuitySequence } = segment;
    if (programDateTimeMs !== undefined) this.#readUntilMs = programDateTimeMs + durationS * 1000;
    const { log } = this.#context;
    const { name } = this.#where.rendition;
    if (fetched.kind === 'given-up') {
      log.warn({ subtitles: name, detail: fetched.detail }, 'a subtitle segment was given up');
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
      const detail = messageOf(error);
      log.warn({ subtitles: name, detail }, 'a subtitle segment could not be read');
      if (!this.#hasRead) this.#context.onLeftOut?.([{ kind: 'text', name: `the subtitles ${name} (${detail})` }]);
    }
  }

  /** Ends early when the video waits; then at most every 300 ms. */
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
