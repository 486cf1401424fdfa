/**
 * What a publisher needs: the keys of a stream, and the addresses with the key that was created last.
 * In: the API. Out: the components with the fields to copy and the forms of keys.
 */
import { type Failure, failureOf } from '../api/client.ts';
import {
  type CreatedPublishKey,
  createKey,
  getKeys,
  getPublishAddresses,
  getSettings,
  type KeySettings,
  type PublishAddresses,
  type PublishKeyView,
  rotateKey,
} from '../api/publishing.ts';
import { withSecrets } from './key-options.ts';

/** How long a replaced key stays valid. */
const OVERLAP = '1h';

/** The keys and addresses of one stream; requests end with the signal of the page. */
export class PublishSetup {
  /** Name of the stream. */
  readonly name: string;
  /** Null before the first answer. */
  keys = $state.raw<readonly PublishKeyView[] | null>(null);
  /** The key that was created on this page, with its secret. */
  created = $state.raw<CreatedPublishKey | null>(null);
  /** Why a request failed; null if none did since the last try to create a key. */
  failure = $state.raw<Failure | null>(null);
  isCreating = $state(false);
  /** The form of a new key is open, although there are others. */
  wantsKey = $state(false);
  /** Settings of the server: the addresses on which it listens. */
  serverSettings = $state.raw<readonly { readonly path: string; readonly value: string }[]>([]);
  /** The passphrase of SRT that was set on this page; empty if it is not known. */
  passphrase = $state('');
  /** With the word KEY in place of a key; null before the first answer. */
  #plainAddresses = $state.raw<PublishAddresses | null>(null);
  readonly #signal: AbortSignal;
  /** Where to publish, with the created key if there is one. */
  readonly addresses = $derived.by<PublishAddresses | null>(() => {
    const secrets = { key: this.created?.key ?? '', passphrase: this.passphrase };
    const { srt, ...others } = this.#plainAddresses ?? {};
    if (!this.#plainAddresses) return this.created?.publish ?? null;
    return { ...others, ...this.created?.publish, ...(srt !== undefined && { srt: withSecrets(srt, secrets) }) };
  });

  /** @param first the key that was created together with the stream; null if none was */
  constructor(name: string, first: CreatedPublishKey | null, signal: AbortSignal) {
    this.name = name;
    this.created = first;
    this.#signal = signal;
  }

  /** Requests the keys now, and what does not change the first time. */
  async read(): Promise<void> {
    try {
      if (!this.#plainAddresses) {
        await this.readAddresses();
        this.serverSettings = await getSettings(this.#signal);
      }
      this.keys = await getKeys(this.name, this.#signal);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Requests the addresses to publish to: settings of the stream may have changed them. */
  async readAddresses(): Promise<void> {
    this.#plainAddresses = await getPublishAddresses(this.name, this.#signal);
  }

  /** Creates a key and shows it. */
  create(settings: KeySettings): Promise<void> {
    return this.#show(createKey(this.name, settings, this.#signal));
  }

  /** Creates a key in place of another one, which stays valid for an hour, and shows it. */
  rotate({ id }: PublishKeyView): Promise<void> {
    return this.#show(rotateKey(this.name, id, OVERLAP, this.#signal));
  }

  async #show(key: Promise<CreatedPublishKey>): Promise<void> {
    this.isCreating = true;
    this.failure = null;
    try {
      this.created = await key;
      await this.read();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.isCreating = false;
    }
  }

  #failed(error: unknown): void {
    if (!this.#signal.aborted) this.failure = failureOf(error);
  }
}
