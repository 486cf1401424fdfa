/**
 * The contract of stream keys, as the HTTP API calls it. Names are valid and times checked; each call refuses
 * with an OxbowError.
 * In: http/routes calls it. Out: streams/publish implements it. Types only.
 */
import type { PublishKeyView } from './publish-shapes.ts';

/** The settings of a new key. */
export interface NewKey {
  readonly label: string;
  /** Ranges of addresses. */
  readonly allow: readonly string[];
  /** Ms since 1970; undefined: it does not expire. */
  readonly expiresMs: number | undefined;
}

/** How a key is replaced. */
export interface KeyRotation {
  /** How long the old key stays valid, ms. */
  readonly overlapMs: number;
  /** Expiry of the new key, ms since 1970; undefined: that of the old one. */
  readonly expiresMs: number | undefined;
}

/** A new key. */
export interface KeyWithSecret {
  readonly view: PublishKeyView;
  readonly secret: string;
  /** The stream for its addresses; for a key with a prefix an example. */
  readonly stream: string;
}

/**
 * Keys of streams, and keys for names with a prefix: `stream` is a name, or null for the latter. Calls with a
 * name refuse `stream-unknown`.
 */
export interface PublishKeysApi {
  /** Oldest first, including expired ones. */
  list(stream: string | null): readonly PublishKeyView[];
  /** Refuses `bad-request` for an invalid range, `limit-reached`. */
  create(stream: string, key: NewKey): Promise<KeyWithSecret>;
  /** Refuses as `create`. */
  createForPrefix(prefix: string, key: NewKey & { readonly maxStreams: number | undefined }): Promise<KeyWithSecret>;
  /** Refuses `key-unknown`, `limit-reached`. */
  rotate(stream: string | null, id: string, rotation: KeyRotation): Promise<KeyWithSecret>;
  /** Refuses `key-unknown`. */
  remove(stream: string | null, id: string): Promise<void>;
  /**
   * For the removal of a stream: returns a function that revokes the keys that it has now. Unknown streams
   * have none.
   */
  revokerOf(stream: string): () => Promise<void>;
}
