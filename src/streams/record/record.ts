/**
 * Records one source without serving it: to files, a pipe, or a data folder.
 * In: a source, a target. Out: progress; a summary.
 */

import path from 'node:path';
import type { Writable } from 'node:stream';
import type { FileFormat } from '@oxbow/media/file/file-tracks';
import { distinctLeftOut, type LeftOutTrack } from '@oxbow/media/left-out';
import { openAddressSeal } from '../../accounts/address-seal.ts';
import type { SourceFacts } from '../../api/source-facts.ts';
import { NO_TEXTS } from '../../api/stream/stream-texts.ts';
import { openLocalSegmentStore } from '../../archive/local-segment-store.ts';
import { openRangeReader } from '../../archive/range-reader.ts';
import { Leases } from '../../cluster/lease/lease.ts';
import { createLocalLeases } from '../../cluster/lease/local-leases.ts';
import { createSolePlacement } from '../../cluster/placement/placement.ts';
import type { ClientSourceConfig, Config } from '../../config/schema.ts';
import { openLiveEncoder } from '../../ffmpeg/live-ladder.ts';
import { PublisherSlot } from '../../ingest/publisher-slot.ts';
import { sleep } from '../../lib/abort.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { makeFolder } from '../../lib/files/folder.ts';
import { version } from '../../lib/version.ts';
import type { Stream } from '../../live/stream.ts';
import { NOT_PUBLIC } from '../../net/guard.ts';
import { createNet } from '../../net/net.ts';
import type { Log } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { DEFAULT_LIMITS } from '../../packager/live-window.ts';
import { LiveWindowWriter } from '../../packager/live-window-writer.ts';
import { createPipeline, packagerSettings } from '../../packager/pipeline.ts';
import { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../recording/chunks/chunk-table.ts';
import { ErasureTable } from '../../recording/erase/erasure-table.ts';
import { openEvidence } from '../../recording/evidence/open-evidence.ts';
import { Horizons } from '../../recording/horizons.ts';
import { InitTable } from '../../recording/init-table.ts';
import { KeptWindows } from '../../recording/kept/kept-windows.ts';
import { MarkerTable } from '../../recording/marker-table.ts';
import { PinTable } from '../../recording/pin-table.ts';
import { StatsTable } from '../../recording/stats-table.ts';
import { Storyboards } from '../../recording/storyboard/storyboards.ts';
import { openStore } from '../../store/db.ts';
import { leastMsnAt } from '../../store/msn-marks.ts';
import { useSeal } from '../../store/sealed/text-seal.ts';
import { StreamControl } from '../catalog/stream-control.ts';
import { NO_ROOM, watchDisk } from '../disk.ts';
import { DATABASE_FILE } from '../offline/rebuild.ts';
import { PictureTable } from '../picture/picture-table.ts';
import { runSource } from '../source/sources.ts';
import type { RunSource, StreamDeps } from '../stream-deps.ts';
import { GroupFile } from './group-file.ts';
import { openMsnMarks } from './open-msn-marks.ts';
import { RecordMeter, type RecordProgress } from './record-meter.ts';

export type RecordTarget =
  | { readonly kind: 'file'; readonly path: string; readonly format: FileFormat; readonly overwrite: boolean }
  | { readonly kind: 'pipe'; readonly pipe: Writable; readonly format: FileFormat }
  /** A data folder: `oxbow serve --data DIR` serves its streams. */
  | { readonly kind: 'folder'; readonly path: string };

export interface RecordRequest {
  /** Name of the stream in a data folder, and in messages. */
  readonly name: string;
  readonly source: ClientSourceConfig;
  readonly target: RecordTarget;
  /** Target duration, ms; undefined: no limit. */
  readonly durationMs: number | undefined;
}

/** The result of a recording. */
export interface RecordSummary extends RecordProgress {
  /** Paths of the files, `-` for a pipe, or the data folder. */
  readonly files: readonly string[];
  /** Why it ended: `stopped`, `duration`, or the reason of the source. */
  readonly ended: string;
  /** What was damaged, or is otherwise than the source says, for a person; may be empty. */
  readonly warnings: readonly string[];
}

export interface RecordOptions {
  readonly config: Config;
  readonly log: Log;
  /** Called a few times per second. */
  readonly progress?: (progress: RecordProgress) => void;
  /** Ends the recording: received media is written, and the file is completed. */
  readonly signal: AbortSignal;
}

/** The recording fails if there is no media this long after the first failure, ms. */
const FIRST_MEDIA_MS = 5_000;
const LOOK_EVERY_MS = 250;

/** A running recording. */
interface Recording extends AsyncDisposable {
  /** Resolves with the reason when the source has ended; rejects when writing fails. */
  readonly ended: Promise<string>;
  /** Ends the source, writes pending media, returns the files. */
  finish(): Promise<readonly string[]>;
}

/**
 * Records until the source ends, the duration is reached or `signal` fires.
 *
 * @throws OxbowError `source-failed` or `unsupported-media` if there was no media, `disk-failed`,
 *   `folder-unwritable`, `data-in-use`, `bad-request` if the file exists
 */
export async function recordSource(request: RecordRequest, options: RecordOptions): Promise<RecordSummary> {
  const { config, log, progress, signal } = options;
  const settings = { now: config }; // no reload while it records
  await using opened = new AsyncDisposableStack();
  const clock = createSystemClock();
  const metrics = opened.use(createMetrics());
  const net = opened.use(createNet({ allow: config.net.allow, userAgent: `oxbow/${version}` }));
  const meter = new RecordMeter(request.durationMs);
  let leftOut: readonly LeftOutTrack[] = [];
  const warnings = new Set<string>();
  let refusal: OxbowError | undefined;
  const state = () => ({ ...meter.progress, leftOut });
  const runMetered: RunSource = (definition, input, how) => {
    const onFacts = (facts: SourceFacts) => {
      leftOut = distinctLeftOut([...leftOut, ...(facts.leftOut ?? [])]);
      for (const warning of facts.warnings ?? []) warnings.add(warning);
      how.onFacts?.(facts);
    };
    const onFailure = (error: unknown) => {
      refusal = error instanceof OxbowError ? error : undefined;
    };
    // No container of a recording has MPEG-2 video. Sound is stored as it comes.
    const sources = { settings, clock, log, metrics, net, openVideoEncoder: openLiveEncoder };
    return runSource(sources, definition, meter.over(input), { ...how, onFacts, onFailure });
  };
  const watchDamage = (stream: Stream) =>
    void stream.events.subscribe((event) => {
      if (event.type === 'damage') meter.damage(event.reason);
    });
  const shared = { settings, clock, log, metrics, runSource: runMetered, watchDamage };
  const recording = opened.use(
    await (request.target.kind === 'folder'
      ? recordToFolder(request, request.target.path, shared, options)
      : recordToFile(request, request.target, shared)),
  );
  const watching = new AbortController();
  const ended = await Promise.race([
    recording.ended,
    meter.reached.then(() => 'duration'),
    aborted(signal, watching.signal),
    watch(meter, { report: () => progress?.(state()), refusal: () => refusal }, watching.signal),
  ]).finally(() => watching.abort());
  const files = await recording.finish();
  // The source has ended without media.
  if (ended !== 'stopped' && meter.failure) throw errorOf(meter.failure, refusal);
  return { ...state(), problem: '', files, ended, warnings: [...warnings, ...meter.warnings] };
}

/** Resolves with `stopped` when the signal fires. */
function aborted(signal: AbortSignal, over: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve('stopped');
    signal.addEventListener('abort', () => resolve('stopped'), { once: true, signal: over });
  });
}

/** Reports progress until `signal` fires; rejects if there is no media. */
async function watch(
  meter: RecordMeter,
  { report, refusal }: { report: () => void; refusal: () => OxbowError | undefined },
  signal: AbortSignal,
): Promise<never> {
  for (let failingMs = 0; ; ) {
    await sleep(LOOK_EVERY_MS, { signal }).catch(() => new Promise<never>(() => {})); // another promise has won the race
    report();
    const failure = meter.failure;
    if (failure === undefined) continue;
    failingMs += LOOK_EVERY_MS;
    if (failure.isFinal || failingMs >= FIRST_MEDIA_MS) {
      throw errorOf(failure, refusal());
    }
  }
}

/** Why there is no media: the error of the source, otherwise the detail of the first gap. */
function errorOf(
  { detail, isFinal }: NonNullable<RecordMeter['failure']>,
  refused: OxbowError | undefined,
): OxbowError {
  if (isFinal && refused)
    return new OxbowError(refused.code, refused.message, { cause: refused, extra: refused.extra });
  const isPrivate = detail.includes(NOT_PUBLIC);
  return new OxbowError(
    isPrivate ? 'address-refused' : isFinal ? 'unsupported-media' : 'source-failed',
    sentenceOf(detail),
  );
}

interface Shared extends Pick<StreamDeps, 'settings' | 'clock' | 'log' | 'metrics' | 'runSource'> {
  /** Counts damage in the media of a stream. */
  watchDamage(stream: Stream): void;
}

async function recordToFile(
  { name, source }: RecordRequest,
  target: Exclude<RecordTarget, { kind: 'folder' }>,
  { settings: { now: config }, clock, log, runSource, watchDamage }: Shared,
): Promise<Recording> {
  const isFile = target.kind === 'file';
  const file = new GroupFile({
    format: target.format,
    target: isFile ? target.path : target.pipe,
    overwrite: isFile && target.overwrite,
  });
  const inits = new InitTable([], { async save() {}, failed() {}, nowMs: () => clock.nowMs() });
  const createdUs = Math.round(clock.nowMs() * 1000);
  const { stream, packager } = createPipeline({
    clock,
    past: { endUs: createdUs, hasMedia: false, lastRun: 0, gaps: [] },
    ready: (options) => file.ready(options),
    settings: packagerSettings(config),
    listWriter: new LiveWindowWriter({ ...DEFAULT_LIMITS, windowUs: 10_000_000 }),
    nextMsn: leastMsnAt(clock.nowMs()),
    initOf: (tracks) => inits.of(tracks),
    nextGeneration: () => 1,
  });
  packager.groups.subscribe((group) => file.write(group));
  watchDamage(stream);
  const definition = {
    id: name,
    name,
    source,
    createdUs,
    origin: 'command-line',
    ...NO_TEXTS,
    record: true,
    keepMs: undefined,
    visibility: 'private',
    visibilityIsSet: true,
    stopped: false,
    paused: false,
  } as const;
  const controller = new AbortController();
  const failed = (error: unknown) => log.error({ error: String(error) }, 'the session of the source failed');
  // As in a server, so that tracks that come or change one after the other are one run.
  const slot = new PublisherSlot({
    leases: new Leases({ store: createLocalLeases(clock), clock, failed }),
    streamId: name,
    clock,
    input: stream,
    policy: () => 'refuse',
    watches: false,
    onEvent() {},
    failed,
    bug: failed,
  });
  const publisher = await slot.claim({ protocol: source.type, remote: '', signal: new AbortController().signal });
  const done = runSource(definition, publisher, { signal: controller.signal });
  const ended = Promise.race([done, file.failed]);
  ended.catch(() => undefined); // handled where `ended` is awaited
  let finishing: Promise<readonly string[]> | undefined;
  const finish = () => {
    finishing ??= (async () => {
      controller.abort(new DOMException('the recording ends', 'AbortError'));
      await done;
      await slot.close(new OxbowError('publish-refused', 'The recording ended.'));
      stream.offline('the recording ended');
      await file.close();
      return file.files;
    })();
    return finishing;
  };
  return {
    ended,
    finish,
    [Symbol.asyncDispose]: async () => {
      await finish().catch(() => undefined); // already handled
    },
  };
}

async function recordToFolder(
  { name, source }: RecordRequest,
  folder: string,
  shared: Shared,
  { signal }: RecordOptions,
): Promise<Recording> {
  const dataFolder = path.resolve(folder);
  makeFolder(dataFolder);
  await using opened = new AsyncDisposableStack();
  const { log, settings } = shared;
  const store = opened.use(await openStore({ file: path.join(dataFolder, DATABASE_FILE), log }));
  useSeal(store.db, await openAddressSeal(dataFolder, settings.now.watchSecret));
  const table = new ChunkTable(store.rows);
  const chunks = new ChunkQueries(store.rows);
  const pins = await PinTable.open(store.db);
  const looking = new AbortController();
  const failed = (activity: string) => (error: unknown) => log.error({ error: String(error) }, `${activity} failed`);
  const disk = await watchDisk(dataFolder, settings, { signal: looking.signal, failed: failed('measuring the disk') });
  opened.defer(async () => {
    looking.abort();
    await disk.done;
  });
  const segments = opened.use(openLocalSegmentStore({ folder: dataFolder }));
  const reader = opened.use(openRangeReader(segments));
  const evidence = settings.now.evidence.enabled
    ? await openEvidence({ ...shared, dataFolder, store, chunks, reader, failed: failed('the chain of evidence') })
    : undefined;
  if (evidence) {
    const signing = new AbortController();
    const signed = evidence.run(signing);
    opened.defer(async () => {
      signing.abort();
      await signed;
    });
  }
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<string>();
  const deps: StreamDeps = {
    ...shared,
    placement: createSolePlacement(),
    settings: {
      now: {
        ...settings.now,
        streams: {
          [name]: {
            source,
            ...NO_TEXTS,
            record: true,
            keep: undefined,
            visibility: 'public',
            visibilityIsSet: false,
            origin: 'command-line',
          },
        },
      },
    },
    recordings: {
      segments,
      table,
      chunks,
      horizons: new Horizons(shared),
      msnMarks: opened.use(await openMsnMarks({ ...shared, dataFolder, store, chunks })),
      pins,
      kept: new KeptWindows(pins),
      erasures: await ErasureTable.open(store),
      markers: new MarkerTable(store.db),
      pictures: await PictureTable.open(store.db),
      stats: new StatsTable(store.rows),
      storyboards: new Storyboards(segments), // none are made: the folder is temporary
      evidence,
      release() {}, // no readers
    },
    room: { mayWrite: () => disk.now().hasRoom, noRoom: () => (disk.now().hasRoom ? '' : NO_ROOM) },
    engines: {},
    store,
    leases: new Leases({ store: createLocalLeases(shared.clock), clock: shared.clock, failed: failed('a lease') }),
    events: { publish() {} }, // no subscribers
    runSource: async (definition, input, how) => {
      shared.watchDamage(control.catalog.get(name).stream);
      const reason = await shared.runSource(definition, input, how);
      if (!how.signal.aborted) onEnd(reason);
      return reason;
    },
  };
  const control = new StreamControl(deps, { signal });
  opened.defer(() => control.close());
  await control.open();
  const owned = opened.move();
  let finishing: Promise<readonly string[]> | undefined;
  const finish = () => {
    finishing ??= owned.disposeAsync().then(() => [dataFolder]);
    return finishing;
  };
  return {
    ended,
    finish,
    [Symbol.asyncDispose]: async () => {
      await finish();
    },
  };
}
