/**
 * Reads a pulled source that has a backup address: one address at a time delivers; the other is read while
 * that one has no media.
 * In: both addresses, sessions of the stream's publisher slot. Out: media of the one or the other; the end of
 * the source. docs/media.md 31: the switch is one run at a key frame, at most once in 30 s, and it stays
 * until that address fails.
 */

import type { Frame } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import { isRtspUrl } from '@oxbow/wire/rtsp/rtsp-url';
import type { ClientSourceConfig } from '../../config/schema.ts';
import { isSdpUrl } from '../../config/sdp-url.ts';
import { isSrtUrl } from '../../config/srt-url.ts';
import { isUdpUrl } from '../../config/udp-url.ts';
import { isWhepUrl } from '../../config/webrtc-url.ts';
import type { Publisher } from '../../ingest/publisher.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { InputPlacement, RunStart, SourceSegment, StreamInput } from '../../live/input.ts';

/** The other address is read after this time without media, ms. */
const MISSING_MS = 5000;
/** Interval of the check, ms. */
const CHECK_MS = 1000;
/** The addresses switch at most this often, ms; the other one is tried for as long. */
const BETWEEN_SWITCHES_MS = 30_000;

/** Reads an address until it ends or `until` fires; resolves with the reason in words. */
export type ReadSource = (
  publisher: Publisher,
  input: StreamInput & Pick<Publisher, 'startTracks' | 'connection'>,
  source: ClientSourceConfig,
  until?: AbortSignal,
) => Promise<string>;

/** What the addresses are read with. */
interface BackupSetup {
  /** Begins a session that replaces the active one with its first key frame. */
  readonly claim: () => Promise<Publisher>;
  readonly read: ReadSource;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** An address that is being read. */
interface Reading {
  readonly publisher: Publisher;
  readonly watch: MediaWatch;
  readonly done: Promise<string>;
  /** Stops reading; the session ends. */
  stop(why: string): Promise<void>;
}

/**
 * Reads both addresses as needed. Resolves when the address that delivers has ended, or its session was ended
 * by another process.
 *
 * @param first the session of the first address
 * @param addresses the one to begin with, and the other one
 */
export async function readWithBackup(
  setup: BackupSetup,
  first: Publisher,
  addresses: readonly [ClientSourceConfig, ClientSourceConfig],
): Promise<{ readonly publisher: Publisher; readonly detail: string }> {
  const { clock, signal } = setup;
  let [source, other] = addresses;
  let reading = begin(setup, first, source);
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    const isMissing = await Promise.race([reading.done.then(() => false), reading.watch.missing(notBeforeMs)]);
    const publisher = isMissing && !signal.aborted ? await claimSession(setup) : undefined;
    if (!isMissing || signal.aborted) return { publisher: reading.publisher, detail: await reading.done };
    notBeforeMs = clock.monotonicMs() + BETWEEN_SWITCHES_MS;
    if (!publisher) continue;
    const next = begin(setup, publisher, other);
    const outcome = await Promise.race([
      next.watch.delivers.then(() => 'switched' as const),
      reading.watch.back().then(() => 'back' as const),
      reading.done.then(() => 'ended' as const),
      next.done.then(() => 'failed' as const),
    ]);
    if (signal.aborted) {
      await next.done;
      return { publisher: reading.publisher, detail: await reading.done };
    }
    if (outcome === 'switched' || next.publisher.turn.role === 'active') {
      await reading.stop('the backup of the source delivers');
      [source, other] = [other, source];
      reading = next;
    } else {
      await next.stop('the source delivers again');
    }
  }
}

/** The session of the other address; undefined where the stream accepts none now. */
async function claimSession({ claim, signal }: BackupSetup): Promise<Publisher | undefined> {
  try {
    return await claim();
  } catch (error) {
    if (signal.aborted || error instanceof OxbowError) return undefined;
    throw error;
  }
}

function begin({ read, clock, signal }: BackupSetup, publisher: Publisher, source: ClientSourceConfig): Reading {
  const controller = new AbortController();
  const ending = AbortSignal.any([signal, publisher.signal, controller.signal]);
  const watch = new MediaWatch(publisher, { clock, signal: ending, isFeed: isFeed(source) });
  const done = read(publisher, watch, source, controller.signal);
  return {
    publisher,
    watch,
    done,
    async stop(why) {
      controller.abort(new DOMException(why, 'AbortError'));
      await done;
      publisher.close(why);
    },
  };
}

/**
 * Whether frames come one by one: such a source reports missing media late, and the media is missing since
 * its last frame.
 */
function isFeed(source: ClientSourceConfig): boolean {
  return (
    source.type === 'pull' &&
    (isUdpUrl(source.url) ||
      isSrtUrl(source.url) ||
      isRtspUrl(source.url) ||
      isSdpUrl(source.url) ||
      isWhepUrl(source.url))
  );
}

/** Passes the calls of a source to its session, and knows whether it delivers media. */
class MediaWatch implements StreamInput, Pick<Publisher, 'startTracks' | 'connection'> {
  /** Resolves with its first frame as the active session. */
  readonly delivers: Promise<void>;
  readonly #publisher: Publisher;
  readonly #signal: AbortSignal;
  #onDelivers: () => void;
  #onBack: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #isFeed: boolean;
  /** It has delivered nothing since, monotonic ms; undefined while it delivers. */
  #missingSinceMs: number | undefined;
  /** Of a feed: its last frame, monotonic ms. */
  #frameMs: number | undefined;

  constructor(publisher: Publisher, { clock, signal, isFeed }: { clock: Clock; signal: AbortSignal; isFeed: boolean }) {
    this.#publisher = publisher;
    this.#clock = clock;
    this.#signal = signal;
    this.#isFeed = isFeed;
    this.#missingSinceMs = clock.monotonicMs();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.delivers = promise;
    this.#onDelivers = resolve;
  }

  /**
   * Resolves with true once media has been missing for a while, not before `notBeforeMs`; never after the
   * signal has fired.
   */
  async missing(notBeforeMs: number): Promise<boolean> {
    while (!this.#signal.aborted) {
      await sleep(CHECK_MS, { signal: this.#signal }).catch(() => undefined);
      const nowMs = this.#clock.monotonicMs();
      const sinceMs = this.#missingSinceMs ?? nowMs;
      if (!this.#signal.aborted && nowMs - sinceMs >= MISSING_MS && nowMs >= notBeforeMs) return true;
    }
    return new Promise(() => {});
  }

  /** Resolves with the next frame. */
  back(): Promise<void> {
    return new Promise((resolve) => {
      this.#onBack = resolve;
    });
  }

  get placement(): InputPlacement | undefined {
    return this.#publisher.placement;
  }

  get connection(): Publisher['connection'] {
    return this.#publisher.connection;
  }

  async ready(options: { signal: AbortSignal }): Promise<void> {
    await this.#publisher.ready?.(options);
  }

  startRun(start: RunStart): void {
    this.#publisher.startRun(start);
  }

  startTracks(...call: Parameters<Publisher['startTracks']>): void {
    this.#publisher.startTracks(...call);
  }

  nextSegment(segment: SourceSegment): void {
    this.#publisher.nextSegment?.(segment);
  }

  publish(frame: Frame): void {
    this.#publisher.publish(frame);
    if (this.#publisher.turn.role !== 'active') return;
    this.#onDelivers();
    this.#missingSinceMs = undefined;
    if (this.#isFeed) this.#frameMs = this.#clock.monotonicMs();
    this.#onBack?.();
    this.#onBack = undefined;
  }

  jumps(frame: Frame): boolean {
    return this.#publisher.jumps?.(frame) ?? false;
  }

  flush(unused?: () => void): void {
    this.#publisher.flush(unused);
  }

  absent(cause: GapCause | 'offline', detail: string): void {
    this.#missingSinceMs ??= this.#frameMs ?? this.#clock.monotonicMs();
    this.#publisher.absent(cause, detail);
  }

  damage(reason: string): void {
    this.#publisher.damage(reason);
  }
}
