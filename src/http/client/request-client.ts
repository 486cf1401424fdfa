/**
 * Where a request comes from and how its browser keeps a session.
 * In: nothing. Out: the type, which http/api/authenticate.ts fills.
 */

/** What a request says of the browser and its way here. */
export interface RequestClient {
  readonly address: string;
  /** Origin under which it reaches this server; undefined where it names no host. */
  readonly origin: string | undefined;
  /** Straight from this computer, see local-request.ts. */
  readonly isLocal: boolean;
  /** Set-Cookie for a session. */
  cookie(secret: string): string;
  /** Set-Cookie that takes it away. */
  noCookie(): string;
}
