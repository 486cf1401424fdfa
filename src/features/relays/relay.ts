/**
 * One relay: sends a live stream to one target, and connects again when the target was lost.
 * In: a stream, a target, a way to connect. Out: media over a RelayConnection; a readable status.
 * docs/3-publish/relay.md.
 *
 * It connects when media flows, begins with the GOP on the air, and takes frames from an inbox, which drops
 * whole GOPs when the target is slow: the source never waits.
 */

import type { LeftOutTrack } from '@oxbow/media/left-out';
import { leftOutSentence } from '../../api/left-out.ts';
import type { RelayState } from '../../api/relay/relay-shapes.ts';
import { backoffBounds, sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, reasonOf, sentenceOf } from '../../lib/errors.ts';
import { type InboxItem, type InboxSinks, openInbox } from '../../live/inbox.ts';
import type { RunContext } from '../../live/sink.ts';
import type { Stream } from '../../live/stream.ts';
import type { Net } from '../../net/net.ts';
import type { ConnectRelay, RelayConnection } from './connection.ts';
import type { RelayTarget } from './target.ts';

const BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 30_000;
/** A connection that lived this long begins with the shortest pause again, ms. */
const STEADY_MS = 30_000;
/** After the end of the media the connection stays open for a publisher that returns, ms. */
const LINGER_MS = 10_000;
/** A target that takes no byte for this long is lost, ms. */
const STALLED_MS = 30_000;
/** Shorter parts of the path of a WHIP address are words such as `publish`, characters. */
const LEAST_SECRET_PART = 16;
/** Longest reason, characters. */
const MAX_DETAIL = 300;

/** Dependencies of a relay. */
export interface RelayOptions {
  /** Of the stream. */
  readonly name: string;
  readonly stream: Pick<Stream, 'sinks' | 'placement' | 'events'>;
  readonly target: RelayTarget;
  readonly clock: Clock;
  readonly net: Pick<Net, 'resolveHost'>;
  readonly connect: ConnectRelay;
  /** Most bytes that wait for the target. */
  readonly maxQueuedBytes: number;
  /**
   * Checks an address before the connection.
   *
   * @throws OxbowError `relay-loop` if it is oxbow's own and means the same stream
   */
  readonly checkAddress: (address: string, target: RelayTarget) => void;
  /** The state, or the reason in it, has changed. */
  readonly onChange: (status: RelayStatus) => void;
  /** Bytes were sent, frames were lost: since the last call. */
  readonly onCount?: (bytes: number, lostFrames: number) => void;
}

/** State of a relay. */
export interface RelayStatus {
  readonly state: RelayState;
  /** Since when, ms since 1970. */
  readonly sinceMs: number;
  /**
   * Why the last connection ended or failed, in words, without secrets; empty if none has, and while the
   * relay is live.
   */
  readonly error: string;
  /** Next attempt, ms since 1970; undefined while none is planned. */
  readonly retryAtMs: number | undefined;
  /** Attempts since the last connection that lasted. */
  readonly attempts: number;
  /** Bytes of media sent. */
  readonly sentBytes: number;
  /** Frames that the target did not get, because it was slow. */
  readonly lostFrames: number;
  /** Tracks that the target does not get. */
  readonly leftOut: readonly LeftOutTrack[];
}

/** A relay that runs until it is closed. */
export class Relay implements AsyncDisposable {
  readonly #options: RelayOptions;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #state: RelayState = 'waiting';
  #sinceMs: number;
  #error = '';
  #retryAtMs: number | undefined;
  #attempts = 0;
  #sentBytes = 0;
  #lostFrames = 0;
  #leftOut: readonly LeftOutTrack[] = [];
  #connection: RelayConnection | undefined;
  /** Already added to `#sentBytes` and `#lostFrames`, of the connection. */
  #counted = { bytes: 0, frames: 0 };

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.nowMs();
    this.#done = this.#run(this.#abort.signal);
  }

  /** The current status. */
  get status(): RelayStatus {
    this.#count();
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      error: this.#error,
      retryAtMs: this.#retryAtMs,
      attempts: this.#attempts,
      sentBytes: this.#sentBytes,
      lostFrames: this.#lostFrames,
      leftOut: this.#leftOut,
    };
  }

  /** Disconnects. May be called twice. */
  async close(): Promise<void> {
    this.#abort.abort(new Error('the relay was stopped'));
    await this.#done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    // The GOP on the air, in which media begins or a lost target comes back, is kept while the relay
    // connects.
    using _gop = this.#options.stream.sinks.bufferGop();
    while (!signal.aborted) {
      try {
        this.#enter('waiting');
        const context = await this.#media(signal);
        await this.#attempt(context, signal);
      } catch (error) {
        if (signal.aborted) break;
        await this.#pause(error, signal);
      }
    }
    this.#count();
    this.#enter('stopped');
  }

  /** Waits until media flows. */
  #media(signal: AbortSignal): Promise<RunContext> {
    const { stream } = this.#options;
    return new Promise((resolve, reject) => {
      if (stream.placement.context) return resolve(stream.placement.context);
      const settle = () => {
        unsubscribe();
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        settle();
        reject(signal.reason);
      };
      const unsubscribe = stream.events.subscribe((event) => {
        if (event.type !== 'run') return;
        settle();
        resolve(event.context);
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Connects and relays; returns when the media has ended, throws when the target was lost. */
  async #attempt(context: RunContext, signal: AbortSignal): Promise<void> {
    const { name, stream, target, net, connect, checkAddress, clock } = this.#options;
    this.#attempts++;
    this.#enter('connecting');
    // An administrator configured the target: private addresses are allowed.
    const host = await net.resolveHost(target.host, target.port, { signal, trusted: true });
    for (const { address } of host.addresses) checkAddress(address, target);
    const requestKeyFrame = () => void stream.sinks.requestKeyFrame();
    const connection = await connect({ name, target, host, context, requestKeyFrame, signal });
    const beganMs = clock.monotonicMs();
    this.#connection = connection;
    this.#counted = { bytes: 0, frames: 0 };
    try {
      await this.#relay(connection, signal);
    } finally {
      this.#count();
      this.#connection = undefined;
      if (clock.monotonicMs() - beganMs >= STEADY_MS) this.#attempts = 0;
      await connection.close();
    }
  }

  async #relay(connection: RelayConnection, signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    let ended: string | undefined;
    void connection.closed.then((reason) => {
      ended = reason;
      stop.abort();
    });
    const onAbort = () => stop.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    let lingering: NodeJS.Timeout | undefined;
    try {
      await using inbox = openInbox(this.#countedSinks(), {
        name: 'relay',
        maxBytes: this.#options.maxQueuedBytes,
        signal: stop.signal,
        fromKeyFrame: connection.takesBursts,
      });
      for await (const item of inbox) {
        clearTimeout(lingering);
        if (item.type === 'end') lingering = setTimeout(() => stop.abort(), LINGER_MS);
        else if (!this.#take(connection, item)) await this.#drained(connection);
      }
    } finally {
      clearTimeout(lingering);
      signal.removeEventListener('abort', onAbort);
    }
    if (ended !== undefined && !signal.aborted) throw new Error(ended);
  }

  /**
   * Waits until the connection takes frames again.
   *
   * @throws Error if it takes none for 30 s
   */
  async #drained(connection: RelayConnection): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the target took no media for ${STALLED_MS / 1000} s`)), STALLED_MS);
    });
    try {
      await Promise.race([connection.drained(), stalled]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends an item; false if the connection is full. */
  #take(connection: RelayConnection, item: Exclude<InboxItem, { type: 'end' }>): boolean {
    if (item.type === 'run') {
      if (item.context.soft) return true;
      const { tracks } = item.context;
      this.#leftOut = connection.startRun(item.context);
      if (this.#leftOut.length === tracks.length) {
        throw new OxbowError(
          'unsupported-media',
          `The target takes none of the tracks. ${sentenceOf(leftOutSentence(this.#leftOut))}`,
        );
      }
      return true;
    }
    const isFree = connection.write(item.frame);
    if (this.#state !== 'live') {
      this.#error = '';
      this.#enter('live');
    }
    return isFree;
  }

  /** The sinks of the stream, with what its inbox loses counted here too. */
  #countedSinks(): InboxSinks {
    const { sinks } = this.#options.stream;
    return {
      attach: (sink, options) => sinks.attach(sink, options),
      memory: sinks.memory,
      pressed: (change) => sinks.pressed(change),
      requestKeyFrame: () => sinks.requestKeyFrame(),
      lost: (name, cause, loss) => {
        this.#lostFrames += loss.frames;
        this.#options.onCount?.(0, loss.frames);
        sinks.lost(name, cause, loss);
      },
    };
  }

  /** Adds the bytes sent and frames lost since the last call. */
  #count(): void {
    const connection = this.#connection;
    if (!connection) return;
    const bytes = connection.sentBytes - this.#counted.bytes;
    const frames = connection.lostFrames - this.#counted.frames;
    this.#counted = { bytes: connection.sentBytes, frames: connection.lostFrames };
    this.#sentBytes += bytes;
    this.#lostFrames += frames;
    if (bytes > 0 || frames > 0) this.#options.onCount?.(bytes, frames);
  }

  /** Waits before the next attempt. */
  async #pause(error: unknown, signal: AbortSignal): Promise<void> {
    const { minMs, maxMs } = backoffBounds(Math.max(0, this.#attempts - 1), BACKOFF_MS, MAX_BACKOFF_MS);
    const ms = minMs + Math.random() * (maxMs - minMs);
    this.#error = this.#withoutSecrets(reasonOf(error)).slice(0, MAX_DETAIL);
    this.#retryAtMs = this.#options.clock.nowMs() + ms;
    this.#enter('failed');
    await sleep(ms, { signal }).catch(() => undefined);
    this.#retryAtMs = undefined;
  }

  /** The answer of a server may repeat the key that it was sent. */
  #withoutSecrets(text: string): string {
    return secretsOf(this.#options.target).reduce((clean, secret) => clean.replaceAll(secret, '…'), text);
  }

  #enter(state: RelayState): void {
    if (state === this.#state && state !== 'failed') return;
    this.#state = state;
    this.#sinceMs = this.#options.clock.nowMs();
    this.#options.onChange(this.status);
  }
}

/** Parts of an address that are never shown. */
function secretsOf({ url, srt, whip }: RelayTarget): string[] {
  const parsed = URL.parse(url);
  const path = parsed?.pathname ?? '';
  const secrets = [
    url,
    path.slice(path.lastIndexOf('/') + 1),
    parsed?.search.slice(1),
    parsed?.username,
    parsed?.password,
  ];
  // Services have secrets in any part of the path.
  const parts = whip?.url.pathname.split('/').filter((part) => part.length >= LEAST_SECRET_PART) ?? [];
  const others = [srt?.passphrase, srt?.streamId, whip?.key, ...(parsed?.searchParams.values() ?? [])];
  return [...secrets, ...others, ...parts].filter(
    (secret): secret is string => secret !== undefined && secret.length >= 4,
  );
}
