/**
 * One visit to the page of a stream that is published to: its state, its keys, what arrives, the last
 * refusal.
 * In: the API, events. Out: the components of the page, which read the fields and call the methods.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { type Failure, failureOf, getStream } from '../api/client.ts';
import { EventConnection, type ReceivedEvent } from '../api/event-connection.ts';
import { poll } from '../api/poll.ts';
import {
  type CreatedPublishKey,
  createKey,
  getKeys,
  getPublishAddresses,
  getSettings,
  getStats,
  type KeySettings,
  type PublishAddresses,
  type PublishKeyView,
  rotateKey,
} from '../api/publishing.ts';
import { Clock } from '../time/clock.ts';
import { type Finding, isWeak } from './advice.ts';
import type { LinkFigures } from './figures.ts';
import { withSecrets } from './key-options.ts';
import { lightOf, type Refusal } from './light.ts';
import { type LostConnection, lostAfter } from './lost.ts';

const EVERY_MS = 2_000;
/** Interval for what changes rarely. */
const KEYS_EVERY_MS = 15_000;
const TICK_MS = 1_000;
const TYPES = [
  'publish.started',
  'publish.refused',
  'publish.switched',
  'publish.ended',
  'stream.live',
  'stream.offline',
  'stream.changed',
  'stream.removed',
] as const;
/** How long a replaced key stays valid. */
const OVERLAP = '1h';

/** The state of the page; `close` with it. */
export class GoLiveSession {
  readonly name: string;
  /** The stream in the last answer; null before the first one. */
  view = $state.raw<StreamView | null>(null);
  /** Why the last request failed; null if it did not. */
  failure = $state.raw<Failure | null>(null);
  /** Null before the first answer. */
  keys = $state.raw<readonly PublishKeyView[] | null>(null);
  /** The key that was created on this page, with its secret. */
  created = $state.raw<CreatedPublishKey | null>(null);
  keyFailure = $state.raw<Failure | null>(null);
  isCreatingKey = $state(false);
  /** The form of a new key is open, although there are others. */
  wantsKey = $state(false);
  /** The connection that was lost last; null while there is one. */
  lost = $state.raw<LostConnection | null>(null);
  /** The last refused attempt; null if there was none since the page was opened. */
  refusal = $state.raw<Refusal | null>(null);
  /** The server's time, unix milliseconds, updated each second. */
  nowMs = $state(Date.now());
  readonly clock = new Clock();
  readonly #ends = new AbortController();
  readonly #events: EventConnection;
  #isReading = false;
  /** Figures of the publisher's connection. */
  link = $state.raw<LinkFigures>({});
  /** What to change, the most serious first. */
  findings = $state.raw<readonly Finding[]>([]);
  /** Addresses with the word KEY in place of a key; null before the first answer. */
  plainAddresses = $state.raw<PublishAddresses | null>(null);
  /** Settings of the server: the addresses on which it listens. */
  settings = $state.raw<readonly { readonly path: string; readonly value: string }[]>([]);
  readonly light = $derived.by(() => lightOf(this.view, this.refusal, isWeak(this.findings), this.nowMs));
  /** The passphrase of SRT that was set on this page; empty if it is not known. */
  passphrase = $state('');
  /** Where to publish, with the created key if there is one. */
  readonly addresses = $derived.by<PublishAddresses | null>(() => {
    const secrets = { key: this.created?.key ?? '', passphrase: this.passphrase };
    const { srt, ...others } = this.plainAddresses ?? {};
    if (!this.plainAddresses) return this.created?.publish ?? null;
    return { ...others, ...this.created?.publish, ...(srt !== undefined && { srt: withSecrets(srt, secrets) }) };
  });

  /** @param first the key that was created together with the stream; null if none was */
  constructor(name: string, first: CreatedPublishKey | null) {
    this.name = name;
    this.created = first;
    this.#events = new EventConnection(`types=${TYPES.join()}`, (event) => this.#received(event), this.#ends);
  }

  /** Requests until `close`. */
  open(): void {
    const { signal } = this.#ends;
    this.clock.keep(signal);
    this.#events.keep();
    poll(EVERY_MS, () => (document.hidden && this.view ? Promise.resolve() : this.read()), { signal });
    poll(KEYS_EVERY_MS, () => (document.hidden && this.keys ? Promise.resolve() : this.readKeys()), { signal });
    poll(TICK_MS, async () => this.#tick(), { signal });
    document.addEventListener('visibilitychange', () => document.hidden || this.read(), { signal });
  }

  /** Ends all requests. */
  close(): void {
    this.#ends.abort();
  }

  /** Requests the stream now. */
  async read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const { signal } = this.#ends;
    try {
      const view = await getStream(this.name, signal);
      this.lost = lostAfter(this.lost, this.view, view, this.nowMs);
      this.view = view;
      this.failure = null;
      await this.#readStats(signal);
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
    } finally {
      this.#isReading = false;
    }
  }

  /** Requests the keys now. */
  async readKeys(): Promise<void> {
    const { signal } = this.#ends;
    try {
      if (!this.plainAddresses) {
        await this.readAddresses();
        this.settings = await getSettings(signal);
      }
      this.keys = await getKeys(this.name, signal);
    } catch (error) {
      if (!signal.aborted) this.keyFailure = failureOf(error);
    }
  }

  /** Requests the addresses to publish to: settings of the stream may have changed them. */
  async readAddresses(): Promise<void> {
    this.plainAddresses = await getPublishAddresses(this.name, this.#ends.signal);
  }

  /** Creates a key and shows it. */
  createKey(settings: KeySettings): Promise<void> {
    return this.#create((signal) => createKey(this.name, settings, signal));
  }

  /** Creates a key in place of another one, which stays valid for an hour, and shows it. */
  rotateKey({ id }: PublishKeyView): Promise<void> {
    return this.#create((signal) => rotateKey(this.name, id, OVERLAP, signal));
  }

  async #create(ask: (signal: AbortSignal) => Promise<CreatedPublishKey>): Promise<void> {
    const { signal } = this.#ends;
    this.isCreatingKey = true;
    this.keyFailure = null;
    try {
      this.created = await ask(signal);
      await this.readKeys();
    } catch (error) {
      if (!signal.aborted) this.keyFailure = failureOf(error);
    } finally {
      this.isCreatingKey = false;
    }
  }

  async #readStats(signal: AbortSignal): Promise<void> {
    if (!this.view?.publisher) {
      this.findings = [];
      this.link = {};
      return;
    }
    const { publisher, video, audio, link, findings } = await getStats(this.name, signal);
    this.findings = findings;
    this.link = {
      ...(publisher?.encoder && { encoder: publisher.encoder }),
      ...(video?.frameRate && { frameRate: video.frameRate, bitrate: video.bitrate + (audio?.bitrate ?? 0) }),
      ...(video?.keyFrameInterval && { keyIntervalS: video.keyFrameInterval }),
      ...(link.rtt !== null && { rttMs: link.rtt }),
      ...(link.loss !== null && { lossShare: link.loss }),
    };
  }

  #tick(): void {
    this.nowMs = this.clock.now();
  }

  #received(event: ReceivedEvent): void {
    if (event.stream !== null && event.stream !== this.name) return;
    if (event.type === 'publish.refused') this.refusal = { atMs: Date.parse(event.at), ...event.data };
    if (event.type === 'publish.started') {
      this.refusal = null;
      void this.readKeys(); // when each was last used
    }
    if (event.type !== 'events.ready') void this.read();
  }
}
