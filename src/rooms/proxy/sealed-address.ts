/**
 * Addresses of the media proxy: the upstream address, encrypted, so that clients do not learn what an item's address contains, and cannot choose another.
 * In: a room's item and an address. Out: a token; the same input gives the same token, so that caches hold.
 */
import type { SecretBox } from '../../accounts/secret-box.ts';

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
const MAX_TOKEN = 16 * 1024;

/** The end of tomorrow (UTC): everyone gets the same token during a day, and it lasts at least one. */
export function expiryOf(nowMs: number): number {
  return (Math.floor(nowMs / DAY_MS) + 2) * DAY_MS;
}

/** Seals and opens addresses. */
export class AddressSeal {
  readonly #box: SecretBox;

  /** @param box of this server, for this use alone */
  constructor(box: SecretBox) {
    this.#box = box;
  }

  /** The token, base64url. */
  seal({ room, item, kind, url, expiresMs }: SealedAddress): string {
    return this.#box.seal(JSON.stringify([room, item, kinds.indexOf(kind), expiresMs / DAY_MS, url]));
  }

  /** What the token means; undefined if this server did not seal it. The caller checks the expiry. */
  open(token: string): SealedAddress | undefined {
    const text = token.length > MAX_TOKEN ? undefined : this.#box.open(token);
    if (text === undefined) return undefined;
    const [room, item, kind, day, url] = JSON.parse(text) as [string, string, number, number, string];
    return { room, item, kind: kinds[kind]!, url, expiresMs: day * DAY_MS };
  }
}
