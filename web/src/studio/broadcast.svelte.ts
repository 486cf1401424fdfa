/**
 * Publishes one picture and one sound to a stream: has a key for as long as it publishes, follows what
 * arrives.
 * In: the API, the selected stream, tracks. Out: fields for the studio and the recording of a call.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { ApiError, type Failure, failureOf, getStream } from '../api/client.ts';
import { poll } from '../api/poll.ts';
import { createKey, revokeKey } from '../api/publishing.ts';
import type { SentFigures } from './sent-figures.ts';
import { StreamSelection } from './stream-selection.svelte.ts';
import { WhipClient, type WhipState } from './whip-client.ts';

/** Size of the picture, pixels, and the most bits per second of its video. */
export const qualities = {
  '1080': { width: 1920, height: 1080, bitrate: 4_500_000 },
  '720': { width: 1280, height: 720, bitrate: 2_500_000 },
  '360': { width: 640, height: 360, bitrate: 800_000 },
} as const;
/** One of them. */
export type Quality = keyof typeof qualities;

/** `off`: not publishing. */
type BroadcastState = 'off' | 'connecting' | 'live' | 'reconnecting';

/** The published media; the tracks stay the caller's. */
export interface BroadcastMedia {
  readonly video: MediaStreamTrack | null;
  readonly audio: MediaStreamTrack | null;
  /** Most bits per second of the video. */
  readonly maxBitrate: number;
}

/** What a broadcast is created with. */
interface BroadcastParts {
  /** Name of the stream; empty: a new one. */
  readonly stream: string;
  /** Name of a new stream; if it is taken, one like it is suggested. */
  readonly newName: string;
  /** Label of its keys. */
  readonly label: string;
  /** Publishing has ended without `stop`: it was refused. */
  readonly onRefused?: () => void;
}

const EVERY_MS = 1_000;
/** The key is revoked at the end; this is for a tab that was closed. */
const KEY_EXPIRES = '24h';

/** One broadcast after the other; `close` ends the last one and all requests. */
export class Broadcast {
  /** Where the next broadcast is published. */
  readonly selection: StreamSelection;
  state = $state<BroadcastState>('off');
  /** Why publishing, or a request, failed; null if it did not. */
  failure = $state.raw<Failure | null>(null);
  /** What the server says of the stream that is published; null before the first answer. */
  view = $state.raw<StreamView | null>(null);
  figures = $state.raw<SentFigures | null>(null);
  /** Seconds since it was live for the first time. */
  liveS = $state(0);
  /** Name of the stream that was published last; empty if none was. */
  published = $state('');
  #liveSinceMs: number | null = null;
  #client: WhipClient | null = null;
  #key: { readonly stream: string; readonly id: string } | null = null;
  readonly #parts: BroadcastParts;
  readonly #ends = new AbortController();

  constructor(parts: BroadcastParts) {
    this.#parts = parts;
    this.selection = new StreamSelection(parts.stream, parts.newName);
  }

  /** It publishes, or is about to. */
  get isOn(): boolean {
    return this.state !== 'off';
  }

  /** Requests until `close`. */
  open(): void {
    const { signal } = this.#ends;
    void this.#readStreams(signal);
    poll(EVERY_MS, () => this.#tick(signal), { signal });
    // A closed tab ends its session; otherwise the stream would wait 15 s for it.
    addEventListener('pagehide', () => void this.#client?.stop(), { signal });
  }

  /** Ends publishing and all requests. */
  close(): void {
    void this.stop();
    this.#ends.abort();
  }

  /**
   * Publishes.
   *
   * @param media called once there is a key; what it throws is the failure
   */
  async start(media: () => BroadcastMedia | Promise<BroadcastMedia>): Promise<void> {
    if (this.isOn) return;
    const { signal } = this.#ends;
    this.failure = null;
    this.view = null;
    this.figures = null;
    this.#liveSinceMs = null;
    this.liveS = 0;
    this.state = 'connecting';
    try {
      const name = await this.#chosen(signal);
      const { id, key } = await createKey(name, { label: this.#parts.label, expires: KEY_EXPIRES }, signal);
      this.#key = { stream: name, id };
      const tracks = this.isOn ? await media() : null;
      if (!tracks || !this.isOn || signal.aborted) return await this.#forgetKey();
      this.published = name;
      this.#client = new WhipClient({
        url: `/whip/${name}`,
        key,
        ...tracks,
        onChange: (state, failure) => this.#changed(state, failure),
      });
    } catch (error) {
      void this.#forgetKey();
      if (signal.aborted) return;
      this.state = 'off';
      this.failure = failureOf(error);
      this.#parts.onRefused?.();
    }
  }

  /** Publishes another picture, without an interruption. */
  replaceVideo(track: MediaStreamTrack | null): void {
    void this.#client?.replaceVideo(track);
  }

  /** Ends publishing, and revokes the key. */
  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    this.state = 'off';
    this.failure = null;
    await client?.stop();
    await this.#forgetKey();
  }

  /** The name of the stream to publish; creates a new one. */
  async #chosen(signal: AbortSignal): Promise<string> {
    const { selection } = this;
    if (selection.stream !== '') return selection.stream;
    const name = await selection.create(signal);
    await this.#readStreams(signal);
    return name;
  }

  /** Whether it is revoked or expires makes no difference to the user. */
  async #forgetKey(): Promise<void> {
    const key = this.#key;
    this.#key = null;
    if (key) await revokeKey(key.stream, key.id, new AbortController().signal).catch(() => null);
  }

  #changed(state: WhipState, failure: Failure | null): void {
    if (this.#client === null && state === 'ended') return; // stopped by the user
    this.failure = failure;
    if (state === 'live') this.#liveSinceMs ??= Date.now();
    if (state !== 'ended') {
      this.state = state;
      return;
    }
    this.state = 'off';
    this.#client = null;
    void this.#forgetKey();
    this.#parts.onRefused?.();
  }

  async #readStreams(signal: AbortSignal): Promise<void> {
    try {
      await this.selection.read(signal);
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    if (!this.isOn || this.published === '') return;
    if (this.#liveSinceMs !== null) this.liveS = Math.floor((Date.now() - this.#liveSinceMs) / 1000);
    this.figures = (await this.#client?.figures()) ?? null;
    try {
      this.view = await getStream(this.published, signal);
    } catch (error) {
      if (signal.aborted || error instanceof ApiError) return; // the publisher reports what matters
      throw error;
    }
  }
}
