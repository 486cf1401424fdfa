/**
 * The way of one pull to its source: with its headers, its cookies, and what may be reached.
 * In: URLs of playlists, segments and keys. Out: replies of net. RFC 6265; docs/architecture.md, Outgoing requests.
 */
import { parseUserAgent } from '../../lib/user-agent.ts';
import { Cookies, isSecretHeader, type Net, type NetRequest, type NetResponse } from '../../net/net.ts';

/** No request for a playlist or key takes longer, ms, but for the time a blocking reload is held. */
export const MAX_REQUEST_MS = 30_000;

/** Where a source is at the moment: of a page, what it was turned into; of others their URL. */
export interface SourceAddress {
  readonly url: URL;
  /** Sent with every request to it, beside the source's own. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What a source is reached with. */
export interface AccessOptions {
  readonly net: Net;
  /** The source's URL as it was given. */
  readonly home: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A User-Agent, or the word of a preset. */
  readonly userAgent?: string | undefined;
  /** An administrator gave the URL: its host may be private. */
  readonly trusted: boolean;
}

/** How one request is made; the rest is the source's. */
export type AccessRequest = Pick<NetRequest, 'signal' | 'headers' | 'maxBytes' | 'deadlineMs' | 'idleMs' | 'fresh'>;

/** The way to one source. */
export class SourceAccess {
  readonly #net: Net;
  readonly #own: Readonly<Record<string, string>>;
  readonly #trusted: boolean;
  readonly #cookies = new Cookies();
  /** The source's URL as it was given. */
  readonly home: URL;
  #address: SourceAddress;
  #headers: Readonly<Record<string, string>>;

  /** @throws FormatError for a User-Agent that cannot be sent */
  constructor({ net, home, headers = {}, userAgent = '', trusted }: AccessOptions) {
    this.#net = net;
    this.home = home;
    this.#trusted = trusted;
    const agent = parseUserAgent(userAgent);
    this.#own = agent === '' ? headers : { ...headers, 'user-agent': agent };
    this.#address = { url: home };
    this.#headers = this.#own;
  }

  /** Where the source is now. */
  get address(): URL {
    return this.#address.url;
  }

  /** The source is elsewhere now. Secrets that were configured for its home stay there; those of the new address go to that only. */
  moved(address: SourceAddress): void {
    const kept = Object.entries(this.#own).filter(
      ([name]) => address.url.origin === this.home.origin || !isSecretHeader(name),
    );
    this.#address = address;
    this.#headers = { ...Object.fromEntries(kept), ...address.headers };
  }

  /**
   * GETs what belongs to the source.
   *
   * @throws what net.fetch throws
   */
  fetch(url: URL, request: AccessRequest): Promise<NetResponse> {
    return this.#net.fetch(url, {
      ...request,
      headers: { ...this.#headers, ...request.headers },
      home: this.#address.url,
      trusted: this.#trusted ? this.home : undefined,
      cookies: this.#cookies,
    });
  }
}
