/**
 * The content keys of one stream or asset: a key for every so many segments, derived from one secret, so that
 * every thread, node and later process has the same ones, and nothing of them is stored. Keys of common
 * encryption may come from a key server instead.
 * In: the secret of the stream, MSNs. Out: keys by name, and the protection of segments for playlists.
 * RFC 5869; RFC 8216bis 4.4.4.4; ISO/IEC 23001-7; docs/decisions/0104, docs/decisions/0105.
 */
import { hkdfSync } from 'node:crypto';
import { sameBytes } from '@oxbow/media/bytes';
import { uuidOf } from '@oxbow/media/cenc/protection';
import type { KeyTag } from '@oxbow/media/m3u8/playlist';
import { KEYS_FOLDER, keyFileOf, keyFolderOf, LICENCE_FILE } from '../../api/content-key-name.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import { liveMsnOf } from '../../recording/healed/healed-numbers.ts';
import type { CommonProtection, Protection, ProtectionOf } from '../format/protection.ts';
import { contentProtectionOf, type DrmSystem, type KeySource, keyTagsOf } from './drm-key.ts';

/** Bytes of a key and of an initialization vector of AES-128. */
const KEY_BYTES = 16;
/** Bytes of the name of a series of keys: two series of one stream do not share a name by chance. */
const SERIES_BYTES = 5;
/** Bytes of the number in a key id. */
const NUMBER_BYTES = 6;
/** Derived keys that are remembered; a derivation takes some 10 µs. */
const MAX_KEYS = 64;
/** Starts of Periods that are remembered: those of a live window of four hours with a key every 10 s. */
const MAX_STARTS = 2048;
/** Keys of one playlist that a key server is requested for. */
const MAX_REQUESTED = 2000;
/** Requests at once. */
const AT_ONCE = 8;
const WITHIN_MS = 20_000;

/** What the keys are derived from; structured clone can copy it. */
export interface ContentKeySettings {
  /** Of this stream or asset, hex digits of 32 bytes. */
  readonly secret: string;
  /** Segments that have the same key; at least 1. */
  readonly keyEvery: number;
  /** Common encryption (`cbcs`); absent: AES-128 of whole segments. */
  readonly common?: CommonSettings | undefined;
}

/** How common encryption is used. */
export interface CommonSettings {
  /** Players may get the keys here, by ClearKey. */
  readonly hasClearKey: boolean;
  /** KEYFORMAT of ClearKey in playlists. */
  readonly clearKeyFormat?: string | undefined;
  /** The keys come from a key server, which only the main thread calls. */
  readonly isServed: boolean;
  /** Address of this server without a slash at its end; empty: addresses in manifests begin with a slash. */
  readonly publicUrl: string;
}

/** A key with the initialization vector of its segments, 16 bytes each. */
export interface ContentKey {
  readonly name: string;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  /** Only of common encryption. */
  readonly common?: CommonKey;
}

/** What common encryption adds to a key. */
export interface CommonKey {
  /** 16 bytes: the series, the number, and bytes that only this server derives. */
  readonly kid: Uint8Array;
  readonly systems: readonly DrmSystem[];
  readonly hasClearKey: boolean;
}

/**
 * Derives the settings of one stream or asset from the secret of the server.
 *
 * @param owner e.g. `stream/ID`
 */
export function deriveSettings(
  serverSecret: Uint8Array,
  owner: string,
  keyEvery: number,
  common?: CommonSettings,
): ContentKeySettings {
  const secret = derive(serverSecret, `oxbow content keys of ${owner}`, 32).toString('hex');
  return common ? { secret, keyEvery, common } : { secret, keyEvery };
}

export class ContentKeys {
  readonly settings: ContentKeySettings;
  /** Another secret or another number of segments is another series: names do not return with other bytes. */
  readonly series: string;
  readonly #secret: Buffer;
  readonly #source: KeySource | undefined;
  readonly #derived = new Map<number, ContentKey>();
  /** Where the Period of a key begins, µs since 1970. */
  readonly #starts = new Map<number, number>();

  /** @param source gives the keys where they are not derived */
  constructor(settings: ContentKeySettings, source?: KeySource) {
    this.settings = settings;
    this.#source = source;
    this.#secret = Buffer.from(settings.secret, 'hex');
    this.series = this.#derive(`series ${settings.keyEvery}`, SERIES_BYTES).toString('hex');
  }

  /** Its segments use common encryption: playlists and manifests name an init section for each key. */
  get isCommon(): boolean {
    return this.settings.common !== undefined;
  }

  /** The keys are in another thread, which must answer. */
  get isElsewhere(): boolean {
    return this.settings.common?.isServed === true && !this.#source;
  }

  /** Whether the keys of a live window are there without a wait. */
  hasAll(segments: readonly { readonly msn: number }[]): boolean {
    const [first, last] = [segments[0], segments.at(-1)];
    const source = this.#source;
    if (!source || !first || !last) return true;
    for (let number = this.#numberAt(first.msn); number <= this.#numberAt(last.msn + 1); number++) {
      if (!source.find(this.#periodOf(number))) return false;
    }
    return true;
  }

  /** The key of a segment. @throws OxbowError `key-server-failed` while the key server has not given it */
  at(msn: number): ContentKey {
    return this.#find(this.#numberAt(msn));
  }

  /** A key by its name. @throws OxbowError `not-found` for one that these are not; as `at` */
  find(name: string): ContentKey {
    return this.#find(this.#numberOf(name));
  }

  /** The key with an id; undefined for one that these are not. @throws OxbowError as `ready` */
  async withId(kid: Uint8Array, options: { readonly signal: AbortSignal }): Promise<ContentKey | undefined> {
    if (kid.length !== KEY_BYTES) return undefined;
    const number = Buffer.from(kid).readUIntBE(SERIES_BYTES, NUMBER_BYTES);
    if (!sameBytes(kid, this.#kidOf(number))) return undefined;
    await this.ready(number * this.settings.keyEvery, options);
    return this.#find(number);
  }

  /**
   * A key by its name, for players.
   *
   * @throws OxbowError `not-found` for one that these are not, and where players get no keys here; as `ready`
   */
  async forPlayer(name: string, { signal }: { readonly signal: AbortSignal }): Promise<ContentKey> {
    if (this.settings.common?.hasClearKey === false) throw unknownKey(name);
    await this.readyNamed(name, { signal });
    return this.find(name);
  }

  /**
   * Waits until the key server has given the keys of segments; derived keys are always there.
   *
   * @param lastMsn default: only the first
   * @throws OxbowError `key-server-failed`; `window-too-long` for more than 2,000 keys
   */
  async ready(firstMsn: number, options: ReadyOptions = {}): Promise<void> {
    const { lastMsn = firstMsn, signal = AbortSignal.timeout(WITHIN_MS) } = options;
    const source = this.#source;
    if (!source) return;
    const wanted: number[] = [];
    const last = this.#numberAt(lastMsn);
    for (let number = this.#numberAt(firstMsn); number <= last; number++) {
      if (wanted.length === MAX_REQUESTED) {
        throw new OxbowError('window-too-long', `The playlist has more than ${MAX_REQUESTED} content keys.`);
      }
      if (!source.find(this.#periodOf(number))) wanted.push(number);
    }
    const next = wanted.values();
    const work = async () => {
      for (const number of next) await source.load(this.#periodOf(number), { signal });
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, wanted.length) }, work));
  }

  /** As `ready`, for a key by its name. */
  async readyNamed(name: string, options: { readonly signal: AbortSignal }): Promise<void> {
    await this.ready(this.#numberOf(name) * this.settings.keyEvery, options);
  }

  /**
   * The protection of segments in a playlist or a manifest.
   *
   * @param folder of the stream or asset relative to the playlist: empty, or with a slash at its end
   * @param path of the stream or asset on this server, e.g. `/live/door/`; only for manifests
   */
  protectionIn(folder: string, path?: string): ProtectionOf {
    let last: Protection | undefined;
    let lastNumber = -1;
    return (msn) => {
      const number = this.#numberAt(msn);
      if (last && number === lastNumber) return last;
      last = this.#protectionOf(number, folder, path);
      lastNumber = number;
      return last;
    };
  }

  /** The tags of a segment's key for a Multivariant Playlist; only of common encryption. */
  sessionKeysAt(msn: number, folder: string): readonly KeyTag[] {
    return this.isCommon ? this.#tagsOf(this.at(msn), folder) : [];
  }

  #protectionOf(number: number, folder: string, path: string | undefined): Protection {
    const key = this.#find(number);
    const { name, common } = key;
    const keys = this.#tagsOf(key, folder);
    if (!common) return { keys, folder: keyFolderOf(name) };
    return { keys, folder: keyFolderOf(name), coversMap: true, common: this.#shown(number, key, common, path) };
  }

  #shown(number: number, { name }: ContentKey, common: CommonKey, path: string | undefined): CommonProtection {
    const licence = `${this.settings.common!.publicUrl}${path}${KEYS_FOLDER}/${LICENCE_FILE}`;
    return {
      name,
      elements: contentProtectionOf(common, common.systems, common.hasClearKey ? licence : undefined),
      startUs: ({ msn, startUs }) => {
        const isFirst = msn === number * this.settings.keyEvery;
        const known = isFirst ? startUs : (this.#starts.get(number) ?? startUs);
        this.#starts.set(number, known);
        dropOldest(this.#starts, MAX_STARTS);
        return known;
      },
    };
  }

  #tagsOf({ name, iv, common }: ContentKey, folder: string): KeyTag[] {
    const uri = `${folder}${KEYS_FOLDER}/${keyFileOf(name)}`;
    if (common) {
      const { clearKeyFormat } = this.settings.common!;
      return keyTagsOf(common.systems, common.hasClearKey ? uri : undefined, clearKeyFormat);
    }
    return [{ method: 'AES-128', uri, iv: Buffer.from(iv).toString('hex') }];
  }

  #numberAt(msn: number): number {
    return Math.floor(liveMsnOf(msn) / this.settings.keyEvery);
  }

  #numberOf(name: string): number {
    const [series, digits] = name.split('-') as [string, string];
    const number = Number(digits);
    if (series !== this.series || !Number.isSafeInteger(number) || String(number) !== digits) throw unknownKey(name);
    return number;
  }

  #find(number: number): ContentKey {
    const known = this.#derived.get(number);
    if (known) return known;
    const made = this.settings.common ? this.#commonKey(number, this.settings.common) : this.#wholeKey(number);
    this.#derived.set(number, made);
    dropOldest(this.#derived, MAX_KEYS);
    return made;
  }

  #wholeKey(number: number): ContentKey {
    const bytes = this.#derive(`key ${this.settings.keyEvery} ${number}`, 2 * KEY_BYTES);
    return { name: this.#nameOf(number), key: bytes.subarray(0, KEY_BYTES), iv: bytes.subarray(KEY_BYTES) };
  }

  #commonKey(number: number, { hasClearKey, isServed }: CommonSettings): ContentKey {
    const bytes = this.#derive(`key ${this.settings.keyEvery} ${number}`, 2 * KEY_BYTES);
    const period = this.#periodOf(number);
    const served = isServed ? this.#source?.find(period) : undefined;
    if (served) this.#source?.expect(this.#periodOf(number + 1));
    if (isServed && !served) {
      throw new OxbowError('key-server-failed', `The key server has not given key ${uuidOf(period.kid)} yet.`);
    }
    return {
      name: this.#nameOf(number),
      key: served?.key ?? bytes.subarray(0, KEY_BYTES),
      iv: served?.iv ?? bytes.subarray(KEY_BYTES),
      common: { kid: period.kid, systems: served?.systems ?? [], hasClearKey },
    };
  }

  #periodOf(number: number): { readonly kid: Uint8Array; readonly number: number } {
    return { kid: this.#kidOf(number), number };
  }

  #kidOf(number: number): Uint8Array {
    const kid = this.#derive(`kid ${this.settings.keyEvery} ${number}`, KEY_BYTES);
    kid.write(this.series, 0, SERIES_BYTES, 'hex');
    kid.writeUIntBE(number, SERIES_BYTES, NUMBER_BYTES);
    return kid;
  }

  #nameOf(number: number): string {
    return `${this.series}-${number}`;
  }

  /** Common encryption has other keys than AES-128: one scheme does not weaken the other. */
  #derive(use: string, bytes: number): Buffer {
    return derive(this.#secret, this.settings.common ? `cbcs ${use}` : use, bytes);
  }
}

/** How long `ready` waits, and for what. */
interface ReadyOptions {
  readonly lastMsn?: number;
  /** Default: after 20 s. */
  readonly signal?: AbortSignal | undefined;
}

/** The refusal of a key that is not one of the stream now. */
export function unknownKey(name: string): OxbowError {
  return new OxbowError('not-found', `There is no content key ${name} here; load the playlist again.`);
}

function derive(secret: Uint8Array, use: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', use, bytes));
}
