/**
 * The client of a request: its address, the origin it uses, and its session cookie.
 * In: nothing. Out: the type; http/api/authenticate.ts creates its values.
 */

/** The client of a request. */
export interface RequestClient {
  readonly address: string;
  /** Origin by which it reaches this server; undefined if the request names no host. */
  readonly origin: string | undefined;
  /** Connects directly from this computer, see local-request.ts. */
  readonly isLocal: boolean;
  /** Set-Cookie that starts a session. */
  cookie(secret: string): string;
  /** Set-Cookie that deletes it. */
  noCookie(): string;
}
