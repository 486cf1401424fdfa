/**
 * Pulls a live or ended HLS stream.
 * In: the URL of a Media or Multivariant Playlist. Out: frames, runs and gaps, to a StreamInput. RFC 8216bis
 * 6.3; docs/media.md 1 to 5 and 9.
 */
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { Rendition } from '@oxbow/media/m3u8/playlist';
import { backoffMs, sleep, waitFor } from '../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import { parseQuality } from '../../lib/quality.ts';
import type { StreamInput } from '../../live/input.ts';
import { type FetchLimits, mainLimits, type PullContext, renditionLimits } from './context.ts';
import { type AudioConverter, convertAudio } from './convert/convert-audio.ts';
import { convertVideo, type VideoConverter } from './convert/convert-video.ts';
import { FactsCollector } from './facts-collector.ts';
import { LowLatency } from './playlist/low-latency.ts';
import { hasBecomePast, isPast } from './playlist/segment-start.ts';
import { SourceReturn } from './playlist/source-return.ts';
import { noCounters } from './pull-log.ts';
import { openAccess, type PullOptions } from './pull-options.ts';
import { AudioRenditions } from './rendition/audio-renditions.ts';
import { FurtherQualities, type PulledQualities } from './rendition/further-qualities.ts';
import { readRendition } from './rendition/rendition.ts';
import { type SourceLocations, SourceResolver } from './rendition/source-resolver.ts';
import { TimedTracks } from './rendition/timed-tracks.ts';
import { RunFeeder } from './run/run-feeder.ts';
import { KeyStore } from './segment/key-store.ts';
import { type DemuxedSegment, releaseFrames } from './segment/segment-demux.ts';
import { SegmentMemory } from './segment/segment-memory.ts';

/** Longest wait for audio, target durations; longer for the past, which no viewer watches live. */
const WAIT = { live: 1, past: 2 } as const;

/** When the chosen variant has ended, the others have this long to end as well, ms. */
const FURTHER_WAIT_MS = 15_000;

export interface HlsPullOptions extends PullOptions {
  /** `best`, `worst`, `720p`, `2M`; default `best`. */
  readonly quality?: string | undefined;
  /** Further variants as qualities of the stream; absent: none. */
  readonly qualities?: PulledQualities | undefined;
  /** Distance of the start before the live edge, ms; default 0. */
  readonly fromMs?: number | undefined;
  /** How long failed segments are retried; for tests. */
  readonly limits?: FetchLimits | undefined;
  /**
   * Wait without limit for the return of a live source that ends its playlist; the input is `offline`
   * meanwhile. Default false: the pull ends.
   */
  readonly awaitReturn?: boolean | undefined;
  /** Converts audio that browsers cannot play; absent: audio is published as it comes. */
  readonly converter?: AudioConverter | undefined;
  /** Converts MPEG-2 video; absent: it is left out. */
  readonly videoConverter?: VideoConverter | undefined;
  /** Takes MPEG-2 video as it comes, for a probe; default: if there is a converter. */
  readonly mpeg2?: boolean | undefined;
  /**
   * With `awaitReturn`: the source was live before this pull. An ended playlist is the rest of a broadcast,
   * not VOD.
   */
  readonly wasLive?: boolean | undefined;
}

/**
 * Resolves when the source has ended (with `awaitReturn` a live one never ends) and all of it is published;
 * rejects with the signal's reason when aborted. An unreachable source is retried without limit, with pauses
 * of at most 10 s, and reported to the input as down.
 *
 * @throws OxbowError `unsupported-media` for a protected source or unsupported codecs; `address-refused` when
 *   oxbow may not open the URL;
 * errors of `locate` except `source-failed`. FormatError for an invalid quality or User-Agent.
 */
export async function runHlsPull(options: HlsPullOptions, { signal: outer }: { signal: AbortSignal }): Promise<void> {
  const controller = new AbortController();
  const signal = AbortSignal.any([outer, controller.signal]);
  const { log } = options;
  const access = openAccess(options);
  const context: PullContext = {
    access,
    keys: new KeyStore(access, { signal }),
    clock: options.clock,
    log,
    counters: options.counters ?? noCounters,
    hadUntilMs: hadUntilMs(options.input),
    fromMs: options.fromMs ?? 0,
    limits: options.limits ?? mainLimits,
    awaitReturn: options.awaitReturn ?? false,
    wasLive: options.wasLive ?? false,
    fromPage: options.locate !== undefined,
    sourceReturn: new SourceReturn(),
    lowLatency: new LowLatency(log),
  };
  const facts = new FactsCollector(options.onFacts ?? (() => {}));
  const source = new SourceResolver(context, {
    quality: parseQuality(options.quality ?? ''),
    qualities: options.qualities?.wanted ?? 'best',
    mpeg2: takesMpeg2(options),
    locate: options.locate,
    onFound: (locations) => {
      facts.leftOut('playlist', locations.choice?.leftOut ?? []);
      facts.found(locations);
    },
    signal,
  });
  const feeder = new RunFeeder(options.input, context);
  let renditions: Promise<unknown> | undefined;
  try {
    const locations = await findForever(source, context, feeder, { signal });
    const renditionContext: PullContext = { ...context, limits: renditionLimits };
    const { inBand } = locations.choice ?? {};
    const onLeftOut = (rendition: Rendition, tracks: readonly LeftOutTrack[]) => facts.leftOut(rendition, tracks);
    const audio = new AudioRenditions(source.audiosOf(locations), inBand, renditionContext, onLeftOut);
    const timed = new TimedTracks(source.subtitlesOf(locations), renditionContext, onLeftOut);
    const further = new FurtherQualities(source.furtherOf(locations), options.qualities, context);
    const furtherDone = further.run({ signal });
    renditions = Promise.all([audio.run({ signal }), timed.run({ signal }), furtherDone]);
    if (locations.only) timed.list(locations.only);
    const video = source.locationOf(locations, (latest) => latest.video);
    const { videoConverter } = options;
    const videoContext: PullContext = {
      ...context,
      mpeg2: takesMpeg2(options),
      memory: new SegmentMemory(),
      onLeftOut: (tracks) => facts.leftOut('video', tracks),
      onPlaylist: (parsed) => {
        facts.list(parsed);
        if (parsed.kind === 'media') timed.list(parsed.playlist);
      },
    };
    let past = false;
    const items = readRendition(video, videoContext, { signal });
    for await (const item of convertVideo(items, videoConverter, { signal })) {
      if (item.kind === 'absent') {
        feeder.absent(item.cause, item.detail);
        continue;
      }
      const { segment, media } = item;
      if (media.container) facts.container(media.container);
      // Segments that appeared while the past was fetched are past as well, until the edge is reached.
      past = isPast(segment) || (past && hasBecomePast(segment, options.clock.nowMs()));
      const waitMs = 1000 * segment.targetDurationS * (past ? WAIT.past : WAIT.live);
      const withAudio = await audio.join(media, segment, waitMs, { signal });
      const playable = await convertAudio(withAudio, options.converter, { signal });
      const joined = await timed.join(playable, segment, { signal });
      if (past) await options.input.ready?.({ signal });
      let isFree = false;
      feeder.publish(segment, joined, () => {
        isFree = isUnchanged(playable, withAudio);
      });
      further.published(media);
      releaseFrames(joined);
      releaseFrames(media);
      if (isFree) media.memory?.free();
      else media.memory?.leave();
    }
    const limit = AbortSignal.any([signal, AbortSignal.timeout(FURTHER_WAIT_MS)]);
    await waitFor(furtherDone, { signal: limit }).catch(() => {}); // the other qualities end where they are
  } finally {
    controller.abort(new Error('the pull has ended'));
    await renditions;
  }
}

async function findForever(
  source: SourceResolver,
  context: PullContext,
  feeder: RunFeeder,
  { signal }: { signal: AbortSignal },
): Promise<SourceLocations> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await source.find();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof OxbowError && error.code !== 'source-failed') throw error;
      const detail = reasonOf(error).slice(0, 200);
      if (attempt === 0) {
        feeder.absent('source-down', detail);
        context.log.warn({ detail }, 'the source cannot be opened');
      }
      context.counters.retries();
      await sleep(backoffMs(attempt, 500), { signal });
    }
  }
}

/** End of the stream's media, ms since 1970; undefined without media. */
function hadUntilMs({ placement }: StreamInput): number | undefined {
  const mediaEndUs = placement?.mediaEndUs;
  return mediaEndUs === undefined ? undefined : mediaEndUs / 1000;
}

/** Whether a converter, which may keep frames, has passed all groups on. */
const isUnchanged = (media: DemuxedSegment, before: DemuxedSegment) =>
  media.groups.every((group, i) => group === before.groups[i]);

const takesMpeg2 = ({ mpeg2, videoConverter }: HlsPullOptions) => mpeg2 ?? videoConverter !== undefined;
