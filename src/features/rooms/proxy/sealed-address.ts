/**
 * Addresses of the media proxy: the upstream address, encrypted, so that clients cannot read an item's
 * address or choose another.
 * In: a room's item and an address. Out: a token; the same input gives the same token, so that caches hold.
 */
import { timingSafeEqual } from 'node:crypto';
import type { SegmentNames } from '@oxbow/media/mpd/segment-names';
import type { SecretBox } from '../../../accounts/secret-box.ts';

const kinds = ['file', 'subtitle', 'segments'] as const;

/** The content of a token. */
export interface SealedAddress {
  readonly room: string;
  readonly item: string;
  /**
   * `file`: only this address. `subtitle`: the same, as WebVTT. `segments`: those that a template of a DASH
   * manifest can name.
   */
  readonly kind: (typeof kinds)[number];
  /** Empty for segments. */
  readonly url: string;
  /** Unix ms, a whole day. */
  readonly expiresMs: number;
  /** Of segments. */
  readonly names?: SegmentNames | undefined;
  /** Variables of the Multivariant Playlist that named this playlist (RFC 8216bis 4.4.2.3). */
  readonly variables?: ReadonlyMap<string, string> | undefined;
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

  /** @param box of this server, only for this use */
  constructor(box: SecretBox) {
    this.#box = box;
  }

  /** The token, base64url. */
  seal({ room, item, kind, url, expiresMs, names, variables }: SealedAddress): string {
    const of = names ? pack(names) : variables && [...variables];
    return this.#box.seal(JSON.stringify([room, item, kinds.indexOf(kind), expiresMs / DAY_MS, url, of]));
  }

  /** The content of a token; undefined if this server did not seal it. The caller checks the expiry. */
  open(token: string): SealedAddress | undefined {
    const text = token.length > MAX_TOKEN ? undefined : this.#box.open(token);
    if (text === undefined) return undefined;
    const [room, item, index, day, url, of] = JSON.parse(text) as [string, string, number, number, string, unknown];
    const kind = kinds[index]!;
    return {
      room,
      item,
      kind,
      url,
      expiresMs: day * DAY_MS,
      ...(kind === 'segments'
        ? { names: unpack(of as Packed) }
        : of !== null && { variables: new Map(of as [string, string][]) }),
    };
  }

  /**
   * Proof that this server has named a path below the folder of a token's address. Much shorter than a
   * token.
   */
  mark(token: string, path: string): string {
    return this.#box.mark(`${token}/${path}`);
  }

  /** Whether `mark` returned it. */
  isMark(mark: string, token: string, path: string): boolean {
    const expected = Buffer.from(this.mark(token, path));
    const actual = Buffer.from(mark);
    return actual.length === expected.length && timingSafeEqual(actual, expected);
  }
}

/** Names with each base once. */
type Packed = readonly [
  template: string,
  bases: readonly string[],
  representations: readonly (readonly [id: string, bandwidth: string, base: number])[],
];

function pack({ template, representations }: SegmentNames): Packed {
  const places = new Map<string, number>();
  for (const { base } of representations) if (!places.has(base)) places.set(base, places.size);
  return [
    template,
    [...places.keys()],
    representations.map(({ id, bandwidth, base }) => [id, bandwidth, places.get(base)!]),
  ];
}

function unpack([template, bases, representations]: Packed): SegmentNames {
  return {
    template,
    representations: representations.map(([id, bandwidth, base]) => ({ id, bandwidth, base: bases[base]! })),
  };
}
