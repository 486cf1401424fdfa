/**
 * The content keys of all streams and assets of a server.
 * In: the secret of the server, the settings. Out: ContentKeys of one stream or asset.
 */
import { dropOldest } from '../../lib/drop-oldest.ts';
import { ContentKeys, deriveSettings } from './content-keys.ts';

/** How media is encrypted. */
export type Encryption = 'none' | 'aes-128';

/** Streams and assets whose keys are remembered, about 1 KB each. */
const MAX_OWNERS = 4096;

export class ContentKeyring {
  readonly #serverSecret: Uint8Array;
  readonly #keyEvery: number;
  readonly #byOwner = new Map<string, ContentKeys>();

  /** @param keyEvery segments that have the same key */
  constructor(serverSecret: Uint8Array, keyEvery: number) {
    this.#serverSecret = serverSecret;
    this.#keyEvery = keyEvery;
  }

  ofStream(streamId: string): ContentKeys {
    return this.#of(`stream/${streamId}`);
  }

  ofAsset(assetId: string): ContentKeys {
    return this.#of(`asset/${assetId}`);
  }

  #of(owner: string): ContentKeys {
    const known = this.#byOwner.get(owner);
    if (known) return known;
    const keys = new ContentKeys(deriveSettings(this.#serverSecret, owner, this.#keyEvery));
    this.#byOwner.set(owner, keys);
    dropOldest(this.#byOwner, MAX_OWNERS);
    return keys;
  }
}
