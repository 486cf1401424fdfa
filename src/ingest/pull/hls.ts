/**
 * Pulls a live or finished HLS stream.
 * In: the URL of a Media or Multivariant Playlist. Out: frames, runs and holes, to a StreamInput. RFC 8216bis 6.3; docs/media.md 1 to 5 and 9.
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
import { hasTime, isLate } from './segment/segment-start.ts';
import { SourceAccess, type SourceAddress } from './source-access.ts';

export type { SourceAddress } from './source-access.ts';

/** Sound is waited for this long, in target durations; longer where nobody watches yet. */
const WAIT = { live: 1, past: 2 } as const;

/** How a source is pulled. */
export interface HlsPullOptions {
  /** Of a playlist; may carry user name and password when `trusted`. */
  readonly url: string | URL;
  /** Sent with every request; secrets among them only to the URL's own origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** An administrator gave the URL, so its host may be private. Default true. */
  readonly trusted?: boolean | undefined;
  /**
   * Asked for the address before the source is opened first and each time its playlists can no longer be had: addresses made from pages
   * expire. Absent: it is always `url`.
   */
  readonly locate?: ((options: { signal: AbortSignal }) => Promise<SourceAddress>) | undefined;
  /** Sent as User-Agent: a text, or the word of a preset. */
  readonly userAgent?: string | undefined;
  /** `best`, `worst`, `720p`, `2M`; default `best`. */
  readonly quality?: string | undefined;
  /** How far before the live edge to begin, ms; default 0. */
  readonly fromMs?: number | undefined;
  /** Told once the source was opened, and again when it changes. */
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
  readonly input: StreamInput;
  readonly net: Net;
  readonly clock: Clock;
  readonly log: PullLog;
  readonly counters?: PullCounters | undefined;
  /** How long segments that fail are requested again; for tests. */
  readonly limits?: FetchLimits | undefined;
  /** Await the return of a live source that ends its playlist, without limit; the input is told `offline` meanwhile. Default false: the pull ends. */
  readonly awaitReturn?: boolean | undefined;
  /** With `awaitReturn`: the source was live before this pull. If its playlist has ended, that is not a film. */
  readonly wasLive?: boolean | undefined;
}

/**
 * Pulls until the source has ended (with `awaitReturn` a live one never does) and all of it is published (resolves) or `signal` aborts (rejects with its reason). A source that
 * cannot be reached is tried again for ever, with at most 10 s between tries, and the input told that it is down.
 *
 * @throws OxbowError `unsupported-media` for a protected source or codecs that oxbow cannot take; `address-refused` when the URL itself
 * may not be opened; what `locate` throws but `source-failed`. FormatError for a quality or User-Agent that is none.
 */
export async function runHlsPull(options: HlsPullOptions, { signal: outer }: { signal: AbortSignal }): Promise<void> {
  const home = URL.parse(String(options.url));
  if (!home) throw new OxbowError('address-refused', 'that is not a URL');
  const left = new AbortController();
  const signal = AbortSignal.any([outer, left.signal]);
  const { net, headers, userAgent, trusted = true, log } = options;
  const access = new SourceAccess({ net, home, headers, userAgent, trusted });
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
    wish: parseQuality(options.quality ?? ''),
    locate: options.locate,
    onFound: (places) => {
      leftOut.set('playlist', places.choice?.leftOut ?? []);
      facts.found(places);
    },
    signal,
  });
  const feeder = new RunFeeder(options.input, context);
  let listening: Promise<unknown> | undefined;
  try {
    const places = await findForever(source, context, feeder, { signal });
    const beside: PullContext = { ...context, limits: renditionLimits };
    const audio = audioOf(places, source, beside, leftOut);
    const timed = new TimedTracks(source.subtitlesOf(places), beside, (part, tracks) => leftOut.set(part, tracks));
    listening = Promise.all([audio.run({ signal }), timed.run({ signal })]);
    if (places.only) timed.list(places.only);
    const video = source.locationOf(places, (found) => found.video);
    const watched: PullContext = {
      ...context,
      onLeftOut: (tracks) => leftOut.set('video', tracks),
      onPlaylist: (parsed) => {
        facts.list(parsed);
        if (parsed.kind === 'media') timed.list(parsed.playlist);
      },
    };
    let isPast = false;
    for await (const item of readRendition(video, watched, { signal })) {
      if (item.kind === 'absent') {
        feeder.absent(item.cause, item.detail);
        continue;
      }
      const { segment, media } = item;
      if (media.container) facts.container(media.container);
      // What came while the past was fetched is past as well, until the edge is reached.
      isPast = hasTime(segment) || (isPast && isLate(segment, options.clock.nowMs()));
      const waitMs = 1000 * segment.targetDurationS * (isPast ? WAIT.past : WAIT.live);
      const heard = await audio.join(media, segment, waitMs, { signal });
      const joined = await timed.join(heard, segment, { signal });
      if (isPast) await options.input.ready?.({ signal });
      feeder.publish(segment, joined);
      releaseFrames(joined);
      releaseFrames(media);
    }
  } finally {
    left.abort(new Error('the pull has ended'));
    await listening;
  }
}

function audioOf(
  places: SourceLocations,
  source: SourceResolver,
  context: PullContext,
  leftOut: LeftOutTracks,
): AudioRenditions {
  const audios = places.audios.map(({ rendition }) => {
    const { groupId, name } = rendition;
    const same = ({ rendition: other }: { rendition: typeof rendition }) =>
      other.name === name && (other.groupId === groupId || other.language === rendition.language);
    return { rendition, place: source.locationOf(places, (found) => found.audios.find(same)?.place) };
  });
  return new AudioRenditions(audios, places.choice?.inBand, context, (part, tracks) => leftOut.set(part, tracks));
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

/** End of what the stream has, ms since 1970. */
function hadUntilMs({ mediaEndUs }: StreamInput): number | undefined {
  return mediaEndUs === undefined ? undefined : mediaEndUs / 1000;
}
