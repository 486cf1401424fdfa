/**
 * The headers of outgoing requests: of oxbow, of the source, and its user name and password.
 * In: a URL of the request or of a redirect. Out: headers, secrets only for their origin. RFC 9110 11.6.2.
 */
import type { NetRequest } from './request.ts';

/** Headers that are sent only to their origin. */
const SECRET_HEADER = /auth|bearer|cookie|credential|jwt|key|pass|secret|session|signature|token/i;

/** Whether a header is sent only to its origin. */
export function isSecretHeader(name: string): boolean {
  return SECRET_HEADER.test(name);
}

/** What decides headers besides those of the request. */
type HeaderRequest = Pick<NetRequest, 'headers' | 'home' | 'trusted' | 'traceparent'>;

/** Headers that were made before, and for what. */
interface Made {
  readonly origin: string;
  readonly home: URL;
  readonly trusted: URL | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Makes the headers of requests. */
export class RequestHeaders {
  readonly #userAgent: string;
  /** By the headers of the request, which sources use again and again. */
  readonly #made = new WeakMap<object, Made>();

  constructor(userAgent: string) {
    this.#userAgent = userAgent;
  }

  /**
   * @param first URL of the request before redirects
   * @returns names in lower case; the same value for the next request if the same values are passed
   */
  of(url: URL, first: URL, request: HeaderRequest): Readonly<Record<string, string>> {
    const { headers, home, trusted, traceparent } = request;
    if (!headers || !home || traceparent !== undefined) return this.#make(url, first, request);
    const { origin } = url;
    const made = this.#made.get(headers);
    if (made && made.origin === origin && made.home === home && made.trusted === trusted) return made.headers;
    const next = { origin, home, trusted, headers: this.#make(url, first, request) };
    this.#made.set(headers, next);
    return next.headers;
  }

  #make(url: URL, first: URL, request: HeaderRequest): Readonly<Record<string, string>> {
    const { traceparent, trusted: user } = request;
    const headers: Record<string, string> = {
      'user-agent': this.#userAgent,
      accept: '*/*',
      'accept-encoding': 'gzip, deflate, br',
      ...(traceparent !== undefined && { traceparent }),
    };
    const home = request.home ?? user ?? first;
    const atHome = url.origin === home.origin;
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      if (atHome || !isSecretHeader(name)) headers[name.toLowerCase()] = value;
    }
    if (user && url.origin === user.origin && (user.username || user.password) && !headers.authorization) {
      const pair = `${unescapePart(user.username)}:${unescapePart(user.password)}`;
      headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    return headers;
  }
}

function unescapePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a single % is literal
  }
}
