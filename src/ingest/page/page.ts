/**
 * A web page as a source: extracts the current URL of its media, again whenever that expires.
 * In: the URL of a page, yt-dlp. Out: URLs for the pulls, facts of the page. The extracted URLs are
 * untrusted: they must not be private.
 */
import type { SourceFacts } from '../../api/source-facts.ts';
import { backoffMs, sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { parseQuality } from '../../lib/quality.ts';
import { parseUserAgent } from '../../lib/user-agent.ts';
import type { Net } from '../../net/net.ts';
import type { PullLog } from '../pull/pull-log.ts';
import type { SourceAddress } from '../pull/source-access.ts';
import { chooseFormat, type PageChoice } from './choose-format.ts';
import { cookieHeader } from './cookies.ts';
import { type PageMetadata, parsePageMetadata } from './page-metadata.ts';
import { runYtDlp, type YtDlpRequest } from './yt-dlp.ts';

/** Attempts of one extraction; the last failure is thrown. */
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 1000;
/**
 * Shortest time between two extractions, ms: playlists that fail repeatedly must not flood the site with
 * requests.
 */
const MIN_INTERVAL_MS = 10_000;

/** The current URL of a page's media. */
export interface PageAddress extends SourceAddress {
  readonly kind: 'hls' | 'mp4';
  /** Facts of the page. */
  readonly facts: SourceFacts;
}

/** Options of a page source. */
export interface PageOptions {
  readonly url: URL;
  /** Opens the proxy of yt-dlp. */
  readonly net: Pick<Net, 'openProxy'>;
  /** An administrator entered the URL: the host of the page may be private, but not that of its media. */
  readonly trusted: boolean;
  /**
   * Headers of the source. yt-dlp sends headers to every site, so it receives only User-Agent and Referer, no
   * secrets.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A User-Agent, or the name of a preset; yt-dlp's own when empty. */
  readonly userAgent?: string | undefined;
  /** Path or name of yt-dlp. */
  readonly program: string;
  /** Longest time of one attempt, ms. */
  readonly timeoutMs: number;
  /** Expression of yt-dlp that selects formats; empty: oxbow chooses. */
  readonly format: string;
  /** `best`, `worst`, `720p`, `2M`; default `best`. */
  readonly quality?: string | undefined;
  readonly clock: Clock;
  readonly log: PullLog;
  /** First pause between two attempts, ms; default 1 s. */
  readonly pauseMs?: number | undefined;
  /** Shortest time between two extractions, ms; default 10 s. */
  readonly minIntervalMs?: number | undefined;
}

export class PageSource {
  readonly #options: PageOptions;
  readonly #request: YtDlpRequest;
  /** When the last extraction ended, monotonic ms. */
  #endedMs: number | undefined;

  /** @throws FormatError for an invalid quality or User-Agent */
  constructor(options: PageOptions) {
    parseQuality(options.quality ?? '');
    this.#options = options;
    const { program, url, timeoutMs, format, net, trusted, headers = {} } = options;
    const headerOf = (wanted: string) => Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1];
    const userAgent = parseUserAgent(options.userAgent ?? '') || headerOf('user-agent');
    this.#request = { program, url, timeoutMs, format, net, trusted, userAgent, referer: headerOf('referer') };
  }

  /**
   * Extracts the current URL of the media, with up to three attempts if a retry may help. Abort rejects at
   * once and ends yt-dlp.
   *
   * @throws OxbowError `page-tool-missing`, `page-failed`, `address-refused`, `unsupported-media`;
   *   `extra.retryable`: a later call may succeed
   */
  async locate({ signal }: { signal: AbortSignal }): Promise<PageAddress> {
    const { clock, log, pauseMs = FIRST_PAUSE_MS, minIntervalMs = MIN_INTERVAL_MS } = this.#options;
    if (this.#endedMs !== undefined) {
      await sleep(Math.max(0, this.#endedMs + minIntervalMs - clock.monotonicMs()), { signal });
    }
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#extract(signal);
      } catch (error) {
        signal.throwIfAborted();
        const mayHelp = error instanceof OxbowError && error.extra.retryable === true;
        if (!mayHelp || attempt + 1 >= ATTEMPTS) throw error;
        log.info({ detail: error.message, attempt: attempt + 1 }, 'the page could not be read; retrying');
        await sleep(backoffMs(attempt, pauseMs), { signal });
      } finally {
        this.#endedMs = clock.monotonicMs();
      }
    }
  }

  async #extract(signal: AbortSignal): Promise<PageAddress> {
    const { format, quality = '' } = this.#options;
    const page = parsePageMetadata(await runYtDlp(this.#request, { signal }));
    const choice = chooseFormat(page, parseQuality(quality), format !== '');
    this.#options.log.info(
      { title: page.title, formats: page.formats.length, kind: choice.kind, chosen: choice.chosen },
      'the media of the page was found',
    );
    const cookie = cookieHeader(choice.format.cookies, choice.url);
    return {
      kind: choice.kind,
      url: choice.url,
      headers: { ...choice.format.headers, ...(cookie !== '' && { cookie }) },
      facts: factsOf(page, choice),
    };
  }
}

function factsOf(page: PageMetadata, { kind, qualities, chosen }: PageChoice): SourceFacts {
  const { title, thumbnail, durationS, live } = page;
  return {
    protocol: 'page',
    container: kind === 'mp4' ? 'mp4' : '',
    title,
    ...(thumbnail !== undefined && { thumbnail }),
    live,
    ...(durationS !== undefined && !live && { durationS }),
    qualities: [...qualities],
    ...(chosen !== undefined && { chosen }),
  };
}

/**
 * Combines the facts of a page with those of the pull of its media.
 *
 * @param pulled facts of the pull
 */
export function joinFacts(page: SourceFacts, pulled: SourceFacts): SourceFacts {
  return {
    ...page,
    ...pulled,
    protocol: 'page',
    title: page.title || pulled.title,
    container: pulled.container || page.container,
    live: pulled.live,
    qualities:
      pulled.qualities.length > 1 ? pulled.qualities : page.qualities.length > 0 ? page.qualities : pulled.qualities,
    ...(page.chosen !== undefined && { chosen: page.chosen }),
  };
}
