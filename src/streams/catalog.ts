/**
 * All streams of this process: those of the command line and configuration, and those made over the API.
 * In: settings at start, the API while running. Out: managed streams by name; rows in the store.
 */
import { randomBytes } from 'node:crypto';
import type { StreamSettings } from '../api/shapes.ts';
import { parseStreamName, streamUnknown } from '../api/stream-name.ts';
import type { Precondition } from '../api/streams-api.ts';
import { defaultVisibility } from '../config/exposure.ts';
import type { Config, SourceConfig, StreamConfig } from '../config/schema.ts';
import type { Publisher, PublisherClaims, PublishRequest } from '../ingest/publisher.ts';
import { parseDuration } from '../lib/duration.ts';
import { FormatError, messageOf, OxbowError } from '../lib/errors.ts';
import type { RecordedGroup } from '../recording/recording-reader.ts';
import type { RetentionRule } from '../recording/retention.ts';
import type { StreamDefinition } from './definition.ts';
import { ManagedStream } from './managed-stream.ts';
import { revisionOf } from './revision.ts';
import { sourceOf } from './source/source-settings.ts';
import type { StreamDeps } from './stream-deps.ts';
import { eraseStream, hideStream, readDefinitions, readRemoved, writeDefinition } from './stream-table.ts';
import { openBytes } from './views.ts';

/** The streams of a process. */
export class Catalog implements PublisherClaims {
  readonly #deps: StreamDeps;
  readonly #signal: AbortSignal;
  readonly #streams = new Map<string, ManagedStream>();
  /** Removed, but their recordings are kept as long as they would have been. */
  readonly #removed = new Map<string, StreamDefinition>();
  #isOpen = false;
  /** Changes of the set, one after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  /**
   * @param options.signal ends recovery at start
   */
  constructor(deps: StreamDeps, { signal }: { signal: AbortSignal }) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Opens every known stream and starts those that should run. Changes that are asked for meanwhile wait for it. */
  open(): Promise<void> {
    return this.#inTurn(() => this.#open());
  }

  async #open(): Promise<void> {
    const config = this.#deps.settings.now;
    const { db } = this.#deps.store;
    const known = await readDefinitions(db);
    for (const definition of await readRemoved(db)) this.#removed.set(definition.name, definition);
    const configured = config.streams;
    for (const definition of known) {
      if (definition.name in configured) continue;
      // What is no longer set elsewhere belongs to the API: its past can be watched, and it can be removed.
      const orphan = definition.origin !== 'api';
      await this.#add(orphan ? { ...definition, origin: 'api', stopped: true } : definition);
    }
    for (const [name, settings] of Object.entries(configured)) {
      const before = known.find((one) => one.name === name) ?? this.#removed.get(name);
      const definition = this.#configured(name, settings, before);
      if (definition.stopped) this.#deps.log.info({ stream: name }, 'not started: a person stopped it');
      await this.#add(definition);
    }
    this.#isOpen = true;
  }

  /**
   * Takes over the streams of changed settings, as the next start would: new ones are made, changed ones replaced, and those that are
   * no longer there stop and belong to the API. What is the same goes on untouched.
   */
  configure(streams: Config['streams']): Promise<void> {
    return this.#inTurn(async () => {
      for (const stream of this.all) {
        const { name, origin } = stream.definition;
        if (origin === 'api' || name in streams) continue;
        const orphan: StreamDefinition = { ...stream.definition, origin: 'api', stopped: true };
        await writeDefinition(this.#deps.store.db, orphan);
        stream.redefine(orphan);
        await stream.stop('no longer in the settings');
        this.publish('stream.changed', orphan);
      }
      for (const [name, settings] of Object.entries(streams)) {
        const running = this.#streams.get(name);
        const definition = this.#configured(name, settings, running?.definition ?? this.#removed.get(name));
        if (!running) await this.#add(definition, 'stream.created');
        else if (revisionOf(running.definition) !== revisionOf(definition)) await this.#swap(running, definition);
      }
    });
  }

  #configured(
    name: string,
    { keep, ...settings }: StreamConfig,
    before: StreamDefinition | undefined,
  ): StreamDefinition {
    const nowMs = this.#deps.clock.nowMs();
    const { id, createdUs } = before ?? { id: newId(nowMs), createdUs: Math.round(nowMs * 1000) };
    // What left the settings was stopped by that, and runs again when it is back.
    const stopped = before !== undefined && before.origin !== 'api' && before.stopped;
    return { ...settings, id, name, keepMs: keep, createdUs, stopped };
  }

  /** All streams, by name. */
  get all(): readonly ManagedStream[] {
    return [...this.#streams.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** What retention keeps. */
  get retentionRules(): readonly RetentionRule[] {
    const { keep } = this.#deps.settings.now.record;
    const removed = [...this.#removed.values()].map(({ id, keepMs }) => ({ streamId: id, keepMs: keepMs ?? keep }));
    return [...this.all.map((stream) => stream.retentionRule), ...removed];
  }

  /** Whether every known stream is open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The oldest group of a stream that the index does not know yet. */
  oldestOpen(streamId: string): RecordedGroup | undefined {
    return this.all.find(({ definition }) => definition.id === streamId)?.recording.open[0];
  }

  /** Bytes of all recordings, those of removed streams and open files included. */
  async recordedBytes(): Promise<number> {
    const totals = await Promise.all(this.retentionRules.map(({ streamId }) => this.#deps.table.totals(streamId)));
    return totals.reduce((sum, { bytes }) => sum + bytes, this.openBytes);
  }

  /** Bytes of the files that are being written. */
  get openBytes(): number {
    return this.all.reduce((sum, stream) => sum + openBytes(stream), 0);
  }

  /** Retention deleted everything of a stream before `us` (since 1970) but what is pinned. */
  setDeletedBefore(streamId: string, us: number): void {
    for (const stream of this.#streams.values()) if (stream.definition.id === streamId) stream.setDeletedBefore(us);
  }

  /** A stream by name, or undefined; also while they are being opened. */
  find(name: string): ManagedStream | undefined {
    return this.#streams.get(name);
  }

  /**
   * A stream by name; undefined only where there is none.
   *
   * @throws OxbowError `not-ready` while the streams are being opened and this one is not there yet
   */
  lookUp(name: string): ManagedStream | undefined {
    const stream = this.#streams.get(name);
    if (!stream) this.assertOpen();
    return stream;
  }

  /** Throws `not-ready` until every known stream was opened. */
  assertOpen(): void {
    if (this.#isOpen) return;
    throw new OxbowError('not-ready', 'the streams are being opened', { extra: { retryAfterSeconds: 1 } });
  }

  /**
   * A stream by name.
   *
   * @throws OxbowError `stream-unknown`, `not-ready` as `lookUp`
   */
  get(name: string): ManagedStream {
    const stream = this.lookUp(name);
    if (!stream) throw streamUnknown(name);
    return stream;
  }

  /** See PublisherClaims. */
  async claim(name: string, request: PublishRequest): Promise<Publisher> {
    try {
      await request.authorize(name);
    } catch (error) {
      if (error instanceof OxbowError) this.find(name)?.publishers.refused(request, error);
      throw error;
    }
    return this.get(name).publishers.claim(request);
  }

  /**
   * Makes and starts a stream.
   *
   * @throws OxbowError `stream-exists`, `bad-name`, `bad-request`
   */
  create(name: string, settings: StreamSettings): Promise<ManagedStream> {
    return this.#inTurn(() => this.#create(name, settings));
  }

  async #create(name: string, settings: StreamSettings): Promise<ManagedStream> {
    parseStreamName(name);
    if (this.#streams.has(name)) throw new OxbowError('stream-exists', `there is a stream named ${name}`);
    const nowMs = this.#deps.clock.nowMs();
    const fresh = { id: newId(nowMs), createdUs: Math.round(nowMs * 1000) };
    const { id, createdUs } = this.#removed.get(name) ?? fresh;
    return this.#add(this.#define(settings, { id, name, createdUs }), 'stream.created');
  }

  /**
   * Replaces a stream's settings, or makes it; its past stays.
   *
   * @param check throws where what is there is not what was meant
   * @throws OxbowError `managed-elsewhere`, `bad-name`, `bad-request`
   */
  replace(
    name: string,
    settings: StreamSettings,
    check?: Precondition,
  ): Promise<{ stream: ManagedStream; created: boolean }> {
    return this.#inTurn(async () => {
      const before = this.#streams.get(name);
      check?.(before && revisionOf(before.definition));
      if (!before) return { stream: await this.#create(name, settings), created: true };
      assertOurs(before);
      const { id, createdUs } = before.definition;
      return { stream: await this.#swap(before, this.#define(settings, { id, name, createdUs })), created: false };
    });
  }

  /** Another definition of a stream that is there: what feeds it goes on where the source is the same. */
  async #swap(stream: ManagedStream, definition: StreamDefinition): Promise<ManagedStream> {
    if (stream.closed || !isSameSource(definition.source, stream.definition.source)) {
      // Written first: where the database fails, the stream is not touched.
      await writeDefinition(this.#deps.store.db, definition);
      await this.#release(stream, 'replaced');
      try {
        return await this.#add(definition, 'stream.changed');
      } catch (error) {
        await this.#putBack(stream);
        throw error;
      }
    }
    await writeDefinition(this.#deps.store.db, definition);
    stream.redefine(definition);
    this.publish('stream.changed', definition);
    if (!definition.stopped) await stream.start();
    return stream;
  }

  /** Opens a closed stream as it was. While that fails too, its name still serves its past, and a start tries again. */
  async #putBack(stream: ManagedStream): Promise<void> {
    try {
      await this.#add(stream.definition);
    } catch (error) {
      this.#streams.set(stream.name, stream);
      this.#deps.log.error({ stream: stream.name, error: messageOf(error) }, 'a stream could not be opened again');
    }
  }

  /**
   * Removes a stream; its recordings stay on the disk unless they are deleted too.
   *
   * @throws OxbowError `stream-unknown`, `managed-elsewhere`
   */
  remove(
    name: string,
    { recordings, check }: { recordings: 'keep' | 'delete'; check?: Precondition | undefined },
  ): Promise<void> {
    return this.#inTurn(async () => {
      const stream = this.get(name);
      check?.(revisionOf(stream.definition));
      assertOurs(stream);
      await this.#release(stream, 'removed');
      this.#deps.events.publish('stream.removed', { recordings }, stream.definition);
      this.#deps.metrics.forgetStream(name);
      if (recordings === 'delete') {
        await eraseStream(this.#deps, stream.definition.id);
        return;
      }
      await hideStream(this.#deps.store.db, stream.definition.id, Math.round(this.#deps.clock.nowMs() * 1000));
      this.#removed.set(name, stream.definition);
    });
  }

  /** Starts a stream that was stopped. */
  start(name: string): Promise<void> {
    return this.#inTurn(() => this.#setStopped(this.get(name), false));
  }

  /** Stops a stream until it is started again, also over restarts. */
  stop(name: string): Promise<void> {
    return this.#inTurn(() => this.#setStopped(this.get(name), true));
  }

  /** Connects to the source anew. */
  restart(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const stream = this.get(name);
      await stream.stop('restarted');
      await this.#setStopped(stream, false);
    });
  }

  /** Closes every stream: sources end, files are sealed. Changes under way come to their end first. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#changing.then(async () => {
      await Promise.all(this.all.map((stream) => stream.close()));
      this.#streams.clear();
    });
    return this.#closing;
  }

  async #add(definition: StreamDefinition, told?: 'stream.created' | 'stream.changed'): Promise<ManagedStream> {
    await writeDefinition(this.#deps.store.db, definition);
    const stream = await ManagedStream.open(this.#deps, definition, { signal: this.#signal });
    this.#removed.delete(definition.name);
    this.#streams.set(definition.name, stream);
    if (told) this.publish(told, definition);
    if (!definition.stopped) await stream.start();
    return stream;
  }

  /** Publishes that a stream is new or was changed. */
  publish(type: 'stream.created' | 'stream.changed', definition: StreamDefinition): void {
    const { title, visibility, record, origin } = definition;
    this.#deps.events.publish(type, { title, visibility, record, origin }, definition);
  }

  /** Its list ends, so that nobody waits for more of it. */
  async #release(stream: ManagedStream, why: string): Promise<void> {
    this.#streams.delete(stream.name);
    await stream.stop(why);
    await stream.close();
  }

  async #setStopped(stream: ManagedStream, stopped: boolean): Promise<void> {
    const definition = { ...stream.definition, stopped };
    await writeDefinition(this.#deps.store.db, definition);
    stream.redefine(definition);
    if (stopped) await stream.stop('stopped by a person');
    else if (stream.closed) await this.#add(definition);
    else await stream.start();
  }

  #define(settings: StreamSettings, given: Pick<StreamDefinition, 'id' | 'name' | 'createdUs'>): StreamDefinition {
    const { source, title, description, record, keep, visibility } = settings;
    try {
      return {
        ...given,
        source: sourceOf(source),
        origin: 'api',
        title: title?.trim() ?? '',
        description: description?.trim() ?? '',
        record: record ?? true,
        keepMs: keep === undefined ? undefined : parseDuration(keep),
        visibility: visibility ?? defaultVisibility(this.#deps.settings.now),
        visibilityIsSet: visibility !== undefined,
        stopped: false,
      };
    } catch (error) {
      if (error instanceof FormatError) throw new OxbowError('bad-request', error.message, { cause: error });
      throw error;
    }
  }

  /** Changes come one after the other; whoever asked for one that fails is told, the next one goes on. */
  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new OxbowError('not-ready', 'oxbow is shutting down');
    const turn = this.#changing.then(change);
    this.#changing = turn.catch(() => undefined);
    return turn;
  }
}

/** What feeds a stream may go on: a push source says no more than how publishers are treated. */
function isSameSource(a: SourceConfig, b: SourceConfig): boolean {
  return a.type === 'push' ? b.type === 'push' : JSON.stringify(a) === JSON.stringify(b);
}

function assertOurs(stream: ManagedStream): void {
  const { name, origin } = stream.definition;
  if (origin === 'api') return;
  throw new OxbowError('managed-elsewhere', `${name} is set by: ${origin}`);
}

/** Ids sort by creation and never meet. */
function newId(nowMs: number): string {
  return `${Math.floor(nowMs).toString(36)}-${randomBytes(6).toString('hex')}`;
}
