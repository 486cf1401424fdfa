/**
 * A rig of streams: the test plays their sources and moves their clock; it can close or crash the rig and
 * open it again.
 * In: changes to the defaults. Out: catalog, API, started sources. Used by tests only.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Frame, Track } from '@oxbow/media/frame';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import type { OxbowEvent } from '../api/events.ts';
import type { TimelineView } from '../api/shapes.ts';
import { NO_TEXTS } from '../api/stream/stream-texts.ts';
import type { StreamsApi } from '../api/streams-api.ts';
import { openLocalSegmentStore } from '../archive/local-segment-store.ts';
import type { SegmentPrefix, SegmentStore } from '../archive/segment-store.ts';
import { createLocalEventBus } from '../cluster/bus/local-event-bus.ts';
import { type LeaseStore, Leases } from '../cluster/lease/lease.ts';
import { createLocalLeases } from '../cluster/lease/local-leases.ts';
import { createSolePlacement, type Placement } from '../cluster/placement/placement.ts';
import { loadConfig } from '../config/load.ts';
import type { Config, StreamConfig } from '../config/schema.ts';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import type { StreamInput } from '../live/input.ts';
import { createLog } from '../observe/log.ts';
import { createMetrics } from '../observe/metrics.ts';
import { ChunkQueries } from '../recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../recording/chunks/chunk-table.ts';
import { ErasureTable } from '../recording/erase/erasure-table.ts';
import { KeptWindows } from '../recording/kept/kept-windows.ts';
import { MarkerTable } from '../recording/marker-table.ts';
import { PinTable } from '../recording/pin-table.ts';
import { StatsTable } from '../recording/stats-table.ts';
import { Storyboards } from '../recording/storyboard/storyboards.ts';
import { openStore, type Store } from '../store/db.ts';
import { serveHere } from '../store/store.fixture.ts';
import { createStreamsApi } from './api.ts';
import { StreamControl } from './catalog/stream-control.ts';
import type { Catalog } from './catalog.ts';
import type { StreamDefinition } from './definition.ts';
import { DATABASE_FILE } from './offline/rebuild.ts';
import { PictureTable } from './picture/picture-table.ts';
import { openHorizons } from './record/open-horizons.ts';
import { openMsnMarks } from './record/open-msn-marks.ts';
import type { RecordingRoom, RunSource, StreamDeps, StreamEngines } from './stream-deps.ts';

/** Where the clock of a rig starts, ms since 1970: a ten-minute mark and 100 s. */
export const START_MS = 1_795_000_300_000;

/** A range that contains every recording, ms since 1970. */
export const EVER = [0, 4e12] as const;

/** Settings of a stream that needs no network. */
export const testSource = { source: { type: 'test' } } as const;

/** The settings of a stream of the command line. */
export function configured(change: Partial<StreamConfig> = {}): StreamConfig {
  return {
    ...testSource,
    ...NO_TEXTS,
    record: true,
    keep: undefined,
    visibility: 'public',
    visibilityIsSet: false,
    origin: 'command-line',
    ...change,
  };
}

/** Tracks of a played source; their language survives an MP4 header. */
export const tracks: readonly Track[] = [videoTrack, { ...audioTrack, label: '' }];

/** A folder that is deleted with the test. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** Creates a temporary folder. */
export async function temporaryFolder(): Promise<Folder> {
  const made = await mkdtemp(path.join(tmpdir(), 'oxbow-streams-'));
  return { path: made, [Symbol.asyncDispose]: () => rm(made, { recursive: true, force: true, maxRetries: 5 }) };
}

/** A source that was started, played by the test. */
export class PlayedSource {
  readonly definition: StreamDefinition;
  readonly input: StreamInput;
  /** The options of its start. */
  readonly options: Parameters<RunSource>[2];
  readonly signal: AbortSignal;
  readonly done = Promise.withResolvers<string>();
  readonly #clock: ManualClock;
  #flows = false;
  /** Seconds that the race is ahead of the clock. */
  #raced = 0;

  constructor(definition: StreamDefinition, input: StreamInput, options: Parameters<RunSource>[2], clock: ManualClock) {
    this.definition = definition;
    this.input = input;
    this.options = options;
    this.signal = options.signal;
    this.#clock = clock;
  }

  /**
   * Media as it comes, ten pictures a second with a key frame each second; moves the clock.
   *
   * @param mayRepeat the source lists media that it may have listed before
   */
  flow(ms: number, { mayRepeat = false } = {}): void {
    if (!this.#flows) this.input.startRun({ tracks, utcOffsetUs: 0, clock: 'source', pace: { kind: 'continuous' } });
    this.#flows = true;
    this.input.nextSegment?.({ utcOffsetUs: 0, clock: 'source', listedUs: 0, mayRepeat, missingUs: 0 });
    const from = Math.ceil(this.#clock.nowMs() / 100);
    for (let tick = from; tick < from + ms / 100; tick++) {
      this.#clock.advance(100);
      this.input.publish(frameAt(1, tick, 90_000, tick % 10 === 0));
      this.input.publish(frameAt(2, tick, 48_000, true));
    }
  }

  /** Publishes segments of about a second without moving the clock. */
  race(segments: number): void {
    const from = Math.ceil(this.#clock.nowMs() / 100) + 10 * this.#raced;
    this.#raced += segments + 1;
    // As from a finished playlist.
    this.input.startRun({ tracks, utcOffsetUs: 0, clock: 'source', pace: { kind: 'bursty', intervalS: 1 } });
    for (let tick = from; tick <= from + segments * 10; tick++) {
      this.input.publish(frameAt(1, tick, 90_000, tick % 10 === 0));
      this.input.publish(frameAt(2, tick, 48_000, true));
    }
  }

  /** The source ends its playlist and is awaited for `ms`. */
  ends(ms: number, detail: string): void {
    this.#flows = false;
    this.input.absent('offline', detail);
    this.#clock.advance(ms);
  }

  /** The source is down for `ms`. */
  down(ms: number, detail = 'HTTP 404 seg81.ts'): void {
    this.#flows = false;
    this.input.absent('source-down', detail);
    this.#clock.advance(ms);
  }
}

function frameAt(trackId: number, tick: number, timescale: number, key: boolean): Frame {
  const dts = (tick * timescale) / 10;
  const data = Uint8Array.of(0, 0, 0, 4, trackId, tick & 255, (tick >> 8) & 255, 1);
  return { trackId, dts, pts: dts, duration: timescale / 10, key, data };
}

/** Streams under test. */
export interface StreamsRig extends AsyncDisposable {
  readonly folder: string;
  readonly segments: SegmentStore;
  readonly deps: StreamDeps;
  readonly store: Store & AsyncDisposable;
  readonly clock: ManualClock;
  readonly control: StreamControl;
  readonly catalog: Catalog;
  readonly api: StreamsApi;
  /** Every source that was started, oldest first. */
  readonly sources: PlayedSource[];
  /** Published events, oldest first. */
  readonly events: OxbowEvent[];
  /** Calls of `release`, oldest first, and whether the files existed then. */
  readonly released: { readonly prefix: SegmentPrefix; readonly exists: boolean }[];
  /** Lines of the log. */
  readonly logged: { level: string; msg: string; [field: string]: unknown }[];
  /** The newest source of a stream. */
  source(name: string): PlayedSource;
  /** Resolves when all published media is on the disk or lost. */
  settle(): Promise<void>;
  /** A copy of the folder as a crash would leave it, by default after `settle`; this rig continues. */
  crash(options?: { readonly isSettled?: boolean }): Promise<Folder>;
}

/** Changes to the defaults. */
export interface RigChange
  extends Partial<Pick<StreamDeps, 'runSource'> & RecordingRoom>,
    Pick<StreamEngines, 'makeStillGop' | 'storyboardMaker'> {
  readonly folder: string;
  /** Default: files in `folder`. */
  readonly segments?: SegmentStore;
  /** UTC at which the clock starts, ms since 1970. */
  readonly nowMs?: number;
  /** Default: a new one, which only the sources move. */
  readonly clock?: ManualClock;
  readonly config?: Omit<Partial<Config>, 'live'> & { readonly live?: Partial<Config['live']> };
  readonly maxDisk?: number;
  /** Time to live of the lease on the folder, ms. */
  readonly leaseTtlMs?: number;
  /** Shared with other processes. */
  readonly leases?: LeaseStore;
  /** Owners of streams; default: this process. */
  readonly placement?: Placement;
  /** Does not open the catalog. */
  readonly closed?: boolean;
  readonly signal?: AbortSignal;
}

/** Opens a rig on a folder. Disposing closes it and leaves the folder. */
export async function openStreams(change: RigChange): Promise<StreamsRig> {
  const { folder, nowMs = START_MS } = change;
  const { config } = await loadConfig({});
  const clock = change.clock ?? createManualClock(nowMs);
  const logged: StreamsRig['logged'] = [];
  const log = createLog({ level: 'debug', write: (line) => logged.push(JSON.parse(line)) });
  const metrics = createMetrics();
  const store = await openStore({
    file: path.join(folder, DATABASE_FILE),
    log,
    start: serveHere,
    ...(change.leaseTtlMs !== undefined && { leaseTtlMs: change.leaseTtlMs }),
  });
  const segments = change.segments ?? openLocalSegmentStore({ folder });
  const table = new ChunkTable(store.rows);
  const chunks = new ChunkQueries(store.rows);
  const pins = await PinTable.open(store.db);
  const msnMarks = await openMsnMarks({ dataFolder: folder, store, chunks, clock, log });
  const sources: PlayedSource[] = [];
  const bus = createLocalEventBus({
    clock,
    failed(error) {
      throw error;
    },
  });
  const events: StreamsRig['events'] = [];
  const releases: StreamsRig['released'] = [];
  await bus.subscribe({ event: ({ event }) => void events.push(event) });
  const deps: StreamDeps = {
    settings: {
      now: {
        ...config,
        data: folder,
        record: { ...config.record, sync: 'off', maxDisk: change.maxDisk },
        ...change.config,
        live: { ...config.live, ...change.config?.live },
      },
    },
    recordings: {
      segments,
      table,
      chunks,
      msnMarks,
      horizons: await openHorizons({ store, chunks, clock, log }),
      pins,
      kept: new KeptWindows(pins),
      erasures: await ErasureTable.open(store),
      markers: new MarkerTable(store.db),
      pictures: await PictureTable.open(store.db),
      stats: new StatsTable(store.rows),
      storyboards: new Storyboards(segments),
      release: (prefix) => releases.push({ prefix, exists: existsSync(path.join(folder, prefix)) }),
    },
    room: { mayWrite: change.mayWrite ?? (() => true), noRoom: change.noRoom ?? (() => '') },
    engines: {
      ...(change.storyboardMaker && { storyboardMaker: change.storyboardMaker }),
      ...(change.makeStillGop && { makeStillGop: change.makeStillGop }),
    },
    clock,
    log,
    metrics,
    store,
    placement: change.placement ?? createSolePlacement(),
    leases: new Leases({
      store: change.leases ?? createLocalLeases(clock),
      clock,
      failed(error) {
        throw error;
      },
    }),
    events: bus,
    runSource:
      change.runSource ??
      ((definition, input, options) => {
        const { signal } = options;
        const source = new PlayedSource(definition, input, options, clock);
        sources.push(source);
        signal.addEventListener('abort', () => source.done.resolve('stopped'), { once: true });
        return source.done.promise;
      }),
  };
  const control = new StreamControl(deps, { signal: change.signal ?? new AbortController().signal });
  const { catalog } = control;
  const api = createStreamsApi(deps, control);
  if (!change.closed) await control.open();
  const settle = async () => {
    for (let quiet = 0; quiet < 20; quiet++) {
      await new Promise(setImmediate);
      const areQuiet = catalog.all.every(
        ({ files }) => files.isQuiet && [...files.qualities.values()].every(({ isQuiet }) => isQuiet),
      );
      if (!areQuiet) quiet = 0;
    }
  };
  return {
    folder,
    segments,
    deps,
    store,
    clock,
    control,
    catalog,
    api,
    sources,
    logged,
    events,
    settle,
    released: releases,
    source(name) {
      const found = sources.findLast(({ definition }) => definition.name === name);
      assert.ok(found, `no source of ${name} was started`);
      return found;
    },
    async crash({ isSettled = true } = {}) {
      if (isSettled) await settle();
      // All requested writes are in the files.
      await store.db.selectFrom('stream').select('id').execute();
      const left = await temporaryFolder();
      await cp(folder, left.path, { recursive: true, filter: (name) => !path.basename(name).startsWith('lock.db') });
      return left;
    },
    async [Symbol.asyncDispose]() {
      await control.close();
      if (!change.segments) await segments[Symbol.asyncDispose]();
      await msnMarks[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      metrics[Symbol.dispose]();
    },
  };
}

/** The whole timeline of a stream: pieces as `kind seconds…seconds`, from the start of the clock. */
export async function timeline(rig: StreamsRig, name = 'door'): Promise<string[]> {
  const view = await rig.api.timeline(name, 0, 4e12);
  const at = (time: string) => String((Date.parse(time) - START_MS) / 1000);
  return [
    ...view.spans.map((span) => ({ ...span, kind: 'media' })),
    ...view.gaps.map((gap) => ({ ...gap, kind: gap.cause })),
    ...view.offline.map((span) => ({ ...span, kind: 'offline' })),
  ]
    .sort((a, b) => Date.parse(a.from) - Date.parse(b.from))
    .map(({ kind, from, to }) => `${kind} ${at(from)}…${at(to)}`);
}

/** All spans of a stream's timeline. */
export async function spansOf(rig: StreamsRig, name: string): Promise<TimelineView['spans']> {
  return (await rig.api.timeline(name, ...EVER)).spans;
}
