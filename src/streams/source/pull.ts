/**
 * Pulls an address with the right puller: a playlist, an MP4 file, or a page whose media yt-dlp finds.
 * In: the settings of a pulled source. Out: calls on an input; facts of the source. Used by `serve`, `record`
 * and `probe`.
 */

import { isRtspUrl, parseRtspUrl } from '@oxbow/wire/rtsp/rtsp-url';
import type { SourceFacts } from '../../api/source-facts.ts';
import type { Config, PullSourceConfig } from '../../config/schema.ts';
import { isSdpUrl, parseSdpUrl } from '../../config/sdp-url.ts';
import { isSrtUrl, parseSrtUrl } from '../../config/srt-url.ts';
import { isUdpUrl, parseUdpUrl } from '../../config/udp-url.ts';
import { isWhepUrl, parseWhepUrl } from '../../config/webrtc-url.ts';
import { runMp4Pull } from '../../ingest/mp4/mp4.ts';
import { detectSource } from '../../ingest/page/detect-source.ts';
import { joinFacts, type PageAddress, PageSource } from '../../ingest/page/page.ts';
import type { AudioConverter } from '../../ingest/pull/convert/convert-audio.ts';
import type { VideoConverter } from '../../ingest/pull/convert/convert-video.ts';
import { type HlsPullOptions, runHlsPull } from '../../ingest/pull/hls.ts';
import type { PullCounters, PullLog } from '../../ingest/pull/pull-log.ts';
import type { StreamQualityInputs } from '../../ingest/pull/rendition/further-qualities.ts';
import { runSdpSource } from '../../ingest/rtp/sdp-source.ts';
import { runRtspPull } from '../../ingest/rtsp/rtsp-pull.ts';
import { runSrtPull } from '../../ingest/srt/srt-pull.ts';
import { runUdpSource, type UdpCounters } from '../../ingest/udp/udp-source.ts';
import { runWhepPull } from '../../ingest/webrtc/whep-pull.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { parseQualitySet } from '../../lib/quality.ts';
import { parseUserAgent } from '../../lib/user-agent.ts';
import type { StreamInput } from '../../live/input.ts';
import type { Net } from '../../net/net.ts';
import { withDefaults } from './source-settings.ts';

/** The dependencies of a pull. */
interface PullDeps {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: PullLog;
  readonly config: Pick<Config, 'pages' | 'pull' | 'srtLatency' | 'live'>;
  readonly counters?: (PullCounters & UdpCounters) | undefined;
  /** Converts audio of segments; absent: it is published as it comes. */
  readonly converter?: AudioConverter | undefined;
  /** Converts MPEG-2 video of segments; absent: it is left out. */
  readonly videoConverter?: VideoConverter | undefined;
  /** Takes MPEG-2 video as it comes, for a probe; default: where a converter follows. */
  readonly mpeg2?: boolean | undefined;
}

/** What is pulled, and where to. */
interface RunPullOptions {
  readonly source: PullSourceConfig;
  /**
   * The address is from an administrator, so its host may be private. Addresses that a page leads to are
   * never trusted.
   */
  readonly trusted: boolean;
  readonly input: StreamInput;
  /** Called before yt-dlp runs, if the address is that of a page. */
  readonly onPage?: (() => void) | undefined;
  /** Called with the facts of the source, again when they change. */
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
  /** Wait for a live source that ended its playlist to return; default false. */
  readonly awaitReturn?: boolean | undefined;
  /** Qualities of the stream next to its own picture; absent: no further variants are pulled. */
  readonly qualities?: StreamQualityInputs | undefined;
  /** With `awaitReturn`: the source was live before this pull. */
  readonly wasLive?: boolean | undefined;
}

/** Options of every puller. */
type Shared = Omit<HlsPullOptions, 'url' | 'trusted' | 'locate' | 'onFacts'>;

/**
 * Pulls until the source has ended and all of it is published (resolves) or `signal` aborts (rejects with its
 * reason).
 *
 * @throws OxbowError what `detectSource`, `PageSource.locate`, `runHlsPull` and `runMp4Pull` throw
 */
export async function runPull(
  deps: PullDeps,
  options: RunPullOptions,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const { net, clock, log, config, counters, converter, videoConverter, mpeg2 } = deps;
  const { trusted, input, onFacts, awaitReturn, wasLive } = options;
  const assemblyMs = config.live.assemblyDeadline;
  // A recording without a server converts nothing.
  const convertsVideo = mpeg2 ?? converter !== undefined;
  if (isUdpUrl(options.source.url)) {
    const address = parseUdpUrl(options.source.url);
    return runUdpSource({ address, assemblyMs, convertsVideo, input, clock, log, onFacts, counters }, { signal });
  }
  if (isSdpUrl(options.source.url)) {
    if (!trusted) throw new OxbowError('bad-request', 'Administrators alone may use SDP files of the server.');
    const address = parseSdpUrl(options.source.url);
    return runSdpSource({ address, assemblyMs, convertsVideo, input, clock, log, onFacts, counters }, { signal });
  }
  if (isSrtUrl(options.source.url)) {
    const address = parseSrtUrl(options.source.url);
    const latencyMs = config.srtLatency;
    return runSrtPull(
      { address, latencyMs, assemblyMs, convertsVideo, trusted, net, input, clock, log, onFacts },
      { signal },
    );
  }
  if (isRtspUrl(options.source.url)) {
    const address = parseRtspUrl(options.source.url);
    return runRtspPull({ address, assemblyMs, convertsVideo, trusted, net, input, clock, log, onFacts }, { signal });
  }
  if (isWhepUrl(options.source.url)) {
    const address = parseWhepUrl(options.source.url);
    return runWhepPull({ address, trusted, net, input, clock, log, onFacts }, { signal });
  }
  const { patterns } = config.pages;
  const source = withDefaults(options.source, config);
  const { headers, quality, fromMs, userAgent } = source;
  const agent = parseUserAgent(userAgent ?? '');
  const requestHeaders = agent === '' ? headers : { ...headers, 'user-agent': agent };
  const detection = { net, patterns, headers: requestHeaders, trusted };
  const { url, handler, timeoutMs } = await detectSource(source.url, detection, { signal });
  const shared: Shared = {
    quality,
    fromMs,
    userAgent,
    headers,
    input,
    net,
    clock,
    log,
    counters,
    awaitReturn,
    wasLive,
    converter,
    videoConverter,
    mpeg2,
    ...(options.qualities && { qualities: { ...options.qualities, wanted: parseQualitySet(source.qualities ?? '') } }),
  };
  if (handler !== 'page') return pullers[handler]({ ...shared, url, trusted, onFacts }, { signal });
  const { ytDlp: program, timeout, format } = config.pages;
  options.onPage?.();
  const page = new PageSource({
    url,
    net,
    trusted,
    headers,
    userAgent,
    program,
    format,
    quality,
    clock,
    log,
    timeoutMs: timeoutMs ?? timeout,
  });
  await pullPage(page, { ...shared, url }, onFacts, { signal });
}

const pullers = { hls: runHlsPull, mp4: runMp4Pull } as const;

/**
 * Locates the media of the page, which selects the puller. The puller locates it again when its addresses
 * have expired.
 */
async function pullPage(
  page: PageSource,
  shared: Shared & { readonly url: URL },
  onFacts: RunPullOptions['onFacts'],
  { signal }: { signal: AbortSignal },
): Promise<void> {
  let latest = await page.locate({ signal });
  let next: PageAddress | undefined = latest;
  const { kind } = latest;
  onFacts?.(latest.facts);
  const locate = async (options: { signal: AbortSignal }): Promise<PageAddress> => {
    latest = next ?? (await page.locate(options));
    next = undefined;
    if (latest.kind !== kind) throw new OxbowError('page-failed', 'The page offers another kind of media now.');
    return latest;
  };
  const onPulledFacts = (pulled: SourceFacts) => onFacts?.(joinFacts(latest.facts, pulled));
  await pullers[kind]({ ...shared, trusted: false, onFacts: onPulledFacts, locate }, { signal });
}
