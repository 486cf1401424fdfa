/**
 * Pulls a live or ended HLS stream.
 * In: the URL of a Media or Multivariant Playlist. Out: frames, runs and gaps, to a StreamInput. RFC 8216bis 6.3; docs/media.md 1 to 5 and 9.
 */
import type { SourceFacts } from '../../api/source-facts.ts';
import { backoffMs, sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { parseQuality } from '../../lib/quality.ts';
import type { StreamInput } from '../../live/input.ts';
import type { Net } from '../../net/net.ts';
import { type FetchLimits, mainLimits, type PullContext, renditionLimits } from './context.ts';
import { FactsCollector } from './facts-collector.ts';
import { LeftOutTracks } from './left-out.ts';
import { LowLatency } from './playlist/low-latency.ts';
import { type SourceLocations, SourceResolver } from './playlist/source-resolver.ts';
import { SourceReturn } from './playlist/source-return.ts';
import { noCounters, type PullCounters, type PullLog } from './pull-log.ts';
import { AudioRenditions } from './rendition/audio-renditions.ts';
import { readRendition } from './rendition/rendition.ts';
import { TimedTracks } from './rendition/timed-tracks.ts';
import { RunFeeder } from './run/run-feeder.ts';
import { KeyStore } from './segment/key-store.ts';
import { releaseFrames } from './segment/segment-demux.ts';
import { hasBecomePast, isPast } from './segment/segment-start.ts';
import { SourceAccess, type SourceAddress } from './source-access.ts';

export type { SourceAddress } from './source-access.ts';

/** Longest wait for audio, target durations; longer for the past, which no viewer watches live. */
const WAIT = { live: 1, past: 2 } as const;

/** Options of a pull. */
export interface HlsPullOptions {
  /** Of a playlist; may contain user name and password when `trusted`. */
  readonly url: string | URL;
  /** Sent with every request; secrets only to the origin of `url`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** An administrator entered the URL, so its host may be private. Default true. */
  readonly trusted?: boolean | undefined;
  /**
   * Returns the URL to pull; called before the source is opened and each time its playlists are unavailable, because URLs extracted from
   * pages expire. Absent: always `url`.
   */
  readonly locate?: ((options: { signal: AbortSignal }) => Promise<SourceAddress>) | undefined;
  /** Sent as User-Agent: a text, or the name of a preset. */
  readonly userAgent?: string | undefined;
  /** `best`, `worst`, `720p`, `2M`; default `best`. */
  readonly quality?: string | undefined;
  /** Distance of the start before the live edge, ms; default 0. */
  readonly fromMs?: number | undefined;
  /** Called when the source has been opened, and again when its facts change. */
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
  readonly input: StreamInput;
  readonly net: Net;
  readonly clock: Clock;
  readonly log: PullLog;
  readonly counters?: PullCounters | undefined;
  /** How long failed segments are retried; for tests. */
  readonly limits?: FetchLimits | undefined;
  /** Wait without limit for the return of a live source that ends its playlist; the input is `offline` meanwhile. Default false: the pull ends. */
  readonly awaitReturn?: boolean | undefined;
  /** With `awaitReturn`: the source was live before this pull. An ended playlist is the rest of a broadcast, not VOD. */
  readonly wasLive?: boolean | undefined;
}

/**
 * Resolves when the source has ended (with `awaitReturn` a live one never ends) and all of it is published; rejects with the signal's
 * reason when aborted. An unreachable source is retried without limit, with pauses of at most 10 s, and reported to the input as down.
 *
 * @throws OxbowError `unsupported-media` for a protected source or unsupported codecs; `address-refused` when oxbow may not open the URL;
 * errors of `locate` except `source-failed`. FormatError for an invalid quality or User-Agent.
 */
export async function runHlsPull(options: HlsPullOptions, { signal: outer }: { signal: AbortSignal }): Promise<void> {
  const sourceUrl = URL.parse(String(options.url));
  if (!sourceUrl) throw new OxbowError('address-refused', 'the source is not a URL');
  const controller = new AbortController();
  const signal = AbortSignal.any([outer, controller.signal]);
  const { net, headers, userAgent, trusted = true, log } = options;
  const access = new SourceAccess({ net, sourceUrl, headers, userAgent, trusted });
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
  const leftOut = new LeftOutTracks((tracks) => facts.leftOut(tracks));
  const source = new SourceResolver(context, {
    quality: parseQuality(options.quality ?? ''),
    locate: options.locate,
    onFound: (locations) => {
      leftOut.set('playlist', locations.choice?.leftOut ?? []);
      facts.found(locations);
    },
    signal,
  });
  const feeder = new RunFeeder(options.input, context);
  let renditions: Promise<unknown> | undefined;
  try {
    const locations = await findForever(source, context, feeder, { signal });
    const renditionContext: PullContext = { ...context, limits: renditionLimits };
    const audio = audioOf(locations, source, renditionContext, leftOut);
    const timed = new TimedTracks(source.subtitlesOf(locations), renditionContext, (part, tracks) =>
      leftOut.set(part, tracks),
    );
    renditions = Promise.all([audio.run({ signal }), timed.run({ signal })]);
    if (locations.only) timed.list(locations.only);
    const video = source.locationOf(locations, (found) => found.video);
    const videoContext: PullContext = {
      ...context,
      onLeftOut: (tracks) => leftOut.set('video', tracks),
      onPlaylist: (parsed) => {
        facts.list(parsed);
        if (parsed.kind === 'media') timed.list(parsed.playlist);
      },
    };
    let past = false;
    for await (const item of readRendition(video, videoContext, { signal })) {
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
      const joined = await timed.join(withAudio, segment, { signal });
      if (past) await options.input.ready?.({ signal });
      feeder.publish(segment, joined);
      releaseFrames(joined);
      releaseFrames(media);
    }
  } finally {
    controller.abort(new Error('the pull has ended'));
    await renditions;
  }
}

function audioOf(
  locations: SourceLocations,
  source: SourceResolver,
  context: PullContext,
  leftOut: LeftOutTracks,
): AudioRenditions {
  const audios = locations.audios.map(({ rendition }) => {
    const { groupId, name } = rendition;
    const same = ({ rendition: other }: { rendition: typeof rendition }) =>
      other.name === name && (other.groupId === groupId || other.language === rendition.language);
    return { rendition, location: source.locationOf(locations, (found) => found.audios.find(same)?.location) };
  });
  return new AudioRenditions(audios, locations.choice?.inBand, context, (part, tracks) => leftOut.set(part, tracks));
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
      const detail = messageOf(error).slice(0, 200);
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
function hadUntilMs({ mediaEndUs }: StreamInput): number | undefined {
  return mediaEndUs === undefined ? undefined : mediaEndUs / 1000;
}
