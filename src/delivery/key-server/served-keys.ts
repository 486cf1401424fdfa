/**
 * The keys that a key server has given: each is requested once for all players, and the next one of a stream
 * before it is needed. They are only in memory.
 * In: a key server. Out: KeySources of streams and assets. docs/decisions/0105.
 */
import { hexOf } from '@oxbow/media/cenc/protection';
import { waitFor } from '../../lib/abort.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { DrmKey, KeySource, NumberedKey } from '../encryption/drm-key.ts';
import type { KeyServer } from './key-server.ts';

/** Keys in memory, some KB each. */
const MAX_KEYS = 4096;
/** Requests in progress; further ones wait for the next playlist. */
const MAX_REQUESTS = 64;

interface ServedKeysOptions {
  readonly server: KeyServer;
  /** Ends all requests. */
  readonly signal: AbortSignal;
  /** A key was not given; called for each request. */
  readonly failed: (error: unknown) => void;
}

export class ServedKeys {
  readonly #options: ServedKeysOptions;
  /** By key id, least recently used first. */
  readonly #known = new Map<string, DrmKey>();
  readonly #requests = new Map<string, Promise<void>>();

  constructor(options: ServedKeysOptions) {
    this.#options = options;
  }

  /** The keys of a stream or asset. @param content e.g. `stream/ID` */
  sourceOf(content: string): KeySource {
    return {
      find: (key) => this.#find(key),
      load: async (key, { signal }) => {
        await waitFor(this.#request(content, key), { signal });
      },
      expect: (key) => {
        if (this.#known.has(hexOf(key.kid)) || this.#requests.size >= MAX_REQUESTS) return;
        this.#request(content, key).catch(() => undefined); // `failed` was called
      },
    };
  }

  #find({ kid }: NumberedKey): DrmKey | undefined {
    const id = hexOf(kid);
    const key = this.#known.get(id);
    if (!key) return undefined;
    this.#known.delete(id);
    this.#known.set(id, key);
    return key;
  }

  #request(content: string, { kid, number }: NumberedKey): Promise<void> {
    const id = hexOf(kid);
    if (this.#known.has(id)) return Promise.resolve();
    const running = this.#requests.get(id);
    if (running) return running;
    const { server, signal, failed } = this.#options;
    const request = server
      .keyOf({ content, kid, number }, { signal })
      .then((key) => {
        this.#known.set(id, key);
        dropOldest(this.#known, MAX_KEYS);
      })
      .catch((error: unknown) => {
        if (!signal.aborted) failed(error);
        throw error;
      })
      .finally(() => this.#requests.delete(id));
    this.#requests.set(id, request);
    return request;
  }
}
