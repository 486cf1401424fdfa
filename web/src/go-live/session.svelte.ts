/**
 * One visit to the page of a stream that is published to: its state, what arrives, the last refusal.
 * In: the API, events. Out: the components of the page, which read the fields and call the methods.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { type Failure, failureOf, getStream } from '../api/client.ts';
import { EventConnection, type ReceivedEvent } from '../api/event-connection.ts';
import { poll } from '../api/poll.ts';
import { type CreatedPublishKey, getStats } from '../api/publishing.ts';
import { Clock } from '../time/clock.ts';
import { type Finding, isWeak } from './advice.ts';
import type { LinkFigures } from './figures.ts';
import { lightOf, type Refusal } from './light.ts';
import { type LostConnection, lostAfter } from './lost.ts';
import { PublishSetup } from './publish-setup.svelte.ts';

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

/** The state of the page; `close` with it. */
export class GoLiveSession {
  readonly name: string;
  /** The stream in the last answer; null before the first one. */
  view = $state.raw<StreamView | null>(null);
  /** Why the last request failed; null if it did not. */
  failure = $state.raw<Failure | null>(null);
  /** The connection that was lost last; null while there is one. */
  lost = $state.raw<LostConnection | null>(null);
  /** The last refused attempt; null if there was none since the page was opened. */
  refusal = $state.raw<Refusal | null>(null);
  /** The server's time, unix milliseconds, updated each second. */
  nowMs = $state(Date.now());
  readonly clock = new Clock();
  readonly setup: PublishSetup;
  readonly #ends = new AbortController();
  readonly #events: EventConnection;
  #isReading = false;
  /** Figures of the publisher's connection. */
  link = $state.raw<LinkFigures>({});
  /** What to change, the most serious first. */
  findings = $state.raw<readonly Finding[]>([]);
  readonly light = $derived.by(() => lightOf(this.view, this.refusal, isWeak(this.findings), this.nowMs));

  /** @param first the key that was created together with the stream; null if none was */
  constructor(name: string, first: CreatedPublishKey | null) {
    this.name = name;
    this.setup = new PublishSetup(name, first, this.#ends.signal);
    this.#events = new EventConnection(`types=${TYPES.join()}`, (event) => this.#received(event), this.#ends);
  }

  /** Requests until `close`. */
  open(): void {
    const { signal } = this.#ends;
    this.clock.keep(signal);
    this.#events.keep();
    poll(EVERY_MS, () => (document.hidden && this.view ? Promise.resolve() : this.read()), { signal });
    const { setup } = this;
    poll(KEYS_EVERY_MS, () => (document.hidden && setup.keys ? Promise.resolve() : setup.read()), { signal });
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
      void this.setup.read(); // when each was last used
    }
    if (event.type !== 'events.ready') void this.read();
  }
}
