/**
 * Fetches and caches AES-128 keys, and decrypts segments.
 * In: URLs of keys; encrypted bytes. Out: keys, which are never shown or logged; decrypted bytes. RFC 8216bis
 * 4.4.4.4 and 5.
 */
import { createDecipheriv } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import { nameOf } from '../resource-name.ts';
import { MAX_REQUEST_MS, type SourceAccess } from '../source-access.ts';
import { statusFailure } from '../status-failure.ts';

const KEY_BYTES = 16;
/** Larger than a key, so that the error can state the length of a wrong response. */
const MAX_RESPONSE_BYTES = 64 * 1024;
/** Cached keys; the least recently used one is dropped. */
const MAX_KEYS = 64;
const IDLE_MS = 8000;

/** The keys of one pull. */
export class KeyStore {
  readonly #access: SourceAccess;
  readonly #signal: AbortSignal;
  readonly #keys = new Map<string, Promise<Uint8Array>>();

  /** @param options.signal of the whole pull: several renditions share the request for a key */
  constructor(access: SourceAccess, { signal }: { signal: AbortSignal }) {
    this.#access = access;
    this.#signal = signal;
  }

  /**
   * The key at `url`; cached.
   *
   * @param deadlineMs longest time for the request, ms
   * @returns 16 bytes
   * @throws FormatError if it is not 16 bytes; OxbowError as net.fetch; the reason of the pull's signal when
   *   that aborted
   */
  get(url: URL, deadlineMs: number): Promise<Uint8Array> {
    const cached = this.#keys.get(url.href);
    const key = cached ?? this.#fetch(url, Math.min(MAX_REQUEST_MS, deadlineMs));
    this.#keys.delete(url.href);
    this.#keys.set(url.href, key);
    // A failure is not cached; the callers that await it handle it.
    if (!cached) key.catch(() => this.forget(url, key));
    dropOldest(this.#keys, MAX_KEYS);
    return key;
  }

  /**
   * Drops a wrong key from the cache; the next `get` fetches it again.
   *
   * @param of the result of `get`; a newer key in the cache stays
   */
  forget(url: URL, of?: Promise<Uint8Array>): void {
    if (of === undefined || this.#keys.get(url.href) === of) this.#keys.delete(url.href);
  }

  async #fetch(url: URL, deadlineMs: number): Promise<Uint8Array> {
    const bytes = url.protocol === 'data:' ? readDataUrl(url) : await this.#load(url, deadlineMs);
    if (bytes.length !== KEY_BYTES) throw new FormatError(`the key has ${bytes.length} bytes instead of 16`, 0);
    return bytes;
  }

  async #load(url: URL, deadlineMs: number): Promise<Uint8Array> {
    using reply = await this.#access.fetch(url, {
      signal: this.#signal,
      maxBytes: MAX_RESPONSE_BYTES,
      deadlineMs,
      idleMs: Math.min(IDLE_MS, deadlineMs),
    });
    if (reply.status < 200 || reply.status > 299) throw statusFailure(reply.status, `The key ${nameOf(url)}`);
    return await reply.body();
  }
}

/** A key in the playlist itself, base64 or percent-encoded (RFC 2397). */
function readDataUrl(url: URL): Uint8Array {
  const [kind = '', data = ''] = url.pathname.split(/,(.*)/s);
  const text = data.replaceAll(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, kind.endsWith(';base64') ? 'base64' : 'latin1');
}

/**
 * Decrypts AES-128 in CBC mode with PKCS7 padding (4.4.4.4).
 *
 * @param pieces in order; the function empties the list
 * @param key 16 bytes
 * @param iv 16 bytes
 * @returns new pieces
 * @throws FormatError if the length or the padding is wrong: a wrong key, or a damaged segment
 */
export function decryptAes128(pieces: Uint8Array[], key: Uint8Array, iv: Uint8Array): Uint8Array[] {
  const decipher = createDecipheriv('aes-128-cbc', key, iv);
  const clear: Uint8Array[] = [];
  const add = (piece: Uint8Array) => {
    if (piece.length > 0) clear.push(piece);
  };
  let length = 0;
  for (let piece = pieces.shift(); piece; piece = pieces.shift()) {
    length += piece.length;
    add(decipher.update(piece));
  }
  if (length === 0 || length % 16 !== 0)
    throw new FormatError(`${length} bytes are not a multiple of the AES-128 block size`, 0);
  try {
    add(decipher.final());
  } catch {
    throw new FormatError('it cannot be decrypted with its key: the padding is wrong', length - 16);
  }
  return clear;
}
