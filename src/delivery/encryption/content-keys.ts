/**
 * The content keys of one stream or asset: a key for every so many segments, derived from one secret, so that
 * every thread, node and later process has the same ones, and nothing of them is stored.
 * In: the secret of the stream, MSNs. Out: keys by name, and the protection of segments for playlists.
 * RFC 5869; RFC 8216bis 4.4.4.4; docs/decisions/0104.
 */
import { hkdfSync } from 'node:crypto';
import { KEYS_FOLDER, keyFileOf, keyFolderOf } from '../../api/content-key-name.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Protection, ProtectionOf } from '../format/protection.ts';

/** Bytes of a key and of an initialization vector of AES-128. */
const KEY_BYTES = 16;
/** Bytes of the name of a series of keys: two series of one stream do not share a name by chance. */
const SERIES_BYTES = 5;
/** Derived keys that are remembered; a derivation takes some 10 µs. */
const MAX_KEYS = 64;

/** What the keys are derived from; structured clone can copy it. */
export interface ContentKeySettings {
  /** Of this stream or asset, hex digits of 32 bytes. */
  readonly secret: string;
  /** Segments that have the same key; at least 1. */
  readonly keyEvery: number;
}

/** A key with the initialization vector of its segments, 16 bytes each. */
export interface ContentKey {
  readonly name: string;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/**
 * Derives the settings of one stream or asset from the secret of the server.
 *
 * @param owner e.g. `stream/ID`
 */
export function deriveSettings(serverSecret: Uint8Array, owner: string, keyEvery: number): ContentKeySettings {
  return { secret: derive(serverSecret, `oxbow content keys of ${owner}`, 32).toString('hex'), keyEvery };
}

export class ContentKeys {
  readonly settings: ContentKeySettings;
  /** Another secret or another number of segments is another series: names do not return with other bytes. */
  readonly series: string;
  readonly #secret: Buffer;
  readonly #derived = new Map<number, ContentKey>();

  constructor(settings: ContentKeySettings) {
    this.settings = settings;
    this.#secret = Buffer.from(settings.secret, 'hex');
    this.series = derive(this.#secret, `series ${settings.keyEvery}`, SERIES_BYTES).toString('hex');
  }

  /** The key of a segment. */
  at(msn: number): ContentKey {
    return this.#derive(Math.floor(msn / this.settings.keyEvery));
  }

  /** A key by its name. @throws OxbowError `not-found` for one that these are not */
  find(name: string): ContentKey {
    const [series, digits] = name.split('-') as [string, string];
    const number = Number(digits);
    if (series !== this.series || !Number.isSafeInteger(number) || String(number) !== digits) throw unknownKey(name);
    return this.#derive(number);
  }

  /**
   * The protection of segments in a playlist.
   *
   * @param folder of the stream or asset relative to the playlist: empty, or with a slash at its end
   */
  protectionIn(folder: string): ProtectionOf {
    const { keyEvery } = this.settings;
    let last: Protection | undefined;
    let lastNumber = -1;
    return (msn) => {
      const number = Math.floor(msn / keyEvery);
      if (last && number === lastNumber) return last;
      const { name, iv } = this.at(msn);
      const uri = `${folder}${KEYS_FOLDER}/${keyFileOf(name)}`;
      const keys = [{ method: 'AES-128', uri, iv: Buffer.from(iv).toString('hex') }];
      last = { keys, folder: keyFolderOf(name) };
      lastNumber = number;
      return last;
    };
  }

  #derive(number: number): ContentKey {
    const known = this.#derived.get(number);
    if (known) return known;
    const bytes = derive(this.#secret, `key ${this.settings.keyEvery} ${number}`, 2 * KEY_BYTES);
    const name = `${this.series}-${number}`;
    const derived = { name, key: bytes.subarray(0, KEY_BYTES), iv: bytes.subarray(KEY_BYTES) };
    this.#derived.set(number, derived);
    dropOldest(this.#derived, MAX_KEYS);
    return derived;
  }
}

/** The refusal of a key that is not one of the stream now. */
export function unknownKey(name: string): OxbowError {
  return new OxbowError('not-found', `There is no content key ${name} here; load the playlist again.`);
}

function derive(secret: Uint8Array, use: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', use, bytes));
}
