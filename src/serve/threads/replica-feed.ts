/**
 * Sends one serving thread the streams it has subscribed to: the state of the live window once, then each
 * change.
 * In: subscriptions of the thread, live windows. Out: messages; changes of one event-loop turn are one
 * message. docs/media.md 25.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Track } from '@oxbow/media/frame';
import type { Init } from '@oxbow/media/segment';
import { streamOfWindow } from '../../delivery/live/quality-window.ts';
import type { ServedLiveStream } from '../../delivery/served-stream.ts';
import type { DerivedQuality, LiveWindowChange, LiveWindowState } from '../../packager/live-segment.ts';
import type { StreamAccess, ToThread } from './messages.ts';

/** Replicas of one thread; the main thread answers requests for other streams. */
const MAX_STREAMS = 2000;

/** Dependencies of a feed. Names are those of live windows: a derived quality has its own. */
export interface FeedOptions {
  find(name: string): ServedLiveStream | undefined;
  accessOf(stream: ServedLiveStream): StreamAccess;
  post(message: ToThread): void;
}

interface Subscription {
  readonly list: ServedLiveStream['list'];
  access: StreamAccess;
  changes: LiveWindowChange[];
  readonly stop: () => void;
}

/** The feed of one thread. */
export class ReplicaFeed implements Disposable {
  readonly #options: FeedOptions;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Whether the thread has a replica of the stream. */
  has(name: string): boolean {
    return this.#subscriptions.has(name);
  }

  /**
   * Adds a subscription and sends the stream's state. Ignored for an unknown stream and beyond MAX_STREAMS.
   */
  subscribe(name: string): void {
    const stream = this.#options.find(name);
    if (!stream || this.#subscriptions.has(name) || this.#subscriptions.size >= MAX_STREAMS) return;
    const { list } = stream;
    const access = this.#options.accessOf(stream);
    const subscription: Subscription = {
      list,
      access,
      changes: [],
      stop: list.copied.subscribe((change) => this.#add(name, subscription, change)),
    };
    this.#subscriptions.set(name, subscription);
    this.#options.post({ do: 'stream', name, list: compactState(list.state), access });
  }

  /** Ends a subscription. */
  unsubscribe(name: string): void {
    this.#subscriptions.get(name)?.stop();
    this.#subscriptions.delete(name);
  }

  /**
   * Sends changes without an event: removed or replaced streams, access.
   * @param only checks one stream
   */
  check(only?: string): void {
    for (const [name, subscription] of [...this.#subscriptions]) {
      if (only !== undefined && only !== streamOfWindow(name)) continue;
      const stream = this.#options.find(name);
      if (stream?.list !== subscription.list) {
        this.unsubscribe(name);
        this.#options.post({ do: 'removed', name });
        continue;
      }
      const access = this.#options.accessOf(stream);
      if (isSame(access, subscription.access)) continue;
      subscription.access = access;
      this.#options.post({ do: 'access', name, access });
    }
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#subscriptions.keys()]) this.unsubscribe(name);
  }

  #add(name: string, subscription: Subscription, change: LiveWindowChange): void {
    // Parts of several tracks, the seal and the end arrive in one turn: one message.
    if (subscription.changes.length === 0) queueMicrotask(() => this.#flush(name, subscription));
    subscription.changes.push(compactChange(change));
  }

  #flush(name: string, subscription: Subscription): void {
    const { changes } = subscription;
    subscription.changes = [];
    if (this.#subscriptions.get(name) === subscription) this.#options.post({ do: 'changes', name, changes });
  }
}

function isSame(a: StreamAccess, b: StreamAccess): boolean {
  return (
    a.sharing === b.sharing &&
    a.isAsked === b.isAsked &&
    a.epoch === b.epoch &&
    a.targetDurationMs === b.targetDurationMs &&
    a.horizonUs === b.horizonUs &&
    isDeepStrictEqual(a.contentKeys, b.contentKeys)
  );
}

/** Copies codec configurations that may be views of large buffers: a message would copy the whole buffer. */
function compactTracks(tracks: readonly Track[]): readonly Track[] {
  const cached = compacted.get(tracks);
  if (cached) return cached;
  const made = tracks.map((track) => {
    const { record } = track.config as { record?: Uint8Array };
    return record ? ({ ...track, config: { ...track.config, record: Uint8Array.from(record) } } as Track) : track;
  });
  compacted.set(tracks, made);
  return made;
}

const compacted = new WeakMap<readonly Track[], readonly Track[]>();

function compactInit(init: Init): Init {
  return { ...init, tracks: compactTracks(init.tracks) };
}

function compactQualities(qualities: readonly DerivedQuality[]): readonly DerivedQuality[] {
  return qualities.map((quality) => {
    const { config } = quality.track;
    return { ...quality, track: { ...quality.track, config: { ...config, record: Uint8Array.from(config.record) } } };
  });
}

function compactChange(change: LiveWindowChange): LiveWindowChange {
  if (change.do === 'qualities') return { ...change, qualities: compactQualities(change.qualities) };
  if (change.do === 'begin') return { ...change, tracks: compactTracks(change.tracks) };
  if (change.do !== 'open') return change;
  const { opening } = change;
  return { do: 'open', opening: { ...opening, init: compactInit(opening.init) } };
}

function compactState(state: LiveWindowState): LiveWindowState {
  const { segments, previous } = state;
  const inits = new Map<number, Init>();
  const compactSegments = (windowSegments: LiveWindowState['segments']) =>
    windowSegments.map((segment) => {
      const init = inits.get(segment.init.number) ?? compactInit(segment.init);
      inits.set(init.number, init);
      return { ...segment, init };
    });
  return {
    ...state,
    tracks: compactTracks(state.tracks),
    qualities: compactQualities(state.qualities),
    segments: compactSegments(segments),
    previous: previous && {
      ...previous,
      tracks: compactTracks(previous.tracks),
      qualities: compactQualities(previous.qualities ?? []),
      segments: compactSegments(previous.segments),
    },
  };
}
