/**
 * HTTP access of one pull to its source: headers, cookies, and which hosts it may reach.
 * In: URLs of playlists, segments and keys. Out: responses of net. RFC 6265; docs/architecture.md,
 * Outgoing requests.
 */
import { parseUserAgent } from '../../lib/user-agent.ts';
import { Cookies, isSecretHeader, type Net, type NetRequest, type NetResponse } from '../../net/net.ts';

/** Longest request for a playlist or key, ms, plus the time for which the server holds a blocking reload. */
export const MAX_REQUEST_MS = 30_000;

/** The current URL of a source: its own, or the media URL that was extracted from a page. */
export interface SourceAddress {
  readonly url: URL;
  /** Sent with every request, in addition to the configured headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Returns the current URL of a source. */
export type Locate = (options: { signal: AbortSignal }) => Promise<SourceAddress>;

/** Options of the access to a source. */
interface AccessOptions {
  readonly net: Net;
  /** The configured URL. */
  readonly sourceUrl: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A User-Agent, or the name of a preset. */
  readonly userAgent?: string | undefined;
  /** An administrator entered the URL, so its host may be private. */
  readonly trusted: boolean;
}

/** The options of one request; the source adds the others. */
type AccessRequest = Pick<
  NetRequest,
  'signal' | 'headers' | 'maxBytes' | 'deadlineMs' | 'idleMs' | 'fresh' | 'takeMemory'
>;

export class SourceAccess {
  readonly #net: Net;
  readonly #configuredHeaders: Readonly<Record<string, string>>;
  readonly #trusted: boolean;
  readonly #cookies = new Cookies();
  /** The configured URL. */
  readonly sourceUrl: URL;
  #address: SourceAddress;
  #headers: Readonly<Record<string, string>>;
  /** The same with the headers of requests, by those: requests that repeat get the same value. */
  #joined = new WeakMap<object, Readonly<Record<string, string>>>();

  /** @throws FormatError for a User-Agent that cannot be sent */
  constructor({ net, sourceUrl, headers = {}, userAgent = '', trusted }: AccessOptions) {
    this.#net = net;
    this.sourceUrl = sourceUrl;
    this.#trusted = trusted;
    const agent = parseUserAgent(userAgent);
    this.#configuredHeaders = agent === '' ? headers : { ...headers, 'user-agent': agent };
    this.#address = { url: sourceUrl };
    this.#headers = this.#configuredHeaders;
  }

  /** The current URL of the source. */
  get address(): URL {
    return this.#address.url;
  }

  /**
   * Sets a new URL. Configured secrets are sent only to the origin of the configured URL; headers of the new
   * address only to that.
   */
  moved(address: SourceAddress): void {
    const kept = Object.entries(this.#configuredHeaders).filter(
      ([name]) => address.url.origin === this.sourceUrl.origin || !isSecretHeader(name),
    );
    this.#address = address;
    this.#headers = { ...Object.fromEntries(kept), ...address.headers };
    this.#joined = new WeakMap();
  }

  /**
   * GETs a resource of the source.
   *
   * @throws what net.fetch throws
   */
  fetch(url: URL, request: AccessRequest): Promise<NetResponse> {
    return this.#net.fetch(url, {
      ...request,
      headers: this.#headersFor(request.headers),
      home: this.#address.url,
      trusted: this.#trusted ? this.sourceUrl : undefined,
      cookies: this.#cookies,
      lean: true,
    });
  }

  #headersFor(more: AccessRequest['headers']): Readonly<Record<string, string>> {
    if (!more) return this.#headers;
    let joined = this.#joined.get(more);
    if (!joined) {
      joined = { ...this.#headers, ...more };
      this.#joined.set(more, joined);
    }
    return joined;
  }
}
