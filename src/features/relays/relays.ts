/**
 * The relays of all streams: those of the settings, and those added over the API.
 * In: the catalog and its events, rows of the store, calls of the API. Out: running relays; views, events,
 * metrics.
 */
import { createHash, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { printRfc3339 } from '../../api/instant.ts';
import type { NewRelay, RelayChange, RelaysApi, RelayView } from '../../api/relay/relay-shapes.ts';
import type { EventBus, Subscription } from '../../cluster/bus/event-bus.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { Store } from '../../store/db.ts';
import { type RowChanges, writeShared } from '../../store/row-changes.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import type { ConnectRelay } from './connection.ts';
import type { OwnAddresses } from './own-addresses.ts';
import { Relay, type RelayStatus } from './relay.ts';
import { deleteRelay, existingStreams, readRelays, type StoredRelay, writeRelay } from './relay-table.ts';
import { parseRelayTarget, type RelayTarget } from './target.ts';

/** Most relays of a stream. */
const MAX_RELAYS = 20;
/** Most bytes that wait for one target. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

/** What relays need. */
interface RelaysDeps {
  readonly catalog: Catalog;
  readonly store: Pick<Store, 'db'>;
  /** In a cluster: relays that other nodes change. */
  readonly changes?: RowChanges | undefined;
  readonly net: Pick<Net, 'resolveHost'>;
  readonly connect: ConnectRelay;
  readonly own: OwnAddresses;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A relay of a stream. */
interface Entry {
  readonly relay: StoredRelay;
  readonly origin: RelayView['origin'];
  readonly target: RelayTarget;
  /** The stream that it sends; another one after the stream was replaced. */
  stream: ManagedStream | undefined;
  running: Relay | undefined;
}

/** Runs the relays of a process. */
export class Relays implements RelaysApi, AsyncDisposable {
  readonly #deps: RelaysDeps;
  readonly #entries = new Map<string, Entry>();
  #subscription: Subscription | undefined;
  #stored: StoredRelay[] = [];
  #isClosed = false;
  /** Relays that are disconnecting. */
  readonly #closing = new Set<Promise<void>>();

  constructor(deps: RelaysDeps) {
    this.#deps = deps;
  }

  /** Reads the stored relays and starts those of all streams; from then on it follows the streams. */
  async open(): Promise<void> {
    const { store, changes } = this.#deps;
    changes?.follow('relay', (streams) => this.#read(streams));
    this.#stored = await readRelays(store.db);
    this.#subscription = await this.#deps.events.subscribe({
      event: ({ event }) => {
        if (event.type === 'stream.removed') void this.#forget();
        else if (event.type.startsWith('stream.')) this.#follow();
      },
      missed: () => this.#follow(),
    });
    this.#follow();
  }

  /** Reads the relays of some streams again; of all if none are given. The result takes them. */
  async #read(streams?: readonly string[]): Promise<() => void> {
    const read = await readRelays(this.#deps.store.db, streams);
    return () => this.#take(read, streams);
  }

  #take(read: readonly StoredRelay[], streams: readonly string[] | undefined): void {
    const others = streams ? this.#stored.filter(({ streamId }) => !streams.includes(streamId)) : [];
    const relaysById = new Map(this.#stored.map((relay) => [relay.id, relay]));
    // Those that are the same stay the same: they run.
    const now = read.map((relay) => {
      const before = relaysById.get(relay.id);
      return before && isDeepStrictEqual(before, relay) ? before : relay;
    });
    this.#stored = [...others, ...now];
    this.#follow();
  }

  /** Disconnects all relays. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#subscription?.close();
    for (const entry of this.#entries.values()) this.#stop(entry);
    await Promise.all(this.#closing);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  list(name: string): readonly RelayView[] {
    const stream = this.#deps.catalog.get(name);
    this.#follow();
    return this.#of(stream).map((entry) => this.#view(entry));
  }

  async create(name: string, { url, label, enabled }: NewRelay): Promise<RelayView> {
    const { catalog, clock } = this.#deps;
    const stream = catalog.get(name);
    const target = parseRelayTarget(url);
    this.#refuseLoop(stream, target);
    if (this.#of(stream).length >= MAX_RELAYS) {
      throw new OxbowError('limit-reached', `${name} has ${MAX_RELAYS} relays, which is the limit.`);
    }
    const id = randomBytes(6).toString('hex');
    const createdMs = Math.floor(clock.nowMs());
    const relay = { id, streamId: stream.definition.id, label, url, shown: target.shown, enabled, createdMs };
    await this.#write(relay.streamId, (db) => writeRelay(db, relay));
    // A reading of all rows may have found it meanwhile.
    this.#stored = [...this.#stored.filter((stored) => stored.id !== id), relay];
    this.#follow();
    return this.#view(this.#find(stream, id));
  }

  async change(name: string, id: string, { label, enabled }: RelayChange): Promise<RelayView> {
    const stream = this.#deps.catalog.get(name);
    const entry = this.#changeable(stream, id);
    const relay = {
      ...entry.relay,
      ...(label !== undefined && { label }),
      ...(enabled !== undefined && { enabled }),
    };
    if (enabled === true && relay.url === undefined) throw sealedElsewhere(stream, relay);
    await this.#write(relay.streamId, (db) => writeRelay(db, relay));
    this.#stored = this.#stored.map((stored) => (stored.id === id ? relay : stored));
    this.#follow();
    return this.#view(this.#find(stream, id));
  }

  async remove(name: string, id: string): Promise<void> {
    const stream = this.#deps.catalog.get(name);
    this.#changeable(stream, id);
    await this.#write(stream.definition.id, (db) => deleteRelay(db, id));
    this.#stored = this.#stored.filter((stored) => stored.id !== id);
    this.#follow();
  }

  /**
   * Deletes the relays of removed streams: a stream that is created again with their names begins without.
   */
  async #forget(): Promise<void> {
    this.#follow();
    const { catalog, store, changes, log } = this.#deps;
    if (!catalog.isOpen) return;
    const ids = new Set(catalog.all.map(({ definition }) => definition.id));
    try {
      const others = this.#stored.flatMap(({ streamId }) => (ids.has(streamId) ? [] : [streamId]));
      // Other nodes run the others.
      if (changes && others.length > 0) for (const id of await existingStreams(store.db, others)) ids.add(id);
      const gone = this.#stored.filter(({ streamId }) => !ids.has(streamId));
      this.#stored = this.#stored.filter(({ streamId }) => ids.has(streamId));
      for (const { id, streamId } of gone) await this.#write(streamId, (db) => deleteRelay(db, id));
    } catch (error) {
      log.error({ error: messageOf(error) }, 'relays of a removed stream were not deleted');
    }
  }

  #write(streamId: string, write: (db: Store['db']) => Promise<unknown>): Promise<unknown> {
    const { store, changes } = this.#deps;
    return writeShared({ db: store.db, changes }, ['relay', streamId], write);
  }

  /** Brings the running relays in line with the streams, the settings and the stored relays. */
  #follow(): void {
    if (this.#isClosed) return;
    const wanted = new Map<string, readonly [StoredRelay, RelayView['origin'], ManagedStream]>();
    for (const stream of this.#deps.catalog.all) {
      if (stream.status.isClosed) continue;
      for (const relay of configuredRelays(stream)) wanted.set(keyOf(relay), [relay, 'configuration', stream]);
      for (const relay of this.#stored) {
        if (relay.streamId === stream.definition.id) wanted.set(keyOf(relay), [relay, 'api', stream]);
      }
    }
    for (const [key, entry] of this.#entries) {
      if (wanted.has(key)) continue;
      this.#stop(entry);
      this.#entries.delete(key);
    }
    for (const [key, [relay, origin, stream]] of wanted) this.#ensure(key, relay, origin, stream);
  }

  #ensure(key: string, relay: StoredRelay, origin: RelayView['origin'], stream: ManagedStream): void {
    const before = this.#entries.get(key);
    const isSame = before?.stream === stream && before.relay.enabled === relay.enabled;
    if (before && isSame) {
      if (before.relay !== relay) this.#entries.set(key, { ...before, relay });
      return;
    }
    if (before) this.#stop(before);
    try {
      const target = relay.url === undefined ? lockedTarget(relay.shown) : parseRelayTarget(relay.url);
      const entry: Entry = { relay, origin, target, stream, running: undefined };
      this.#entries.set(key, entry);
      if (relay.enabled && relay.url !== undefined) entry.running = this.#start(entry, stream);
    } catch (error) {
      this.#deps.log.error(
        { stream: stream.name, relay: relay.id, error: messageOf(error) },
        'a relay was not started',
      );
    }
  }

  #start({ relay, target }: Entry, stream: ManagedStream): Relay {
    const { clock, net, connect, own: ownAddresses, metrics, log } = this.#deps;
    const labels = { stream: stream.name, protocol: target.protocol };
    const fields = { stream: stream.name, relay: relay.id, target: target.shown };
    let isLive = false;
    return new Relay({
      name: stream.name,
      stream: stream.stream,
      target,
      clock,
      net,
      connect,
      maxQueuedBytes: MAX_QUEUED_BYTES,
      checkAddress: (address) => ownAddresses.refuseLoop(stream.name, target, address),
      onCount: (bytes, lostFrames) => {
        metrics.relayBytes.inc(labels, bytes);
        metrics.relayLostFrames.inc(labels, lostFrames);
      },
      onChange: (status) => {
        const { state, error } = status;
        if (state === 'connecting') metrics.relayAttempts.inc(labels);
        if (state === 'live') {
          const names = status.leftOut.map(({ name }) => name);
          log.info({ ...fields, leftOut: names }, 'the relay is live');
          this.#publish('relay.live', { ...viewData(relay, target), leftOut: names }, stream);
        }
        if (state === 'failed') {
          metrics.relayFailures.inc(labels);
          // One warning and one event for each loss, not for each attempt.
          const isNew = isLive || status.attempts <= 1;
          log[isNew ? 'warn' : 'debug']({ ...fields, error, attempts: status.attempts }, 'the relay failed');
          if (isNew) {
            this.#publish('relay.failed', { ...viewData(relay, target), detail: error }, stream);
          }
        }
        if (state === 'live' || state === 'failed') isLive = state === 'live';
      },
    });
  }

  #publish(...[type, data, stream]: RelayEvent): void {
    const { name, visibility } = stream.definition;
    if (type === 'relay.live') this.#deps.events.publish(type, data, { name, visibility });
    else this.#deps.events.publish(type, data, { name, visibility });
  }

  #stop(entry: Entry): void {
    const { running } = entry;
    if (!running) return;
    entry.running = undefined;
    const closing = running.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** Refuses an address that is written as oxbow's own; names are checked when they are resolved. */
  #refuseLoop(stream: ManagedStream, target: RelayTarget): void {
    this.#deps.own.refuseLoop(stream.name, target, target.host);
  }

  #of({ definition }: ManagedStream): Entry[] {
    return [...this.#entries.values()]
      .filter(({ relay }) => relay.streamId === definition.id)
      .sort((a, b) => Number(a.origin === 'api') - Number(b.origin === 'api') || a.relay.createdMs - b.relay.createdMs);
  }

  #find(stream: ManagedStream, id: string): Entry {
    const entry = this.#of(stream).find(({ relay }) => relay.id === id);
    if (!entry) throw new OxbowError('relay-unknown', `${stream.name} has no relay ${id.slice(0, 40)}.`);
    return entry;
  }

  #changeable(stream: ManagedStream, id: string): Entry {
    const entry = this.#find(stream, id);
    if (entry.origin === 'api') return entry;
    throw new OxbowError('managed-elsewhere', `The relay is defined in the configuration of ${stream.name}.`);
  }

  #view({ relay, origin, target, running }: Entry): RelayView {
    const status: Partial<RelayStatus> = running?.status ?? {};
    const time = (ms: number) => printRfc3339(Math.round(ms));
    return {
      id: relay.id,
      label: relay.label,
      target: target.shown,
      origin,
      enabled: relay.enabled,
      state: status.state ?? 'stopped',
      since: time(status.sinceMs ?? relay.createdMs),
      retryAt: status.retryAtMs === undefined ? null : time(status.retryAtMs),
      attempts: status.attempts ?? 0,
      sentBytes: status.sentBytes ?? 0,
      lostFrames: status.lostFrames ?? 0,
      leftOut: (status.leftOut ?? []).map(({ name }) => name),
      error: relay.url === undefined ? SEALED_ELSEWHERE : (status.error ?? ''),
    };
  }
}

/** Why a relay does not connect. */
const SEALED_ELSEWHERE = 'another key has sealed its address; remove it, and add it again';

function sealedElsewhere(stream: ManagedStream, { shown }: StoredRelay): OxbowError {
  return new OxbowError(
    'sealed-elsewhere',
    `Another key has sealed the address of the relay of ${stream.name} to ${shown}.`,
  );
}

/** Of an address that this server cannot open: only for views. */
function lockedTarget(shown: string): RelayTarget {
  return { url: '', protocol: 'rtmp', host: '', port: 1935, shown, names: [], srt: undefined, whip: undefined };
}

type RelayEvent =
  | [type: 'relay.live', data: ReturnType<typeof viewData> & { leftOut: string[] }, stream: ManagedStream]
  | [type: 'relay.failed', data: ReturnType<typeof viewData> & { detail: string }, stream: ManagedStream];

function viewData({ id, label }: StoredRelay, { shown }: RelayTarget) {
  return { id, label, target: shown };
}

function keyOf({ streamId, id }: StoredRelay): string {
  return `${streamId} ${id}`;
}

/** Relays of the settings; their ids do not reveal their addresses. */
function configuredRelays({ definition }: ManagedStream): StoredRelay[] {
  return (definition.relays ?? []).map((url) => ({
    id: `c-${createHash('sha256').update(`${definition.id} ${url}`).digest('hex').slice(0, 12)}`,
    streamId: definition.id,
    label: '',
    url,
    shown: '',
    enabled: true,
    createdMs: definition.createdUs / 1000,
  }));
}
