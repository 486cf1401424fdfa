/**
 * The contract of key servers: they give the content key of a stream for a period, and what DRM systems need.
 * In: the id of a key. Out: the key, the same for the same id, at any time. Types, and how requests are sent.
 * docs/4-watch/drm.md.
 */
import { FormatError } from '@oxbow/media/errors';
import { OxbowError } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import { checkDrmKey, type DrmKey, type NumberedKey } from '../encryption/drm-key.ts';

/** Longest answer, bytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Names the key of one period. */
export interface KeyPeriod extends NumberedKey {
  /** The stream or asset by its id, e.g. `stream/ID`. */
  readonly content: string;
}

export interface KeyServer {
  /**
   * Requests a key. On abort, rejects with the reason of the signal.
   *
   * @throws OxbowError `key-server-failed` if it cannot be reached, refuses or gives no such key
   */
  keyOf(period: KeyPeriod, options: { readonly signal: AbortSignal }): Promise<DrmKey>;
}

/** Where a key server is, and how it is called. */
export interface KeyServerAddress {
  readonly url: string;
  /** Value of `Authorization: Bearer`; undefined: none is sent. */
  readonly token: string | undefined;
  /** Longest duration of a request, ms. */
  readonly timeoutMs: number;
}

/** What a request sends, and how its answer is read. */
interface KeyRequest {
  readonly type: string;
  readonly body: string;
  /** @throws FormatError if it is malformed */
  readonly read: (text: string) => DrmKey | undefined;
}

/**
 * Sends one request to a key server. Throws as `KeyServer.keyOf` does; the address is in the cause alone, as
 * viewers read the message.
 */
export async function requestKey(
  net: Pick<Net, 'fetch'>,
  { url, token, timeoutMs }: KeyServerAddress,
  { type, body, read }: KeyRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<DrmKey> {
  const failed = (reason: string, cause?: unknown) =>
    new OxbowError('key-server-failed', `The key server ${reason}.`, { cause });
  let key: DrmKey | undefined;
  try {
    using answer = await net.fetch(url, {
      signal,
      post: Buffer.from(body),
      headers: { 'content-type': type, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      maxBytes: MAX_ANSWER_BYTES,
      deadlineMs: timeoutMs,
      idleMs: timeoutMs,
      trusted: new URL(url),
    });
    const bytes = await answer.body();
    if (answer.status < 200 || answer.status > 299) throw failed(`answers ${answer.status}`);
    key = read(new TextDecoder().decode(bytes));
    if (key) checkDrmKey(key);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FormatError) throw failed(`gives a malformed answer: ${error.message}`, error);
    if (error instanceof OxbowError && error.code === 'key-server-failed') throw error;
    throw failed('cannot be reached', error);
  }
  if (!key) throw failed('gives another key than the one that was requested');
  return key;
}
