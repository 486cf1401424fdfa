/**
 * A page as a source: where its media is now, asked again when its addresses have expired.
 * In: the address of a page, yt-dlp. Out: addresses for the pullers, facts of the page. Not trusted: its addresses may not be private.
 */
import type { SourceFacts } from '../../api/source-facts.ts';
import { backoffMs, sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { parseQuality } from '../../lib/quality.ts';
import { parseUserAgent } from '../../lib/user-agent.ts';
import type { Net } from '../../net/net.ts';
import type { SourceAddress } from '../pull/hls.ts';
import type { PullLog } from '../pull/pull-log.ts';
import { chooseFormat, type PageChoice } from './choose-format.ts';
import { cookieHeader } from './cookies.ts';
import { type PageMetadata, parsePageMetadata } from './page-metadata.ts';
import { runYtDlp, type YtDlpRequest } from './yt-dlp.ts';

/** Tries of one question; the last failure is told. */
const TRIES = 3;
const FIRST_PAUSE_MS = 1000;
/** A site is asked no more often than this, ms: playlists that fail again and again must not become a flood of questions. */
const LEAST_BETWEEN_MS = 10_000;

/** Where the media of a page is at the moment. */
export interface PageAddress extends SourceAddress {
  readonly kind: 'hls' | 'mp4';
  /** What the page says of itself. */
  readonly facts: SourceFacts;
}

/** How a page is asked. */
export interface PageOptions {
  readonly url: URL;
  /** How yt-dlp goes out. */
  readonly net: Pick<Net, 'openProxy'>;
  /** An administrator gave the address: its host may be private, for the page alone; where its media lies never is trusted. */
  readonly trusted: boolean;
  /** Of the source. Secrets among them are for the page's own origin, and yt-dlp sends what it is given everywhere: it gets the Referer alone. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A User-Agent, or the word of a preset; yt-dlp's own when empty. */
  readonly userAgent?: string | undefined;
  /** yt-dlp. */
  readonly program: string;
  /** Longest time of one try, ms. */
  readonly timeoutMs: number;
  /** Expression of yt-dlp that selects formats; empty: oxbow chooses. */
  readonly format: string;
  /** `best`, `worst`, `720p`, `2M`; default `best`. */
  readonly quality?: string | undefined;
  readonly clock: Clock;
  readonly log: PullLog;
  /** First pause between two tries, ms; default 1 s. */
  readonly pauseMs?: number | undefined;
  /** Least time between two questions, ms; default 10 s. */
  readonly leastBetweenMs?: number | undefined;
}

/** A page that is asked as often as its addresses expire. */
export class PageSource {
  readonly #options: PageOptions;
  readonly #question: YtDlpRequest;
  #askedMs: number | undefined;

  /** @throws FormatError when the quality or the User-Agent is none */
  constructor(options: PageOptions) {
    parseQuality(options.quality ?? '');
    this.#options = options;
    const { program, url, timeoutMs, format, net, trusted, headers = {} } = options;
    const own = (wanted: string) => Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1];
    const userAgent = parseUserAgent(options.userAgent ?? '') || own('user-agent');
    this.#question = { program, url, timeoutMs, format, net, trusted, userAgent, referer: own('referer') };
  }

  /**
   * Asks where the media is now, three times where trying again may help. Abort rejects at once and ends yt-dlp.
   *
   * @throws OxbowError `page-tool-missing`, `page-failed`, `address-refused`, `unsupported-media`; `extra.retryable` says whether later may help
   */
  async locate({ signal }: { signal: AbortSignal }): Promise<PageAddress> {
    const { clock, log, pauseMs = FIRST_PAUSE_MS, leastBetweenMs = LEAST_BETWEEN_MS } = this.#options;
    if (this.#askedMs !== undefined) {
      await sleep(Math.max(0, this.#askedMs + leastBetweenMs - clock.monotonicMs()), { signal });
    }
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#ask(signal);
      } catch (error) {
        signal.throwIfAborted();
        const mayHelp = error instanceof OxbowError && error.extra.retryable === true;
        if (!mayHelp || attempt + 1 >= TRIES) throw error;
        log.info({ detail: error.message, attempt: attempt + 1 }, 'a page is asked again');
        await sleep(backoffMs(attempt, pauseMs), { signal });
      } finally {
        this.#askedMs = clock.monotonicMs();
      }
    }
  }

  async #ask(signal: AbortSignal): Promise<PageAddress> {
    const { format, quality = '' } = this.#options;
    const answer = parsePageMetadata(await runYtDlp(this.#question, { signal }));
    const choice = chooseFormat(answer, parseQuality(quality), format !== '');
    this.#options.log.info(
      { title: answer.title, formats: answer.formats.length, kind: choice.kind, chosen: choice.chosen },
      'the media of a page was found',
    );
    const cookie = cookieHeader(choice.format.cookies, choice.url);
    return {
      kind: choice.kind,
      url: choice.url,
      headers: { ...choice.format.headers, ...(cookie !== '' && { cookie }) },
      facts: factsOf(answer, choice),
    };
  }
}

function factsOf(answer: PageMetadata, { kind, qualities, chosen }: PageChoice): SourceFacts {
  const { title, thumbnail, durationS, live } = answer;
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
 * What is known of a page's media, told by the page and by the puller together: the page knows titles, the puller what it pulls.
 *
 * @param pulled what the puller says
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
