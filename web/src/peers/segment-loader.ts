/**
 * Lets hls.js load the segments of a live list by the loader of p2p-media-loader-core: from other viewers,
 * else from the server. Everything else is loaded as before: init sections, Parts, sound, the past.
 * In: lists and requests of hls.js. Out: a class for its setting `fLoader`.
 */
import type {
  FragmentLoaderConstructor,
  FragmentLoaderContext,
  HlsConfig,
  LevelDetails,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderStats,
} from 'hls.js';
import type { Core, CoreRequestError, Segment, SegmentResponse } from 'p2p-media-loader-core';
import { segmentOf } from './checksums.ts';

type Callbacks = LoaderCallbacks<FragmentLoaderContext>;

/** The segments of a list, as the loader of segments names them. */
export function follow(core: Core, { fragments, url }: LevelDetails): void {
  const stream = renditionOf(url);
  core.addStreamIfNoneExists({ runtimeId: stream, type: 'main', index: stream });
  const before = new Set(core.getStream(stream)?.segments.keys());
  const added: Segment[] = [];
  for (const { url: address, sn, start, end } of fragments) {
    if (typeof sn !== 'number' || segmentOf(address) === null) continue;
    if (before.delete(address)) continue;
    added.push({ runtimeId: address, externalId: sn, url: address, startTime: start, endTime: end });
  }
  core.updateStream(stream, added, before);
}

/** Rendition and generation of a list: `…/live/STREAM/RENDITION/gN.m3u8`. The same for all viewers. */
export function renditionOf(url: string): string {
  const [, rendition = '', generation = ''] = /\/live\/[^/]+\/([^/]+)\/(g\d+)\.m3u8/.exec(url) ?? [];
  return `${rendition} ${generation}`;
}

/** A segment that is needed so soon and that no one sends is loaded without the loader of segments, s. */
const LAST_S = 0.8;
const LOOK_MS = 200;

/** The state of playback, as far as it decides who loads a segment. */
export interface Urgency {
  /** Until a position is shown, s; may be negative. */
  untilS(positionS: number): number;
  /** The loader has requested it from the server. */
  isRequested(address: string): boolean;
}

/** Creates the loader class of one player. */
export function segmentLoader(core: Core, urgency: Urgency): FragmentLoaderConstructor {
  class SegmentLoader implements Loader<FragmentLoaderContext> {
    readonly stats: LoaderStats;
    context: FragmentLoaderContext | null = null;
    readonly #plain: Loader<FragmentLoaderContext>;
    /** What the loader of segments works on; null: the plain one does, or nothing. */
    #segment: string | null = null;
    #onAbort: Callbacks['onAbort'];
    #timer: ReturnType<typeof setInterval> | undefined;

    constructor(config: HlsConfig) {
      this.#plain = new config.loader(config) as Loader<FragmentLoaderContext>;
      this.stats = this.#plain.stats;
    }

    load(context: FragmentLoaderContext, config: LoaderConfiguration, callbacks: Callbacks): void {
      this.context = context;
      const address = context.frag.url;
      const isPlain = context.part !== null && context.part !== undefined;
      if (isPlain || context.frag.sn === 'initSegment' || !core.hasSegment(address)) {
        this.#plain.load(context, config, callbacks);
        return;
      }
      this.#segment = address;
      this.#onAbort = callbacks.onAbort;
      this.stats.loading.start = performance.now();
      // hls.js compares progress with the bandwidth, and gives up on what has none: there is none to report.
      this.stats.total = this.stats.loaded = 1;
      const startS = context.frag.start;
      this.#timer = setInterval(() => {
        if (urgency.untilS(startS) > LAST_S || urgency.isRequested(address)) return;
        this.#loadPlain({ context, config, callbacks });
        core.abortSegmentLoading(address);
      }, LOOK_MS);
      core
        .loadSegment(address, {
          onSuccess: (response) => this.#loaded(response, context, callbacks),
          onError: (error) => this.#failed(error, { context, config, callbacks }),
        })
        .catch(() => this.#loadPlain({ context, config, callbacks }));
    }

    abort(): void {
      if (this.#segment === null) {
        this.#plain.abort();
        return;
      }
      const context = this.context!;
      this.stats.aborted = true;
      core.abortSegmentLoading(this.#end()!);
      this.#onAbort?.(this.stats, context, null);
    }

    destroy(): void {
      const segment = this.#end();
      if (segment !== null) core.abortSegmentLoading(segment);
      this.#plain.destroy();
    }

    /** From now on nothing of the loader of segments counts. @returns what it worked on */
    #end(): string | null {
      const segment = this.#segment;
      clearInterval(this.#timer);
      this.#segment = null;
      return segment;
    }

    #loaded({ data, bandwidth }: SegmentResponse, context: FragmentLoaderContext, callbacks: Callbacks): void {
      if (this.#end() === null) return;
      const { stats } = this;
      const endMs = performance.now();
      // The bandwidth of the loader, not how long this page waited for another one.
      const tookMs = bandwidth > 0 ? (data.byteLength * 8000) / bandwidth : endMs - stats.loading.start;
      stats.loading.first = Math.max(stats.loading.start, endMs - tookMs);
      stats.loading.start = Math.max(stats.loading.start, stats.loading.first - 10);
      stats.loading.end = endMs;
      stats.total = stats.loaded = data.byteLength;
      callbacks.onProgress?.(stats, context, data, null);
      callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
    }

    #failed(
      { type }: CoreRequestError,
      request: { context: FragmentLoaderContext; config: LoaderConfiguration; callbacks: Callbacks },
    ): void {
      // The plain loader finds out why, with the retries of the player.
      if (this.#segment !== null && !(type === 'aborted' && this.stats.aborted)) this.#loadPlain(request);
    }

    #loadPlain({
      context,
      config,
      callbacks,
    }: {
      readonly context: FragmentLoaderContext;
      readonly config: LoaderConfiguration;
      readonly callbacks: Callbacks;
    }): void {
      if (this.#end() === null) return;
      this.stats.total = this.stats.loaded = 0;
      this.#plain.load(context, config, callbacks);
    }
  }
  return SegmentLoader as unknown as FragmentLoaderConstructor;
}
