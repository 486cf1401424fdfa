/**
 * Replicas of streams in a serving thread: their live windows, access, and recently requested recorded
 * segments.
 * In: messages of the main thread. Out: lookups and access checks for the hot responder. Only streams that
 * were requested recently have a replica (docs/media.md 25).
 */

import { isDeepStrictEqual } from 'node:util';
import type { Init } from '@oxbow/media/segment';
import type { ThreadWatchJwt } from '../../accounts/watch-jwt/open-watch-jwt.ts';
import { type WatchHolder, WatchTokens } from '../../accounts/watch-tokens.ts';
import type { LiveAddress } from '../../api/media-address.ts';
import { sharedIntact } from '../../archive/integrity/read-intact.ts';
import { openLocalSegmentStore } from '../../archive/local-segment-store.ts';
import { openRangeReader, type RangeReader } from '../../archive/range-reader.ts';
import type { SegmentStore } from '../../archive/segment-store.ts';
import { type ContentKeySettings, ContentKeys } from '../../delivery/encryption/content-keys.ts';
import { EncryptedReplies } from '../../delivery/encryption/encrypted-replies.ts';
import { type Steering, withTokens } from '../../delivery/format/pathways.ts';
import { segmentKey } from '../../delivery/live/live.ts';
import { createLiveLookup, type LiveLookup } from '../../delivery/live/live-lookup.ts';
import { qualityWindowName, streamOfWindow, windowNameOf } from '../../delivery/live/quality-window.ts';
import { SegmentCache } from '../../delivery/live/segment-cache.ts';
import type { ServedLiveStream } from '../../delivery/served-stream.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { LiveWindowChange, LiveWindowState } from '../../packager/live-segment.ts';
import type { LiveWindow } from '../../packager/live-window.ts';
import { applyChange } from '../../packager/live-window-change.ts';
import { LiveWindowWriter } from '../../packager/live-window-writer.ts';
import { signedClassOf } from '../media/watch-token-policy.ts';
import type { StreamAccess, ToThread } from './messages.ts';

/** A replica without requests for this long is removed, ms. */
const KEPT_MS = 30_000;
/** The thread subscribes to a missing stream at most once in this time, ms. */
const RETRY_AFTER_MS = 1000;
/** Missing streams that the thread subscribes to in that time; later ones have to wait. */
const MAX_ATTEMPTS = 1000;
/** Recorded segments that are read at the same time. */
const MAX_WARMING = 16;
/** Init sections of one stream that keep their identity. */
const MAX_INITS = 100;
/** Accounts whose playback tokens the thread knows about. */
const MAX_HOLDERS = 10_000;

/** The replica of one stream. */
class Replica implements ServedLiveStream {
  readonly name: string;
  readonly list: LiveWindow;
  readonly listWriter: LiveWindowWriter;
  access: StreamAccess;
  usedMs: number;
  #contentKeys: ContentKeys | undefined;
  /** What `#contentKeys` was made of, as the last message has it. */
  #keySettings: ContentKeySettings | undefined;
  readonly #inits = new Map<number, Init>();
  readonly horizonUs = (): number => this.access.horizonUs;

  /** Of the thread, by the names of their windows. */
  readonly #replicas: ReadonlyMap<string, Replica>;
  readonly #steering: Steering | undefined;
  readonly #signedSteering: Steering | undefined;

  constructor(
    name: string,
    state: LiveWindowState,
    access: StreamAccess,
    usedMs: number,
    replicas: ReadonlyMap<string, Replica>,
    steering: Steering | undefined,
  ) {
    this.#replicas = replicas;
    this.#steering = steering;
    this.#signedSteering = withTokens(steering);
    this.name = name;
    this.listWriter = LiveWindowWriter.from(state);
    this.list = this.listWriter.list;
    this.access = access;
    this.usedMs = usedMs;
    for (const { init } of [...(state.previous?.segments ?? []), ...state.segments]) this.#inits.set(init.number, init);
  }

  get steering(): Steering | undefined {
    return this.access.sharing === 'all' ? this.#steering : this.#signedSteering;
  }

  get contentKeys(): ContentKeys | undefined {
    const { contentKeys: settings } = this.access;
    if (settings !== this.#keySettings) {
      this.#keySettings = settings;
      if (!isDeepStrictEqual(this.#contentKeys?.settings, settings))
        this.#contentKeys = settings && new ContentKeys(settings);
    }
    return this.#contentKeys;
  }

  /** Its stream, if this is a derived quality. */
  get source(): ServedLiveStream | undefined {
    const stream = streamOfWindow(this.name);
    return stream === this.name ? undefined : this.#replicas.get(stream);
  }

  /** Its derived qualities that have a replica in this thread. */
  get qualities(): ReadonlyMap<string, ServedLiveStream> {
    const entries = this.list.state.qualities.flatMap(({ track: { rung } }) => {
      const replica = this.#replicas.get(qualityWindowName(this.name, rung));
      return replica ? [[rung, replica] as const] : [];
    });
    return new Map(entries);
  }

  /**
   * Applies a change. Messages carry copies of init sections; those of one number stay one object, since
   * caches compare by identity.
   */
  apply(change: LiveWindowChange): void {
    if (change.do !== 'open') {
      applyChange(this.listWriter, change);
      return;
    }
    const { opening } = change;
    const init = this.#inits.get(opening.init.number) ?? opening.init;
    if (this.#inits.size >= MAX_INITS) this.#inits.clear();
    this.#inits.set(init.number, init);
    applyChange(this.listWriter, { do: 'open', opening: { ...opening, init } });
  }
}

const holderKey = ({ id, isAdmin }: WatchHolder): string => `${isAdmin ? 'admin' : 'user'} ${id}`;

/** Dependencies of the replicas. */
interface ReplicasOptions {
  /** Folder that segment locations are relative to. */
  readonly mediaFolder: string;
  /** The edges that playlists name; undefined: none. */
  readonly steering?: Steering | undefined;
  readonly watchSecret: Uint8Array;
  /** Verifies playback tokens of another program. */
  readonly watchJwt?: ThreadWatchJwt | undefined;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  subscribe(name: string): void;
  unsubscribe(name: string): void;
  /** Requests from the main thread whether the playback tokens of an account are valid. */
  askHolder(holder: WatchHolder): void;
  /** Called with the bytes of shared memory that this thread begins to refer to. */
  shared?(bytes: number): void;
}

/** The replicas of one thread. */
export class Replicas implements AsyncDisposable {
  readonly #options: ReplicasOptions;
  readonly #replicas: Map<string, Replica>;
  /** Missing streams: when the thread subscribed to them. */
  readonly #attempts = new Map<string, number>();
  readonly #tokens: WatchTokens;
  readonly #segments: SegmentStore;
  readonly #reader: RangeReader;
  readonly #segmentCache: SegmentCache;
  readonly #encrypted: EncryptedReplies;
  readonly #sweeper: NodeJS.Timeout;
  #warming = 0;
  /** For the hot responder. */
  readonly lookup: LiveLookup;

  /**
   * Whether the playback tokens of accounts are valid, by `holderKey`; false until the main thread answers.
   * Oldest first.
   */
  readonly #holders: Map<string, boolean>;

  private constructor(
    options: ReplicasOptions,
    replicas: Map<string, Replica>,
    tokens: WatchTokens,
    holders: Map<string, boolean>,
  ) {
    this.#options = options;
    this.#holders = holders;
    this.#replicas = replicas;
    this.#tokens = tokens;
    this.#segments = openLocalSegmentStore({ folder: options.mediaFolder });
    this.#reader = openRangeReader(this.#segments);
    this.#segmentCache = new SegmentCache(this.#reader);
    this.#sweeper = setInterval(() => this.sweep(), RETRY_AFTER_MS).unref();
    this.#encrypted = new EncryptedReplies({ reader: this.#reader });
    const live = createLiveLookup((name) => this.#find(name), this.#segmentCache, this.#encrypted);
    this.lookup = {
      find: live.find,
      list: (name) => this.#find(name)?.list,
      isCurrent: (name, list) => this.#replicas.get(name)?.list === list,
      findRecorded: (address) => live.findRecorded(address) ?? this.#warm(address),
    };
  }

  /** Creates an empty set. */
  static async open(options: ReplicasOptions): Promise<Replicas> {
    const replicas = new Map<string, Replica>();
    const holders = new Map<string, boolean>();
    const tokens = await WatchTokens.open({
      secret: options.watchSecret,
      jwt: options.watchJwt?.jwt,
      epochs: { all: async () => [], put: async () => {}, remove: async () => {} },
      targetDurationMs: (name) => replicas.get(name)?.access.targetDurationMs,
      lasts(holder) {
        const answer = holders.get(holderKey(holder));
        if (answer !== undefined) return answer;
        holders.set(holderKey(holder), false);
        dropOldest(holders, MAX_HOLDERS);
        options.askHolder(holder);
        return false;
      },
    });
    return new Replicas(options, replicas, tokens, holders);
  }

  /** Bytes of recordings in memory. */
  get blockBytes(): number {
    return this.#reader.blockBytes;
  }

  /** Access of a stream; undefined without a replica. */
  access(name: string): StreamAccess | undefined {
    return this.#replicas.get(name)?.access;
  }

  /** Whether a playback token is valid for an address. */
  mayWatch(token: string, address: LiveAddress): boolean {
    const access = this.access(address.stream);
    if (access?.isAsked || access?.sharing === 'by-address') return false;
    // Until the token, or its account, is verified here, the main thread answers.
    this.#tokens.admit(token, this.#options.nowMs())?.catch(() => {});
    return this.#tokens.verify(token, address.stream, signedClassOf(address), this.#options.nowMs()) === 'ok';
  }

  /** Applies a message of the main thread. */
  take(message: ToThread): void {
    switch (message.do) {
      case 'stream': {
        const { name, list, access } = message;
        this.#end(name);
        const replica = new Replica(
          name,
          list,
          access,
          this.#options.monotonicMs(),
          this.#replicas,
          this.#options.steering,
        );
        this.#replicas.set(name, replica);
        this.#options.shared?.(replica.list.memoryBytes);
        this.#tokens.learn(name, access.epoch);
        break;
      }
      case 'changes': {
        const replica = this.#replicas.get(message.name);
        for (const change of message.changes) {
          if (change.do === 'part') this.#options.shared?.(change.part.bytes.length);
          replica?.apply(change);
        }
        break;
      }
      case 'access': {
        const replica = this.#replicas.get(message.name);
        if (replica) replica.access = message.access;
        this.#tokens.learn(message.name, message.access.epoch);
        break;
      }
      case 'removed':
        this.#end(message.name);
        break;
      case 'segment': {
        const replica = this.#replicas.get(message.name);
        if (replica) this.#segmentCache.add(replica, message.key, message.segment);
        break;
      }
      case 'keys':
        this.#options.watchJwt?.use(message.keys);
        break;
      case 'holder':
        this.#holders.set(holderKey(message.holder), message.lasts);
        break;
      case 'holder-changed':
        for (const isAdmin of [false, true]) this.#holders.delete(holderKey({ id: message.id, isAdmin }));
        break;
      case 'forget':
        this.#reader.forget(message.prefix);
        this.#segmentCache.forget(message.prefix);
        break;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    this.#replicas.clear();
    this.#encrypted[Symbol.dispose]();
    this.#reader[Symbol.dispose]();
    await this.#segments[Symbol.asyncDispose]();
  }

  /**
   * Reads a recorded segment into the block cache for the next requests. The main thread answers this one.
   */
  #warm(address: LiveAddress): undefined {
    const replica = address.kind === 'segment' ? this.#replicas.get(windowNameOf(address)) : undefined;
    if (!replica || address.kind !== 'segment' || this.#warming >= MAX_WARMING) return;
    const ranges = this.#segmentCache.rangesOf(replica, segmentKey(address));
    const bytes = ranges.reduce((sum, { length }) => sum + length, 0);
    // A larger segment would not stay complete in the block cache, and would be read for each request.
    if (bytes === 0 || bytes > this.#reader.maxBlockBytes / 2) return;
    this.#warming++;
    Promise.all(ranges.map((range) => sharedIntact(this.#reader, range)))
      // The file may be deleted or damaged by now: the main thread then answers so.
      .catch(() => {
        for (const { location } of ranges) this.#segmentCache.forget(location);
      })
      .finally(() => this.#warming--);
  }

  /**
   * A replica by the name of its window. Access to a derived quality is that of its stream, which needs a
   * replica too.
   */
  #find(name: string): ServedLiveStream | undefined {
    const stream = streamOfWindow(name);
    if (stream !== name && !this.#find(stream)) return undefined;
    const replica = this.#replicas.get(name);
    if (replica) {
      replica.usedMs = this.#options.monotonicMs();
      return replica;
    }
    if (!this.#attempts.has(name) && this.#attempts.size < MAX_ATTEMPTS) {
      this.#attempts.set(name, this.#options.monotonicMs());
      this.#options.subscribe(name);
    }
    return undefined;
  }

  /** Removes replicas without recent requests. Called by a timer. */
  sweep(): void {
    const now = this.#options.monotonicMs();
    for (const [name, atMs] of this.#attempts) if (now - atMs >= RETRY_AFTER_MS) this.#attempts.delete(name);
    for (const { name, usedMs } of this.#replicas.values()) {
      if (now - usedMs < KEPT_MS) continue;
      this.#options.unsubscribe(name);
      this.#end(name);
    }
  }

  #end(name: string): void {
    const replica = this.#replicas.get(name);
    this.#replicas.delete(name);
    replica?.listWriter.clear();
  }
}
