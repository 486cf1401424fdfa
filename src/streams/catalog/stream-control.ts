/**
 * Changes the streams of a catalog, one change after the other: opens, creates, replaces, moves, starts and
 * stops them.
 * In: settings at start, the API while running, changes of owners. Out: the catalog; rows in the store.
 */
import type { StreamPatch, StreamSettings } from '../../api/shapes.ts';
import { parseStreamName } from '../../api/stream/stream-refusals.ts';
import type { Precondition } from '../../api/streams-api.ts';
import type { Config } from '../../config/schema.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { mapEach } from '../../lib/map-each.ts';
import { Catalog } from '../catalog.ts';
import { MovedStreams } from '../cluster/moved-streams.ts';
import { assertManagedHere, isSameSource, type StreamDefinition } from '../definition.ts';
import { ManagedStream } from '../managed-stream.ts';
import { revisionOf } from '../revision.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { publishSettings } from '../stream-events.ts';
import { reportStreamBug } from '../stream-reports.ts';
import { configuredStream, defineStream, newStreamId, patchStream } from '../stream-settings.ts';
import { eraseStream, hideStream, writeDefinition } from '../stream-table.ts';
import { readKnownStreams } from './known-streams.ts';
import { type Opening, OpeningStreams } from './opening-streams.ts';
import { assertMovable, isOwn, leavingPublisherOf, readAdopted, waitForLeave } from './owned-streams.ts';
import { UnopenedStreams } from './unopened-streams.ts';

/** Runs the streams of a process, which are in `catalog`. */
export class StreamControl {
  readonly catalog: Catalog;
  readonly #deps: StreamDeps;
  readonly #signal: AbortSignal;
  readonly #streams = new Map<string, ManagedStream>();
  readonly #removed = new Map<string, StreamDefinition>();
  readonly #unopened: UnopenedStreams;
  readonly #opening: OpeningStreams;
  #isOpen = false;
  /** The last queued change; changes run one after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #moved: MovedStreams | undefined;

  /** @param options.signal ends recovery at start */
  constructor(deps: StreamDeps, { signal }: { signal: AbortSignal }) {
    this.#deps = deps;
    this.#signal = signal;
    this.#opening = new OpeningStreams(deps, { signal });
    this.#unopened = new UnopenedStreams(deps, (name) => this.#inTurn(() => this.#openAgain(name)));
    this.catalog = new Catalog(deps, {
      running: this.#streams,
      removed: this.#removed,
      unopened: this.#unopened,
      toOpen: () => this.#moved?.toOpen ?? [],
      areOpen: () => this.#isOpen,
    });
  }

  /**
   * Opens every known stream, a few at a time; see `catalog.unopened` for those that fail or take long.
   * Changes requested meanwhile wait.
   */
  open(): Promise<void> {
    return this.#inTurn(() => this.#open());
  }

  async #open(): Promise<void> {
    const inTurn = (change: () => Promise<void>) => this.#inTurn(change);
    const [adopt, leave] = [(name: string) => this.#adopt(name), (name: string) => this.#leave(name)];
    this.#moved = new MovedStreams({ ...this.#deps, inTurn, adopt, leave });
    const definitions = await readKnownStreams(this.#deps, this.#removed);
    // After an abort it waits for those under way: `close` closes open streams.
    await mapEach(definitions, (each) => this.#addOrWait(each)).finally(() => this.#signal.throwIfAborted());
    this.#isOpen = true;
  }

  /**
   * Applies the streams of changed settings, as the next start would: creates new ones and replaces changed
   * ones. Streams that are no longer configured stop and belong to the API. Unchanged streams continue.
   */
  configure(streams: Config['streams']): Promise<void> {
    return this.#inTurn(async () => {
      for (const stream of this.catalog.all) {
        const { name, origin } = stream.definition;
        if (origin === 'api' || name in streams) continue;
        const orphan: StreamDefinition = { ...stream.definition, relays: undefined, origin: 'api', stopped: true };
        await writeDefinition(this.#deps.store, orphan);
        stream.redefine(orphan);
        await stream.stop('no longer in the settings');
        publishSettings(this.#deps.events, 'stream.changed', orphan);
      }
      for (const [name, settings] of Object.entries(streams)) {
        if (!(await isOwn(this.#deps.placement, name, { anywhere: true }))) continue;
        const running = this.#streams.get(name);
        const before = running?.definition ?? this.#removed.get(name);
        const definition = configuredStream(name, settings, before, this.#deps.clock.nowMs());
        if (!running) await this.#addOrWait(definition, 'stream.created');
        else if (revisionOf(running.definition) !== revisionOf(definition)) await this.#swap(running, definition);
      }
    });
  }

  /** Creates and starts a stream. @throws OxbowError `stream-exists`, `bad-name`, `bad-request` */
  create(name: string, settings: StreamSettings): Promise<ManagedStream> {
    return this.#inTurn(() => this.#create(name, settings));
  }

  async #create(name: string, settings: StreamSettings): Promise<ManagedStream> {
    parseStreamName(name);
    this.#unopened.assertNone(name);
    const nowMs = this.#deps.clock.nowMs();
    const fresh = { id: newStreamId(nowMs), createdUs: Math.round(nowMs * 1000) };
    const { id, createdUs } = this.#removed.get(name) ?? fresh;
    const definition = defineStream(settings, { id, name, createdUs }, this.#deps.settings.now);
    if (this.#streams.has(name) || !(await isOwn(this.#deps.placement, name))) {
      throw new OxbowError('stream-exists', `A stream named ${name} exists already.`);
    }
    return this.#add(definition, 'stream.created');
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
      assertManagedHere(before.definition);
      const { id, createdUs, startMarkMs } = before.definition;
      const defined = defineStream(settings, { id, name, createdUs }, this.#deps.settings.now, before.definition);
      const kept = startMarkMs === undefined ? defined : { ...defined, startMarkMs };
      return { stream: await this.#swap(before, kept), created: false };
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
      const stream = this.catalog.get(name);
      check?.(revisionOf(stream.definition));
      assertManagedHere(stream.definition);
      return this.#swap(stream, patchStream(stream.definition, patch, this.#deps.settings.now));
    });
  }

  /** Replaces the definition of a stream. If the source is the same, it continues. */
  async #swap(stream: ManagedStream, definition: StreamDefinition): Promise<ManagedStream> {
    if (stream.status.isClosed || !isSameSource(definition.source, stream.definition.source)) {
      // Written first: if the database fails, the stream is unchanged.
      await writeDefinition(this.#deps.store, definition);
      await this.#release(stream, 'replaced');
      try {
        return await this.#add(definition, 'stream.changed');
      } catch (error) {
        await this.#putBack(stream);
        throw error;
      }
    }
    await writeDefinition(this.#deps.store, definition);
    stream.redefine(definition);
    publishSettings(this.#deps.events, 'stream.changed', definition);
    if (!definition.stopped) await stream.start();
    return stream;
  }

  /**
   * Opens a closed stream again. If that fails too, the closed stream still serves its recording, and a start
   * tries again.
   */
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
   * @throws OxbowError `stream-unknown`, `managed-elsewhere`; `recording-in-use` if an asset needs the
   *   recording
   */
  remove(
    name: string,
    { recordings, check }: { recordings: 'keep' | 'delete'; check?: Precondition | undefined },
  ): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#opening.has(name)) this.#unopened.assertNone(name);
      const { definition } = this.#unopened.find(name) ?? this.catalog.get(name);
      check?.(revisionOf(definition));
      assertManagedHere(definition);
      if (recordings === 'delete') this.#deps.recordings.pins.assertFree(definition.id);
      // Written first: if the database fails, or the stream is another node's, it is unchanged.
      await hideStream(this.#deps.store, definition.id, Math.round(this.#deps.clock.nowMs() * 1000));
      this.#unopened.delete(name);
      const stream = this.#streams.get(name);
      if (stream) await this.#release(stream, 'removed');
      this.#deps.events.publish('stream.removed', { recordings }, definition);
      this.#deps.metrics.forgetStream(name);
      if (recordings === 'delete') {
        await this.#deps.recordings.kept.forget(definition);
        await eraseStream(this.#deps, definition.id);
        await this.#deps.placement.forget('stream', name);
      } else this.#removed.set(name, definition);
    });
  }

  /**
   * Gives a stream to another node, which then runs it. Its files stay here.
   *
   * @param options.waits a publisher that was led away may leave first: it has six seconds
   * @returns false: its publisher was led away, and has not left
   * @throws OxbowError `stream-unknown`; `publisher-active` while it has a publisher, or this node reads its
   *   source
   */
  async give(name: string, to: string, { waits }: { readonly waits: boolean }): Promise<boolean> {
    const running = this.#streams.get(name);
    if (running && leavingPublisherOf(running)) {
      if (!waits) return false;
      await waitForLeave(running, `it moves to the node ${to}`);
    }
    await this.#inTurn(async () => {
      const stream = this.catalog.get(name);
      assertMovable(stream, this.#deps.placement);
      await this.#release(stream, `it moves to the node ${to}`, to);
      let isGiven = false;
      try {
        isGiven = await this.#deps.placement.give('stream', name, to);
      } finally {
        // After a failure it may be the other node's all the same: then this one is notified, and closes it
        // again.
        if (!isGiven) await this.#putBack(stream);
      }
    });
    return true;
  }

  /** Opens a stream that another node had. */
  async #adopt(name: string): Promise<void> {
    const adopted = this.#streams.has(name) ? undefined : await readAdopted(this.#deps, name);
    if (!adopted) return;
    if (adopted.isRemoved) this.#removed.set(name, adopted.definition);
    else await this.#addOrWait(adopted.definition, undefined, true);
    this.#deps.log.info({ stream: name }, 'this node runs the stream now');
  }

  /** Closes a stream that another node has. Its rows are the other node's. */
  async #leave(name: string): Promise<void> {
    this.#removed.delete(name);
    if (this.#deps.placement.find('stream', name) !== 'own') this.#unopened.delete(name);
    const stream = this.#streams.get(name);
    if (!stream || this.#deps.placement.find('stream', name) === 'own') return;
    this.#deps.log.warn({ stream: name }, 'another node runs the stream now');
    const owner = this.#deps.placement.find('stream', name);
    await this.#release(stream, 'another node runs it', owner === 'own' ? undefined : owner?.name);
    this.#deps.metrics.forgetStream(name);
  }

  /** Starts a stopped stream, or opens one that could not be opened. */
  start(name: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#openAgain(name);
      await this.#setStopped(this.catalog.get(name), false);
    });
  }

  /** Stops a stream until it is started again, also after a restart of oxbow. */
  stop(name: string): Promise<void> {
    return this.#inTurn(() => this.#setStopped(this.catalog.get(name), true));
  }

  /**
   * Drops the media of a stream until it is resumed, also after a restart of oxbow; its publisher stays
   * connected. Or lets the media of a paused stream pass again.
   */
  setPaused(name: string, paused: boolean): Promise<void> {
    return this.#inTurn(() => this.#setPaused(this.catalog.get(name), paused));
  }

  /** Sets the start mark, ms since 1970; undefined removes it. @throws OxbowError `stream-unknown` */
  setStartMark(name: string, atMs: number | undefined): Promise<ManagedStream> {
    return this.#inTurn(() => this.#setStartMark(this.catalog.get(name), atMs));
  }

  /** Connects to the source again. */
  restart(name: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#openAgain(name);
      const stream = this.catalog.get(name);
      await stream.stop('restarted');
      await this.#setStopped(stream, false);
    });
  }

  /** Resolves after the changes that are pending now. */
  async settled(): Promise<void> {
    await this.#changing;
  }

  /** Closes every stream, after pending changes: ends sources, seals files. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#changing.then(async () => {
      this.#unopened[Symbol.dispose]();
      await this.#moved?.[Symbol.asyncDispose]();
      await Promise.all(this.catalog.all.map((stream) => stream.close()));
      this.#streams.clear();
      await this.#opening.end();
    });
    return this.#closing;
  }

  /** Opens a stream that could not be opened. If it fails again, a later try follows. */
  async #openAgain(name: string): Promise<void> {
    const waiting = this.#unopened.find(name);
    if (waiting && this.#isOpen) await this.#addOrWait(waiting.definition, undefined, waiting.isAdopted);
  }

  /**
   * Opens a stream. One that cannot be opened is tried again later, and one that takes long is opened in
   * parallel: others must not wait.
   */
  async #addOrWait(definition: StreamDefinition, event?: 'stream.created', isAdopted = false): Promise<void> {
    const open = async (opening: Opening): Promise<void> => {
      try {
        await this.#add(definition, event, isAdopted, opening);
      } catch (error) {
        // It may have moved, or have other settings, since its turn ended.
        const wanted = opening.isSlow ? this.#unopened.find(definition.name)?.definition : definition;
        if (opening.signal.aborted || this.#closing) throw error;
        if (this.#streams.has(definition.name)) reportStreamBug(this.#deps, definition.name, error, 'it was started');
        else if (wanted) this.#unopened.add(wanted, error, isAdopted);
      }
    };
    await this.#opening.run(definition.name, open, (silence) => this.#unopened.hold(definition, silence, isAdopted));
  }

  /** @param isAdopted another node had it until now */
  async #add(
    definition: StreamDefinition,
    event?: 'stream.created' | 'stream.changed',
    isAdopted = false,
    opening?: Opening,
  ): Promise<ManagedStream> {
    await writeDefinition(this.#deps.store, definition);
    const { signal } = opening ?? { signal: this.#signal };
    const stream = await ManagedStream.open(this.#deps, definition, { signal, isAdopted });
    if (!opening?.isSlow) return this.#run(stream, event);
    try {
      return await this.#inTurn(async () => {
        if (this.#unopened.find(stream.name)?.definition !== definition)
          throw new OxbowError('not-ready', 'The stream was changed or has moved while it was opened.');
        return await this.#run(stream, event);
      });
    } catch (error) {
      if (this.#streams.get(stream.name) !== stream) await stream.close();
      throw error;
    }
  }

  async #run(stream: ManagedStream, event?: 'stream.created' | 'stream.changed'): Promise<ManagedStream> {
    const { definition } = stream;
    this.#removed.delete(definition.name);
    this.#unopened.delete(definition.name);
    this.#streams.set(definition.name, stream);
    if (event) publishSettings(this.#deps.events, event, definition);
    if (!definition.stopped) await stream.start();
    return stream;
  }

  /** Stops and closes a stream. Its live playlist ends. */
  async #release(stream: ManagedStream, why: string, movedTo?: string): Promise<void> {
    this.#streams.delete(stream.name);
    await stream.stop(why, movedTo);
    await stream.close();
  }

  async #setStopped(stream: ManagedStream, stopped: boolean): Promise<void> {
    const { locked } = stream.definition;
    if (!stopped && locked?.source !== undefined) {
      throw new OxbowError('sealed-elsewhere', `Another key has sealed the source of ${stream.name}.`);
    }
    const kept = locked && { locked: { ...locked, wasStopped: stopped } };
    const definition = { ...stream.definition, stopped, ...kept };
    await writeDefinition(this.#deps.store, definition);
    stream.redefine(definition);
    if (stopped) await stream.stop('stopped by a person');
    else if (stream.status.isClosed) await this.#add(definition);
    else await stream.start();
  }

  async #setStartMark(stream: ManagedStream, startMarkMs: number | undefined): Promise<ManagedStream> {
    const { startMarkMs: _, ...rest } = stream.definition;
    const definition: StreamDefinition = startMarkMs === undefined ? rest : { ...rest, startMarkMs };
    await writeDefinition(this.#deps.store, definition);
    stream.redefine(definition);
    publishSettings(this.#deps.events, 'stream.changed', definition);
    return stream;
  }

  async #setPaused(stream: ManagedStream, paused: boolean): Promise<void> {
    if (stream.definition.paused === paused) return;
    const definition = { ...stream.definition, paused };
    await writeDefinition(this.#deps.store, definition);
    stream.redefine(definition);
  }

  /** Runs a change after the ones before it, even if those failed. */
  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new OxbowError('not-ready', 'oxbow is shutting down.');
    const turn = this.#changing.then(change);
    this.#changing = turn.catch(() => undefined);
    return turn;
  }
}
