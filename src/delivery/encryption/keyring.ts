/**
 * The content keys of all streams and assets of a server.
 * In: the secret of the server, the settings. Out: ContentKeys of one stream or asset.
 */
import { dropOldest } from '../../lib/drop-oldest.ts';
import { type CommonSettings, ContentKeys, deriveSettings } from './content-keys.ts';
import type { KeySource } from './drm-key.ts';

/** How media is encrypted. */
export type Encryption = 'none' | 'aes-128' | 'cbcs';

/** Streams and assets whose keys are remembered, about 1 KB each. */
const MAX_OWNERS = 4096;

/** How common encryption is used. */
interface CommonOptions {
  readonly settings: CommonSettings;
  /** The keys of an owner from the key server; undefined: they are derived. */
  readonly sourceOf?: ((owner: string) => KeySource) | undefined;
}

const CLEAR_KEY: CommonOptions = { settings: { hasClearKey: true, isServed: false, publicUrl: '' } };

export class ContentKeyring {
  readonly #serverSecret: Uint8Array;
  readonly #keyEvery: number;
  readonly #common: CommonOptions;
  readonly #byOwner = new Map<string, ContentKeys>();

  /** @param keyEvery segments that have the same key */
  constructor(serverSecret: Uint8Array, keyEvery: number, common: CommonOptions = CLEAR_KEY) {
    this.#serverSecret = serverSecret;
    this.#keyEvery = keyEvery;
    this.#common = common;
  }

  /** The keys of a stream; undefined: its segments are clear. */
  ofStream(streamId: string, encryption: Encryption): ContentKeys | undefined {
    return this.#of(`stream/${streamId}`, encryption);
  }

  /** The keys of an asset; undefined: its segments are clear. */
  ofAsset(assetId: string, encryption: Encryption): ContentKeys | undefined {
    return this.#of(`asset/${assetId}`, encryption);
  }

  #of(owner: string, encryption: Encryption): ContentKeys | undefined {
    if (encryption === 'none') return undefined;
    const id = `${encryption} ${owner}`;
    const known = this.#byOwner.get(id);
    if (known) return known;
    const keys = this.#make(owner, encryption);
    this.#byOwner.set(id, keys);
    dropOldest(this.#byOwner, MAX_OWNERS);
    return keys;
  }

  #make(owner: string, encryption: Encryption): ContentKeys {
    if (encryption === 'aes-128') return new ContentKeys(deriveSettings(this.#serverSecret, owner, this.#keyEvery));
    const { settings, sourceOf } = this.#common;
    return new ContentKeys(deriveSettings(this.#serverSecret, owner, this.#keyEvery, settings), sourceOf?.(owner));
  }
}
