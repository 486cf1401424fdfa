/**
 * Addresses of the media proxy: the upstream address, encrypted, so that clients do not learn what an item's address contains, and cannot choose another.
 * In: a room's item and an address. Out: a token; the same input gives the same token, so that caches hold. NIST SP 800-38D; nonce from HMAC, RFC 5869.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';

const kinds = ['file', 'subtitle', 'manifest', 'folder'] as const;

/** What a token means. */
export interface SealedAddress {
  readonly room: string;
  readonly item: string;
  /**
   * `file`: this address alone. `subtitle`: the same, as WebVTT. `manifest`: this address, and what is below its folder. `folder`: what is
   * below it; it ends with `/`.
   */
  readonly kind: (typeof kinds)[number];
  readonly url: string;
  /** Unix ms, a whole day. */
  readonly expiresMs: number;
}

const DAY_MS = 24 * 3_600_000;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_TOKEN = 16 * 1024;

/** The end of tomorrow (UTC): everyone gets the same token during a day, and it lasts at least one. */
export function expiryOf(nowMs: number): number {
  return (Math.floor(nowMs / DAY_MS) + 2) * DAY_MS;
}

/** Seals and opens addresses. */
export class AddressSeal {
  readonly #cipherKey: Buffer;
  readonly #nonceKey: Buffer;

  /** @param secret of this server, 16 bytes or more */
  constructor(secret: Uint8Array) {
    const derive = (use: string) => Buffer.from(hkdfSync('sha256', secret, '', `oxbow media proxy ${use}`, 32));
    this.#cipherKey = derive('cipher');
    this.#nonceKey = derive('nonce');
  }

  /** The token, base64url. */
  seal({ room, item, kind, url, expiresMs }: SealedAddress): string {
    const text = JSON.stringify([room, item, kinds.indexOf(kind), expiresMs / DAY_MS, url]);
    // Deterministic: a nonce repeats only with its own plaintext.
    const nonce = createHmac('sha256', this.#nonceKey).update(text).digest().subarray(0, NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#cipherKey, nonce);
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  /** What the token means; undefined if this server did not seal it. The caller checks the expiry. */
  open(token: string): SealedAddress | undefined {
    if (token.length > MAX_TOKEN) return undefined;
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#cipherKey, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)).toString('utf8') + decipher.final('utf8');
      const [room, item, kind, day, url] = JSON.parse(text) as [string, string, number, number, string];
      return { room, item, kind: kinds[kind]!, url, expiresMs: day * DAY_MS };
    } catch {
      return undefined; // not a token of this server
    }
  }
}
