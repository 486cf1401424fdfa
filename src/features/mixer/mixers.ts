/**
 * The mixers of a process.
 * In: the catalog and its events, rows of the store, calls of the API. Out: running mixers; views, events,
 * markers.
 */
import { isDeepStrictEqual } from 'node:util';
import { hasSameConfig } from '@oxbow/media/splice/same-config';
import { printRfc3339 } from '../../api/instant.ts';
import type { MixerConfig, MixerCut, MixerInputView, MixersApi, MixerView } from '../../api/mixer/mixer-shapes.ts';
import { isStreamName } from '../../api/stream/stream-name.ts';
import type { EventBus, Subscription } from '../../cluster/bus/event-bus.ts';
import type { RemoteStreams } from '../../cluster/requests/frames/remote-streams.ts';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { MarkerTable } from '../../recording/marker-table.ts';
import type { Store } from '../../store/db.ts';
import { type RowChanges, writeShared } from '../../store/row-changes.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import { reaches, type ShownStreams } from '../../streams/source/shown-streams.ts';
import { CutMarkers } from './cut-markers.ts';
import { type MadeCut, Mixer } from './mixer.ts';
import type { InputSource, MixerInput } from './mixer-input.ts';
import {
  deleteMixer,
  type InputElsewhere,
  readInputs,
  readMixers,
  removedStreams,
  type StoredMixer,
  writeChosen,
  writeMixer,
} from './mixer-table.ts';

/** Most mixers of a process. */
const MAX_MIXERS = 50;
/** In a cluster, owners of streams change without an event here: they are compared this often, ms. */
const LOOK_MS = 1000;
/** Most inputs that are remembered: more than all mixers have. */
const MAX_ELSEWHERE = 1000;

/** What mixers need. */
interface MixersDeps {
  readonly catalog: Catalog;
  readonly store: Pick<Store, 'db'>;
  /** In a cluster: mixers that other nodes change. */
  readonly changes?: RowChanges | undefined;
  /** In a cluster: live streams of other nodes. */
  readonly remote?: Pick<RemoteStreams, 'of'> | undefined;
  readonly events: EventBus;
  readonly markers: MarkerTable;
  readonly clock: Clock;
  readonly log: Log;
  /** What streams show live, by feature. */
  readonly shown: ReadonlySet<ShownStreams>;
}

/** Runs the mixers of a process. */
export class Mixers implements MixersApi, AsyncDisposable {
  readonly #deps: MixersDeps;
  readonly #markers: CutMarkers;
  /** By id of the stream. */
  readonly #running = new Map<string, Mixer>();
  #subscription: Subscription | undefined;
  #stored: readonly StoredMixer[] = [];
  /** In a cluster: inputs as they are stored, by name, because other nodes may have them. */
  readonly #elsewhere = new Map<string, InputElsewhere>();
  /** They are being read, and have to be read again after that. */
  #isReading = false;
  #isStale = false;
  #looking: NodeJS.Timeout | undefined;
  #isClosed = false;
  readonly #closing = new Set<Promise<void>>();

  constructor(deps: MixersDeps) {
    this.#deps = deps;
    this.#markers = new CutMarkers(deps.markers, deps.events);
  }

  /** Reads the stored mixers and starts those of all streams; from then on it follows the streams. */
  async open(): Promise<void> {
    const { store, changes, events, remote } = this.#deps;
    changes?.follow('mixer', (streams) => this.#read(streams));
    this.#stored = await readMixers(store.db);
    (await this.#readElsewhere())();
    if (remote) {
      this.#looking = setInterval(() => {
        if (this.#stored.length > 0) this.#follow();
      }, LOOK_MS).unref();
    }
    this.#subscription = await events.subscribe({
      event: ({ event }) => {
        if (this.#stored.length === 0) return;
        if (event.type === 'stream.removed') void this.#forget();
        else if (event.type === 'stream.created' || event.type === 'stream.changed') this.#look();
        else if (event.type.startsWith('stream.')) this.#follow();
      },
      missed: () => this.#look(),
    });
    this.#follow();
  }

  /** Ends all mixers. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#subscription?.close();
    clearInterval(this.#looking);
    for (const id of [...this.#running.keys()]) this.#stop(id);
    await Promise.all(this.#closing);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  list(): readonly MixerView[] {
    this.#follow();
    return [...this.#running.values()]
      .map((mixer) => this.#viewOf(mixer))
      .sort((a, b) => (a.stream < b.stream ? -1 : 1));
  }

  get(name: string): MixerView {
    return this.#viewOf(this.#mixer(this.#deps.catalog.get(name)));
  }

  /** Ids of the inputs of a mixer; none for any other stream. */
  shownBy(streamId: string): readonly string[] {
    const { inputs = [] } = this.#stored.find((stored) => stored.streamId === streamId)?.config ?? {};
    return inputs.flatMap((input) => this.#idOf(input) ?? []);
  }

  async set(name: string, { inputs, sound = null, fallback = null }: MixerConfig): Promise<MixerView> {
    const stream = this.#deps.catalog.get(name);
    const config = { inputs: [...inputs], sound, fallback };
    if (this.#deps.remote) (await this.#readElsewhere(inputs.filter(isStreamName)))();
    this.#check(stream, config);
    const streamId = stream.definition.id;
    const before = this.#stored.find((stored) => stored.streamId === streamId);
    if (!before && this.#stored.length >= MAX_MIXERS) {
      throw new OxbowError('limit-reached', `This server has ${MAX_MIXERS} mixers, which is the limit.`);
    }
    const chosen = before && inputs.includes(before.chosen) ? before.chosen : inputs[0]!;
    await this.#save({ streamId, config, chosen });
    this.#deps.events.publish('mixer.changed', { inputs: config.inputs }, stream.definition);
    return this.get(name);
  }

  async cut(name: string, { input, when = 'now' }: MixerCut, by: string): Promise<MixerView> {
    const mixer = this.#mixer(this.#deps.catalog.get(name));
    mixer.cut(input, { isNow: when === 'now', by });
    const { streamId, chosen } = mixer.stored;
    // At once: what follows the streams meanwhile would take it back.
    this.#replace(mixer.stored);
    await this.#write(streamId, (db) => writeChosen(db, streamId, chosen));
    return this.#viewOf(mixer);
  }

  async remove(name: string): Promise<void> {
    const stream = this.#deps.catalog.get(name);
    const { id } = this.#mixer(stream).stream.definition;
    await this.#write(id, (db) => deleteMixer(db, id));
    this.#stored = this.#stored.filter(({ streamId }) => streamId !== id);
    this.#follow();
    this.#deps.events.publish('mixer.changed', { inputs: [] }, stream.definition);
  }

  /** Refuses what cannot be mixed. */
  #check({ name, definition }: ManagedStream, { inputs, sound, fallback }: Required<MixerConfig>): void {
    if (definition.source.type !== 'push') {
      const { type } = definition.source;
      throw new OxbowError('mixer-source', `The source of ${name} is of type ${type}; a mixer needs one of type push.`);
    }
    const wrong = inputs.find((input) => !isStreamName(input));
    if (wrong !== undefined)
      throw new OxbowError('bad-request', `\`inputs\`: ${JSON.stringify(wrong)} is no stream name.`);
    for (const [field, value] of Object.entries({ sound, fallback })) {
      if (value === null || inputs.includes(value)) continue;
      throw new OxbowError('bad-request', `\`${field}\` (${value}) is not one of \`inputs\`.`);
    }
    const path = this.#pathTo(name, inputs);
    if (path) throw new OxbowError('mixer-loop', `${[name, ...path].join(' shows ')}.`);
    const input = inputs.find((each) => this.#isShownBy(each, name));
    if (input !== undefined)
      throw new OxbowError('mixer-loop', `${name} shows ${input}, which shows ${name} as a channel.`);
  }

  /** The inputs by which a stream would be shown in itself; undefined: it would not. */
  #pathTo(name: string, inputs: readonly string[], seen = new Set<string>()): readonly string[] | undefined {
    for (const input of inputs) {
      if (input === name) return [name];
      if (seen.has(input)) continue;
      seen.add(input);
      const id = this.#idOf(input);
      const further = this.#stored.find(({ streamId }) => streamId === id)?.config.inputs ?? [];
      const path = this.#pathTo(name, further, seen);
      if (path) return [input, ...path];
    }
    return undefined;
  }

  /**
   * Where the frames of an input come from; undefined for one that shows the mixer itself. Such settings are
   * refused, but two nodes may make them at the same time: frames would go round without an end.
   */
  #findInput(mixer: string, name: string): InputSource | undefined {
    const { catalog, remote } = this.#deps;
    if (this.#pathTo(mixer, [name]) !== undefined || this.#isShownBy(name, mixer)) return undefined;
    const stream = catalog.find(name);
    if (stream) return stream.stream;
    return this.#elsewhere.has(name) ? remote?.of(name, { fromKeyFrame: false }) : undefined;
  }

  /** The id of a stream, of another node too. */
  #idOf(name: string): string | undefined {
    return this.#deps.catalog.find(name)?.definition.id ?? this.#elsewhere.get(name)?.id;
  }

  /** Whether an input shows a mixer, by a stream of another feature: a channel. */
  #isShownBy(input: string, mixer: string): boolean {
    const [from, to] = [this.#idOf(input), this.#idOf(mixer)];
    return from !== undefined && to !== undefined && reaches(from, to, this.#deps.shown);
  }

  #mixer(stream: ManagedStream): Mixer {
    this.#follow();
    const mixer = this.#running.get(stream.definition.id);
    if (mixer) return mixer;
    throw new OxbowError('mixer-unknown', `${stream.name} is not a mixer.`);
  }

  async #save(stored: StoredMixer): Promise<void> {
    const before = this.#stored;
    // At once: of two requests at a time, the check of the second one sees the first.
    this.#replace(stored);
    try {
      await this.#write(stored.streamId, (db) => writeMixer(db, stored));
    } catch (error) {
      const others = this.#stored.filter((other) => other !== stored);
      this.#stored = [...others, ...before.filter(({ streamId }) => streamId === stored.streamId)];
      throw error;
    } finally {
      this.#follow();
    }
  }

  #replace(stored: StoredMixer): void {
    this.#stored = [...this.#stored.filter(({ streamId }) => streamId !== stored.streamId), stored];
  }

  /** Deletes the mixers of removed streams: a stream that is created again with the name begins without. */
  async #forget(): Promise<void> {
    this.#look();
    const { store, log } = this.#deps;
    try {
      const gone = await removedStreams(
        store.db,
        this.#stored.map(({ streamId }) => streamId),
      );
      this.#stored = this.#stored.filter(({ streamId }) => !gone.includes(streamId));
      for (const id of gone) await this.#write(id, (db) => deleteMixer(db, id));
    } catch (error) {
      log.error({ error: messageOf(error) }, 'the mixer of a removed stream was not deleted');
    }
  }

  #write(streamId: string, write: (db: Store['db']) => Promise<unknown>): Promise<unknown> {
    const { store, changes } = this.#deps;
    return writeShared({ db: store.db, changes }, ['mixer', streamId], write);
  }

  /** Reads the mixers of some streams again; of all if none are given. The result takes them. */
  async #read(streams?: readonly string[]): Promise<() => void> {
    const read = await readMixers(this.#deps.store.db, streams);
    const take = await this.#readElsewhere(read.flatMap(({ config }) => config.inputs));
    return () => {
      take();
      const others = streams ? this.#stored.filter(({ streamId }) => !streams.includes(streamId)) : [];
      this.#stored = [...others, ...read];
      this.#follow();
    };
  }

  /** Reads the inputs as they are stored; the result takes them. @param more further names */
  async #readElsewhere(more: readonly string[] = []): Promise<() => void> {
    const { store, remote } = this.#deps;
    if (!remote) return () => {};
    const names = [...new Set([...this.#stored.flatMap(({ config }) => config.inputs), ...more])];
    const inputs = await readInputs(store.db, names);
    return () => {
      for (const name of names) {
        const input = inputs.get(name);
        this.#elsewhere.delete(name);
        if (input) this.#elsewhere.set(name, input);
      }
      dropOldest(this.#elsewhere, MAX_ELSEWHERE);
    };
  }

  /** Follows the streams, and those of other nodes as they are stored now. */
  #look(): void {
    this.#follow();
    if (!this.#deps.remote || this.#isClosed) return;
    this.#isStale = this.#isReading;
    if (this.#isReading) return;
    this.#isReading = true;
    this.#readElsewhere()
      .then((take) => {
        take();
        this.#follow();
      })
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#deps.log.warn({ error: messageOf(error) }, 'the inputs of mixers cannot be read');
      })
      .finally(() => {
        this.#isReading = false;
        if (this.#isStale) this.#look();
      });
  }

  /** Brings the running mixers in line with the streams and the stored mixers. */
  #follow(): void {
    if (this.#isClosed) return;
    const { catalog } = this.#deps;
    const streams = new Map(catalog.all.map((stream) => [stream.definition.id, stream]));
    const wanted = this.#stored.filter(({ streamId }) => streams.get(streamId)?.status.isClosed === false);
    const ids = new Set(wanted.map(({ streamId }) => streamId));
    for (const [id, { stream }] of this.#running) {
      if (!ids.has(id) || streams.get(id) !== stream) this.#stop(id);
    }
    for (const stored of wanted) {
      const mixer = this.#running.get(stored.streamId);
      if (!mixer) this.#start(streams.get(stored.streamId)!, stored);
      else mixer.follow(isDeepStrictEqual(mixer.stored, stored) ? mixer.stored : stored);
    }
  }

  #start(stream: ManagedStream, stored: StoredMixer): void {
    const { clock, log } = this.#deps;
    const find = (name: string) => this.#findInput(stream.name, name);
    const mixer = new Mixer({ stream, stored, find, clock, log, onCut: (cut) => this.#onCut(stream, cut) });
    this.#running.set(stored.streamId, mixer);
  }

  #stop(id: string): void {
    const mixer = this.#running.get(id);
    this.#running.delete(id);
    this.#markers.forget(id);
    if (!mixer) return;
    const closing = mixer.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** The name of an input, or its key where viewers of the mixer must not read the name. */
  async #publicNameOf({ definition }: ManagedStream, input: string): Promise<string> {
    const { catalog, store } = this.#deps;
    // What another node has changed a moment ago counts.
    const own = catalog.find(input)?.definition;
    const { visibility } = own ?? (await readInputs(store.db, [input])).get(input) ?? {};
    if (visibility === 'public') return input;
    const config = this.#stored.find(({ streamId }) => streamId === definition.id)?.config;
    return String((config?.inputs.indexOf(input) ?? 0) + 1);
  }

  #onCut(stream: ManagedStream, cut: MadeCut): void {
    const { events, log } = this.#deps;
    const { input, from, by, isDiscontinuity } = cut;
    log.info({ stream: stream.name, input, from, by, isDiscontinuity }, 'the mixer cut to another input');
    const at = printRfc3339(Math.round(cut.atUs / 1000));
    events.publish('mixer.cut', { input, from, at, by, isDiscontinuity }, stream.definition);
    this.#publicNameOf(stream, input)
      .then((name) => this.#markers.add(stream.definition, { ...cut, input: name }))
      .catch((error: unknown) => {
        log.warn({ stream: stream.name, error: messageOf(error) }, 'a cut has no marker');
      });
  }

  #viewOf({ stream, stored, inputs, state }: Mixer): MixerView {
    const { config } = stored;
    const titleOf = (name: string) =>
      (this.#deps.catalog.find(name)?.definition ?? this.#elsewhere.get(name))?.title ?? '';
    return {
      stream: stream.name,
      inputs: inputs.map((input, i) => inputViewOf(input, { title: titleOf(input.name), key: i + 1 }, state.onAir)),
      sound: config.sound,
      fallback: config.fallback,
      chosen: stored.chosen,
      onAir: state.onAir?.name ?? null,
      next: state.next?.name ?? null,
      cuts: state.cuts,
      discontinuities: state.discontinuities,
      problem: state.problem,
    };
  }
}

function inputViewOf(
  input: MixerInput,
  { title, key }: Pick<MixerInputView, 'title' | 'key'>,
  onAir: MixerInput | undefined,
): MixerInputView {
  const of = (kind: 'video' | 'audio', each: MixerInput) => each.tracks?.find((track) => track.kind === kind);
  const agrees = (kind: 'video' | 'audio') => onAir !== undefined && hasSameConfig(of(kind, input), of(kind, onAir));
  return {
    stream: input.name,
    title,
    key,
    state: input.isFollowing ? (input.isLive ? 'live' : 'waiting') : 'missing',
    isSeamless: agrees('video') && agrees('audio'),
    keyFrameS: input.keyFrameUs === undefined ? null : input.keyFrameUs / 1_000_000,
  };
}
