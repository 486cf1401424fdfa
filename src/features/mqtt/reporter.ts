/**
 * Keeps an MQTT server up to date: the retained messages of the streams of this node, and their events.
 * In: events, views of streams, commands. Out: messages. Nothing waits for it; while the server is away
 * events are dropped, and its next connection gets all states again.
 */
import type { OxbowEvent } from '../../api/events.ts';
import type { StreamView } from '../../api/shapes.ts';
import { sleep } from '../../lib/abort.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { type LastClip, type Messages, messagesOf, removalOf, type TopicNames } from './stream-topics.ts';

/** Events that wait for the server; the oldest are dropped. */
const MAX_EVENTS = 200;
/** The change of the picture is measured this often. */
const MOTION_EVERY_MS = 10_000;
/** Changes of a stream within this time are one, ms. */
const GATHER_MS = 200;
/** Pause after a failure, ms. */
const AGAIN_MS = 1000;

/** Sends messages. */
export interface Sender {
  readonly isConnected: boolean;
  greet(): Promise<void>;
  publish(topic: string, payload: string, options: { readonly retain: boolean }): Promise<void>;
}

/** Dependencies of a reporter. */
export interface ReporterOptions {
  readonly names: TopicNames;
  readonly sender: Sender;
  /** Names of the streams of this node. */
  readonly streams: () => readonly string[];
  readonly view: (name: string) => Promise<StreamView | undefined>;
  /** The largest change of the picture within the last seconds, 0 to 255; undefined: not known. */
  readonly change: (name: string) => Promise<number | undefined>;
  /** Change that counts as motion, 0 to 255. */
  readonly motionFrom: number;
  readonly metrics: Pick<Metrics, 'mqttMessages'>;
  readonly signal: AbortSignal;
  readonly failed: (error: unknown) => void;
}

/** What a server knows of the streams of this node. */
export class StreamReporter {
  readonly #options: ReporterOptions;
  /** What the server was sent of each stream, since it is connected. */
  readonly #sent = new Map<string, Map<string, string>>();
  readonly #changed = new Set<string>();
  readonly #removed = new Set<string>();
  readonly #clips = new Map<string, LastClip>();
  readonly #motion = new Map<string, boolean>();
  /** Streams whose cameras notice motion now. */
  readonly #noticed = new Set<string>();
  readonly #events = new Set<OxbowEvent>();
  #greets = false;
  #wake = Promise.withResolvers<void>();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** A new connection: the server gets everything. */
  connected(): void {
    this.#greets = true;
    this.#sent.clear();
    for (const name of this.#options.streams()) this.#changed.add(name);
    this.#wake.resolve();
  }

  /** A stream has changed, or was a moment ago taken over. */
  changed(name: string): void {
    this.#changed.add(name);
    this.#wake.resolve();
  }

  /** An event of this node. */
  event(event: OxbowEvent): void {
    const { stream } = event;
    if (stream === null) return;
    if (event.type === 'clip.created') {
      const { id, title } = event.data as OxbowEvent<'clip.created'>['data'];
      this.#clips.set(stream, { id, title, createdAt: event.at });
    }
    if (event.type === 'camera.event') {
      const { kind, on } = event.data as OxbowEvent<'camera.event'>['data'];
      if (kind === 'motion') this.#notice(stream, on);
    }
    if (event.type === 'stream.removed') this.#removed.add(stream);
    else if (event.type === 'stream.created') this.#removed.delete(stream);
    this.#events.add(event);
    const dropped = this.#events.size - MAX_EVENTS;
    dropOldest(this.#events, MAX_EVENTS);
    if (dropped > 0) this.#options.metrics.mqttMessages.inc({ result: 'dropped' }, dropped);
    this.changed(stream);
  }

  /** What a camera says of motion counts at once; without it the picture decides. */
  #notice(stream: string, isOn: boolean): void {
    if (isOn) this.#noticed.add(stream);
    else this.#noticed.delete(stream);
    this.#motion.set(stream, isOn);
  }

  /** Reports until the signal fires. Never rejects. */
  async run(): Promise<void> {
    const { signal, sender, failed, names } = this.#options;
    const motion = names.motion ? this.#watchMotion() : undefined;
    const ended = () => this.#wake.resolve();
    signal.addEventListener('abort', ended, { once: true });
    while (!signal.aborted) {
      await this.#wake.promise;
      await sleep(GATHER_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
      this.#wake = Promise.withResolvers();
      if (signal.aborted) break;
      try {
        if (sender.isConnected) await this.#report();
        else this.#drop();
      } catch (error) {
        failed(error);
        await sleep(AGAIN_MS, { signal }).catch(() => undefined); // as above
        this.#wake.resolve();
      }
    }
    await motion;
  }

  async #report(): Promise<void> {
    const { sender, signal } = this.#options;
    if (this.#greets) await sender.greet();
    this.#greets = false;
    for (const event of this.#events) {
      this.#events.delete(event);
      await this.#send(`${this.#options.names.prefix}/streams/${event.stream}/event`, JSON.stringify(event), false);
    }
    for (const name of this.#changed) {
      if (signal.aborted) return;
      this.#changed.delete(name);
      try {
        await this.#reportStream(name);
      } catch (error) {
        this.#changed.add(name); // for the next turn
        throw error;
      }
    }
  }

  async #reportStream(name: string): Promise<void> {
    const { streams, view } = this.#options;
    const now = streams().includes(name) ? await view(name) : undefined;
    if (now) await this.#sendStream(name, now);
    else if (this.#removed.has(name)) await this.#remove(name);
    else this.#forget(name);
  }

  async #sendStream(name: string, view: StreamView): Promise<void> {
    const facts = { view, motion: this.#motion.get(name), clip: this.#clips.get(name) };
    const sent = this.#sent.get(name) ?? new Map<string, string>();
    this.#sent.set(name, sent);
    for (const [topic, payload] of messagesOf(facts, this.#options.names)) {
      if (sent.get(topic) === payload) continue;
      await this.#send(topic, payload, true);
      sent.set(topic, payload);
    }
  }

  async #remove(name: string): Promise<void> {
    this.#forget(name);
    const messages: Messages = removalOf(name, this.#options.names);
    for (const [topic, payload] of messages) await this.#send(topic, payload, true);
    this.#removed.delete(name);
  }

  /** The stream has ended here, or another node has it now. */
  #forget(name: string): void {
    this.#sent.delete(name);
    this.#clips.delete(name);
    this.#motion.delete(name);
    this.#noticed.delete(name);
  }

  async #send(topic: string, payload: string, retain: boolean): Promise<void> {
    await this.#options.sender.publish(topic, payload, { retain });
    this.#options.metrics.mqttMessages.inc({ result: 'sent' });
  }

  #drop(): void {
    this.#options.metrics.mqttMessages.inc({ result: 'dropped' }, this.#events.size);
    this.#events.clear();
  }

  async #watchMotion(): Promise<void> {
    const { signal, streams, change, motionFrom, sender, failed } = this.#options;
    while (!signal.aborted) {
      await sleep(MOTION_EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
      for (const name of signal.aborted || !sender.isConnected ? [] : streams()) {
        if (this.#noticed.has(name)) continue;
        const now = await change(name).catch(failed);
        const was = this.#motion.get(name);
        if (now === undefined) this.#motion.delete(name);
        else this.#motion.set(name, now >= motionFrom);
        if (this.#motion.get(name) !== was) this.changed(name);
      }
    }
  }
}
