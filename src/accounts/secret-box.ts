/**
 * Encrypts texts so that only this server may read them again. The same text gives the same result,
 * so that caches hold.
 * In: the server's secret, a use, texts. Out: base64url. NIST SP 800-38D; RFC 5869. The nonce is an HMAC of
 * the text: it repeats only with its text.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MARK_BYTES = 16;

/** Seals and opens texts of one use. */
export class SecretBox {
  readonly #cipherKey: Buffer;
  readonly #nonceKey: Buffer;
  readonly #markKey: Buffer;
  /** Of earlier secrets of the server: they only open. */
  readonly #earlier: readonly SecretBox[];

  /**
   * @param secret of this server, 16 bytes or more
   * @param use purpose of the texts; a box of another use cannot open it
   * @param earlier secrets that this server had before: what they sealed is opened too
   */
  constructor(secret: Uint8Array, use: string, earlier: readonly Uint8Array[] = []) {
    const derive = (key: string) => Buffer.from(hkdfSync('sha256', secret, '', `oxbow ${use} ${key}`, 32));
    this.#cipherKey = derive('cipher');
    this.#nonceKey = derive('nonce');
    this.#markKey = derive('mark');
    this.#earlier = earlier.map((before) => new SecretBox(before, use));
  }

  /** The code of a text that only this server can compute, 22 characters of base64url. */
  mark(text: string): string {
    return createHmac('sha256', this.#markKey).update(text).digest().subarray(0, MARK_BYTES).toString('base64url');
  }

  /** The sealed text, base64url. */
  seal(text: string): string {
    const nonce = createHmac('sha256', this.#nonceKey).update(text).digest().subarray(0, NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#cipherKey, nonce);
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  /** The text; undefined if no secret of this box sealed it. */
  open(sealed: string): string | undefined {
    const text = this.#open(sealed);
    if (text !== undefined) return text;
    for (const box of this.#earlier) {
      const before = box.open(sealed);
      if (before !== undefined) return before;
    }
    return undefined;
  }

  #open(sealed: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#cipherKey, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)).toString('utf8') + decipher.final('utf8');
    } catch {
      return undefined; // the tag is that of another key or text
    }
  }
}
