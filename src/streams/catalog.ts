/**
 * All streams of this process: those of the command line and configuration, and those created over the API.
 * In: settings at start, the API while running. Out: managed streams by name; rows in the store.
 */
import { randomBytes } from 'node:crypto';
import type { StreamPatch, StreamSettings } from '../api/shapes.ts';
import { parseStreamName, streamUnknown } from '../api/stream-name.ts';
import type { Precondition } from '../api/streams-api.ts';
import { recordingOf } from '../archive/recording-locations.ts';
import type { Config, SourceConfig, StreamConfig } from '../config/schema.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import type { GrowingRecording } from '../observe/disk-forecast.ts';
import type { RecordedGroup } from '../recording/recording-reader.ts';
import type { RetentionRule } from '../recording/retention.ts';
import { forgetClips } from './clips/lose-clips.ts';
import type { StreamDefinition } from './definition.ts';
import { ManagedStream } from './managed-stream.ts';
import { revisionOf } from './revision.ts';
import type { StreamDeps } from './stream-deps.ts';
import { defineStream, patchStream } from './stream-settings.ts';
import { eraseStream, hideStream, readDefinitions, readRemoved, writeDefinition } from './stream-table.ts';
import { openBytes } from './views.ts';

/** The streams of a process. */
export class Catalog {
  readonly #deps: StreamDeps;
  readonly #signal: AbortSignal;
  readonly #streams = new Map<string, ManagedStream>();
  /** Removed streams whose recordings are kept until retention deletes them. */
  readonly #removed = new Map<string, StreamDefinition>();
  #isOpen = false;
  /** The last queued change; changes run one after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  /**
   * @param options.signal ends recovery at start
   */
  constructor(deps: StreamDeps, { signal }: { signal: AbortSignal }) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Opens every known stream and starts those that should run. Changes requested meanwhile wait. */
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
      // A stream that is no longer configured belongs to the API: its recording can be played, and it can be removed.
      const orphan = definition.origin !== 'api';
      await this.#add(orphan ? { ...definition, origin: 'api', stopped: true } : definition);
    }
    for (const [name, settings] of Object.entries(configured)) {
      const before = known.find((one) => one.name === name) ?? this.#removed.get(name);
      const definition = this.#configured(name, settings, before);
      if (definition.stopped) this.#deps.log.info({ stream: name }, 'not started: the stream was stopped');
      await this.#add(definition);
    }
    this.#isOpen = true;
  }

  /**
   * Applies the streams of changed settings, as the next start would: creates new ones and replaces changed ones. Streams that are no
   * longer configured stop and belong to the API. Unchanged streams continue.
   */
  configure(streams: Config['streams']): Promise<void> {
    return this.#inTurn(async () => {
      for (const stream of this.all) {
        const { name, origin } = stream.definition;
        if (origin === 'api' || name in streams) continue;
        const orphan: StreamDefinition = { ...stream.definition, relays: undefined, origin: 'api', stopped: true };
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
    { keep, keys: _, ...settings }: StreamConfig,
    before: StreamDefinition | undefined,
  ): StreamDefinition {
    const nowMs = this.#deps.clock.nowMs();
    const { id, createdUs } = before ?? { id: newId(nowMs), createdUs: Math.round(nowMs * 1000) };
    // A stream that was stopped because it left the settings runs again when it is configured again.
    const stopped = before !== undefined && before.origin !== 'api' && before.stopped;
    return { ...settings, id, name, keepMs: keep, createdUs, stopped, paused: before?.paused ?? false };
  }

  /** All streams, by name. */
  get all(): readonly ManagedStream[] {
    return [...this.#streams.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The retention rule of every stream, removed ones included. */
  get retentionRules(): readonly RetentionRule[] {
    const { keep } = this.#deps.settings.now.record;
    const removed = [...this.#removed.values()].map(({ id, keepMs }) => ({ streamId: id, keepMs: keepMs ?? keep }));
    return [...this.all.map((stream) => stream.retentionRule), ...removed];
  }

  /** The definition of a stream by its id, of a removed one too. */
  definitionOf(streamId: string): StreamDefinition | undefined {
    for (const { definition } of this.#streams.values()) if (definition.id === streamId) return definition;
    for (const definition of this.#removed.values()) if (definition.id === streamId) return definition;
    return undefined;
  }

  /** Whether every known stream is open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The oldest group of a recording, of a stream or of one of its qualities, that is not indexed yet. */
  oldestOpen(recordingId: string): RecordedGroup | undefined {
    const { streamId, rung } = recordingOf(recordingId);
    const stream = this.all.find(({ definition }) => definition.id === streamId);
    return (rung === undefined ? stream?.recording : stream?.recordedQualities.get(rung)?.own)?.open[0];
  }

  /** Bytes of all recordings, those of removed streams and open files included. */
  async recordedBytes(): Promise<number> {
    const { table, storyboards } = this.#deps;
    const bytesOf = async ({ streamId }: RetentionRule) =>
      (await table.totals(streamId)).bytes + (await storyboards.bytesOf(streamId));
    const all = await Promise.all(this.retentionRules.map(bytesOf));
    return all.reduce((sum, bytes) => sum + bytes, this.openBytes);
  }

  /** The recordings that grow now, each until it is as long as it is kept. */
  async growingRecordings(): Promise<readonly GrowingRecording[]> {
    const live = this.all.filter(({ definition, rates }) => definition.record && rates !== undefined);
    return Promise.all(
      live.map(async ({ rates, retentionRule: { streamId, keepMs } }) => {
        const { durationUs } = await this.#deps.table.totals(streamId);
        return { bytesPerSecond: rates!.bitrate / 8, growsForS: Math.max(0, keepMs / 1000 - durationUs / 1e6) };
      }),
    );
  }

  /** Bytes of the files that are being written. */
  get openBytes(): number {
    return this.all.reduce((sum, stream) => sum + openBytes(stream), 0);
  }

  /** Retention deleted all media of a stream before `us` (since 1970) that is not pinned. */
  setDeletedBefore(streamId: string, us: number): void {
    for (const stream of this.#streams.values()) if (stream.definition.id === streamId) stream.setDeletedBefore(us);
  }

  /** A stream by name, or undefined; also before `open` resolves. */
  find(name: string): ManagedStream | undefined {
    return this.#streams.get(name);
  }

  /**
   * A stream by name; undefined if it does not exist.
   *
   * @throws OxbowError `not-ready` while streams are being opened and this one is not open yet
   */
  lookUp(name: string): ManagedStream | undefined {
    const stream = this.#streams.get(name);
    if (!stream) this.assertOpen();
    return stream;
  }

  /** Throws `not-ready` until every known stream is open. */
  assertOpen(): void {
    if (this.#isOpen) return;
    throw new OxbowError('not-ready', 'streams are being opened', { extra: { retryAfterSeconds: 1 } });
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

  /**
   * Creates and starts a stream.
   *
   * @throws OxbowError `stream-exists`, `bad-name`, `bad-request`
   */
  create(name: string, settings: StreamSettings): Promise<ManagedStream> {
    return this.#inTurn(() => this.#create(name, settings));
  }

  async #create(name: string, settings: StreamSettings): Promise<ManagedStream> {
    parseStreamName(name);
    if (this.#streams.has(name)) throw new OxbowError('stream-exists', `a stream named ${name} exists already`);
    const nowMs = this.#deps.clock.nowMs();
    const fresh = { id: newId(nowMs), createdUs: Math.round(nowMs * 1000) };
    const { id, createdUs } = this.#removed.get(name) ?? fresh;
    return this.#add(defineStream(settings, { id, name, createdUs }, this.#deps.settings.now), 'stream.created');
  }

  /**
   * Replaces the settings of a stream, or creates it. Its recording is kept.
   *
   * @param check throws if the current revision is not the expected one
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
      assertManagedHere(before);
      const { id, createdUs } = before.definition;
      return {
        stream: await this.#swap(before, defineStream(settings, { id, name, createdUs }, this.#deps.settings.now)),
        created: false,
      };
    });
  }

  /**
   * Changes settings of a stream; its source continues.
   *
   * @param check throws if the current revision is not the expected one
   * @throws OxbowError `stream-unknown`, `managed-elsewhere`, `bad-request`
   */
  update(name: string, patch: StreamPatch, check?: Precondition): Promise<ManagedStream> {
    return this.#inTurn(async () => {
      const stream = this.get(name);
      check?.(revisionOf(stream.definition));
      assertManagedHere(stream);
      return this.#swap(stream, patchStream(stream.definition, patch, this.#deps.settings.now));
    });
  }

  /** Replaces the definition of a stream. If the source is the same, it continues. */
  async #swap(stream: ManagedStream, definition: StreamDefinition): Promise<ManagedStream> {
    if (stream.closed || !isSameSource(definition.source, stream.definition.source)) {
      // Written first: if the database fails, the stream is unchanged.
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

  /** Opens a closed stream again. If that fails too, the closed stream still serves its recording, and a start tries again. */
  async #putBack(stream: ManagedStream): Promise<void> {
    try {
      await this.#add(stream.definition);
    } catch (error) {
      this.#streams.set(stream.name, stream);
      this.#deps.log.error({ stream: stream.name, error: messageOf(error) }, 'a stream could not be opened again');
    }
  }

  /**
   * Removes a stream; its recording stays on the disk unless it is deleted too.
   *
   * @throws OxbowError `stream-unknown`, `managed-elsewhere`; `recording-in-use` if an asset needs the recording
   */
  remove(
    name: string,
    { recordings, check }: { recordings: 'keep' | 'delete'; check?: Precondition | undefined },
  ): Promise<void> {
    return this.#inTurn(async () => {
      const stream = this.get(name);
      check?.(revisionOf(stream.definition));
      assertManagedHere(stream);
      if (recordings === 'delete') this.#deps.pins.assertFree(stream.definition.id);
      await this.#release(stream, 'removed');
      this.#deps.events.publish('stream.removed', { recordings }, stream.definition);
      this.#deps.metrics.forgetStream(name);
      if (recordings === 'delete') {
        await forgetClips(this.#deps, stream.definition);
        await eraseStream(this.#deps, stream.definition.id);
        return;
      }
      await hideStream(this.#deps.store.db, stream.definition.id, Math.round(this.#deps.clock.nowMs() * 1000));
      this.#removed.set(name, stream.definition);
    });
  }

  /** Starts a stopped stream. */
  start(name: string): Promise<void> {
    return this.#inTurn(() => this.#setStopped(this.get(name), false));
  }

  /** Stops a stream until it is started again, also after a restart of oxbow. */
  stop(name: string): Promise<void> {
    return this.#inTurn(() => this.#setStopped(this.get(name), true));
  }

  /** Drops the media of a stream until it is resumed, also after a restart of oxbow; its publisher stays connected. */
  pause(name: string): Promise<void> {
    return this.#inTurn(() => this.#setPaused(this.get(name), true));
  }

  /** Lets the media of a paused stream pass again. */
  resume(name: string): Promise<void> {
    return this.#inTurn(() => this.#setPaused(this.get(name), false));
  }

  /** Connects to the source again. */
  restart(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const stream = this.get(name);
      await stream.stop('restarted');
      await this.#setStopped(stream, false);
    });
  }

  /** Closes every stream, after pending changes: ends sources, seals files. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#changing.then(async () => {
      await Promise.all(this.all.map((stream) => stream.close()));
      this.#streams.clear();
    });
    return this.#closing;
  }

  async #add(definition: StreamDefinition, event?: 'stream.created' | 'stream.changed'): Promise<ManagedStream> {
    await writeDefinition(this.#deps.store.db, definition);
    const stream = await ManagedStream.open(this.#deps, definition, { signal: this.#signal });
    this.#removed.delete(definition.name);
    this.#streams.set(definition.name, stream);
    if (event) this.publish(event, definition);
    if (!definition.stopped) await stream.start();
    return stream;
  }

  /** Publishes that a stream was created or changed. */
  publish(type: 'stream.created' | 'stream.changed', definition: StreamDefinition): void {
    const { title, visibility, record, origin } = definition;
    this.#deps.events.publish(type, { title, visibility, record, origin }, definition);
  }

  /** Stops and closes a stream. Its live playlist ends. */
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

  async #setPaused(stream: ManagedStream, paused: boolean): Promise<void> {
    if (stream.definition.paused === paused) return;
    const definition = { ...stream.definition, paused };
    await writeDefinition(this.#deps.store.db, definition);
    stream.redefine(definition);
  }

  /** Runs a change after the ones before it, even if those failed. */
  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new OxbowError('not-ready', 'oxbow is shutting down');
    const turn = this.#changing.then(change);
    this.#changing = turn.catch(() => undefined);
    return turn;
  }
}

/** Whether the publisher can continue. The settings of a push source only concern the next publisher. */
function isSameSource(a: SourceConfig, b: SourceConfig): boolean {
  return a.type === 'push' ? b.type === 'push' : JSON.stringify(a) === JSON.stringify(b);
}

const places = {
  'command-line': 'on the command line',
  configuration: 'in the configuration',
  sample: 'as the sample stream',
};

function assertManagedHere(stream: ManagedStream): void {
  const { name, origin } = stream.definition;
  if (origin === 'api') return;
  throw new OxbowError('managed-elsewhere', `${name} is defined ${places[origin]}.`);
}

/** A unique id that sorts by creation. */
function newId(nowMs: number): string {
  return `${Math.floor(nowMs).toString(36)}-${randomBytes(6).toString('hex')}`;
}
