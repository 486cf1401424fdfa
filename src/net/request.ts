/**
 * What a caller of the HTTP client requests.
 * In: nothing. Out: types.
 */
import type { Cookies } from './cookies.ts';
import type { TakeMemory } from './lean/body-store.ts';

/** Options of a request. */
export interface NetRequest {
  readonly signal: AbortSignal;
  /** Body of a POST, whose redirects are returned, not followed; undefined: GET. */
  readonly post?: Uint8Array | undefined;
  /**
   * Method of a request with `post`; default POST. PROPFIND: RFC 4918 9.1. DELETE ends a session, RFC 9725
   * 4.2.
   */
  readonly method?: 'PROPFIND' | 'DELETE' | undefined;
  /**
   * Added to those of oxbow. Secrets among them go only to the origin of `home`, whatever URL a playlist or a
   * redirect names.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Most bytes of the body, as sent and as unpacked. */
  readonly maxBytes: number;
  /**
   * From the call to the last byte, redirects included, ms. `none` for a body that has no end and comes as
   * fast as it is made: only `idleMs` bounds it.
   */
  readonly deadlineMs: number | 'none';
  /**
   * Longest wait for the next byte, ms. A body slower than 1 KiB/s for 10 s also ends with `source-failed`,
   * unless it has no deadline.
   */
  readonly idleMs: number;
  /** Open a new connection for this request, because a kept one may be broken. Default false. */
  readonly fresh?: boolean | undefined;
  /**
   * A URL configured by an administrator: its host is allowed even if private, and its user name and password
   * are sent to its origin.
   */
  readonly trusted?: URL | undefined;
  /** Origin of secret headers; default `trusted`, otherwise the URL itself. */
  readonly home?: URL | undefined;
  /** Cookie jar of the source, for every hop. */
  readonly cookies?: Cookies | undefined;
  /**
   * `traceparent` of the span that causes the request, sent at every hop; undefined: none. W3C Trace Context,
   * 3.2.
   */
  readonly traceparent?: string | undefined;
  /**
   * Send it by the lean client, which takes less CPU and does the same (decision 0128); not for a request
   * with `post`, or with headers that change the connection. Default false.
   */
  readonly lean?: boolean | undefined;
  /** Memory for the body, from the lean client only; default new memory. */
  readonly takeMemory?: TakeMemory | undefined;
  /** Its subject, in traces. */
  readonly about?: FetchSubject | undefined;
}

/** The subject of a request. */
export interface FetchSubject {
  readonly stream: string;
  /** `traceparent` of the session of the source. */
  readonly session: () => string | undefined;
}
