/**
 * Responses of outgoing requests, whichever client has received them.
 * In: the clients of this folder. Out: types.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** A reply. Read its body to the end, or dispose it: until then it holds a connection. */
export interface NetResponse extends Disposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** After redirects. */
  readonly url: URL;
  /** The complete body. Throws as `stream` does. */
  body(): Promise<Uint8Array>;
  /** The complete body as it arrived. Throws as `stream` does. */
  pieces(): Promise<Uint8Array[]>;
  /**
   * The body as a stream. Throws OxbowError `source-failed` if a limit is exceeded or the connection breaks,
   * and the signal's reason on abort.
   */
  stream(): AsyncIterable<Uint8Array>;
}

/** A response before redirects are followed. */
export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly setCookie: readonly string[] | undefined;
  /**
   * Reads the body of a redirect if it is small, so that the connection can be reused; closes the connection
   * if it is large.
   *
   * @throws the reason of the abort
   */
  drain(): Promise<void>;
  /** Closes the connection. */
  destroy(): void;
  /** @param url after redirects */
  reply(url: URL): NetResponse;
}
