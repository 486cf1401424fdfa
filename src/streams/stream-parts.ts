/**
 * Opens the parts of a stream from its recording and its saved state.
 * In: a definition and the dependencies. Out: live stream, packager, recorder and live playlist, ready to
 * continue.
 */

import { DateRangeTracker } from '@oxbow/media/date-range/date-range-tracker';
import type { Track } from '@oxbow/media/frame';
import type { SegmentGroup, StreamGap } from '@oxbow/media/segment';
import { healedRecording } from '../archive/recording-locations.ts';
import { TAKEN } from '../ingest/publisher-slot.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { HOLE_US } from '../live/continuity.ts';
import type { Stream } from '../live/stream.ts';
import type { StreamPast } from '../live/stream-options.ts';
import { reportBug } from '../observe/errors/report-bug.ts';
import type { Log } from '../observe/log.ts';
import { DEFAULT_LIMITS, type LiveWindow, MAX_DATE_RANGES } from '../packager/live-window.ts';
import { LiveWindowWriter } from '../packager/live-window-writer.ts';
import type { Packager } from '../packager/packager.ts';
import { createPipeline, gopBounds, packagerSettings } from '../packager/pipeline.ts';
import { type CaptionTable, openCaptionTable } from '../recording/caption-table.ts';
import type { ChunkSpan } from '../recording/chunks/chunk-spans.ts';
import type { ChunkRow } from '../recording/chunks/chunk-table.ts';
import { latestDateRanges, REMEMBERED_DATE_RANGES } from '../recording/date-range-rows.ts';
import { adoptErased } from '../recording/erase/erased-file.ts';
import { moveFutureMedia } from '../recording/future/future-media.ts';
import { type InitTable, openInitTable } from '../recording/init-table.ts';
import { rangeAt } from '../recording/pinned-windows.ts';
import { Recorder, type RecorderCounters } from '../recording/recorder.ts';
import { RecordingReader } from '../recording/recording-reader.ts';
import { recoverQualities, recoverStream } from '../recording/recovery.ts';
import type { StatsWindow } from '../recording/stats-table.ts';
import { writeIdentity } from '../recording/stream-identity.ts';
import { windowOf } from '../recording/window.ts';
import { leastMsnAt, type MsnClaim } from '../store/msn-marks.ts';
import { sealOf, type TextSeal } from '../store/sealed/text-seal.ts';
import { CaptionWatch } from './captions/caption-watch.ts';
import { ContentCheck } from './content/content-check.ts';
import type { StreamDefinition } from './definition.ts';
import { recentWindows } from './measure/open-measure.ts';
import { restorePreviousWindow } from './previous-window.ts';
import { qualityCounters } from './qualities/quality-counters.ts';
import { recordedQualities, StreamQualities } from './qualities/stream-qualities.ts';
import { completeLastSegment } from './record/last-segment.ts';
import { pixelsOf, StoryboardSampler } from './record/storyboard-sampler.ts';
import { nextGenerationNumber, pastOf, readSavedState, type SavedState } from './saved-state.ts';
import { frameCounter } from './source/frame-counter.ts';
import { MediaMeter, meterSink } from './source/media-meter.ts';
import type { StoredRecordings, StreamDeps, StreamEngines } from './stream-deps.ts';

/** Recovery reads files from this long before the newest indexed one, µs. */
const RECOVER_BACK_US = 2 * 3600 * 1_000_000;

/**
 * A stream that is taken over from another node begins so far above `leastMsnAt`. MSNs rise more slowly than
 * that function, so whatever the other node announced since it took over itself is lower; the clocks of the
 * two may differ by hours.
 */
const ADOPTED_MSNS = 2 ** 16;

/** This many runs of the other node may not be in the index yet. */
const ADOPTED_RUNS = 1000;

const adopted = (past: StreamPast): StreamPast => ({ ...past, lastRun: past.lastRun + ADOPTED_RUNS });

export interface StreamParts {
  readonly inits: InitTable;
  readonly captionWatch: CaptionWatch;
  readonly recording: RecordingReader;
  readonly recorder: Recorder;
  /** Undefined where no storyboards are made. */
  readonly storyboard: StoryboardSampler | undefined;
  /** Undefined where pictures and sound are not checked. */
  readonly content: ContentCheck | undefined;
  readonly list: LiveWindow;
  readonly listWriter: LiveWindowWriter;
  readonly packager: Packager;
  readonly msns: MsnClaim;
  readonly qualities: StreamQualities;
  /** Of the current definition, for the next generation. */
  readonly qualitySettings: { ladder: string | undefined };
  readonly stream: Stream;
  readonly meter: MediaMeter;
  /** Figures of the last hour. */
  readonly statsWindows: readonly StatsWindow[];
  /** Older media was deleted; 0 if none was. µs since 1970. */
  readonly deletedBeforeUs: number;
  /** The source that was live last, see saved-state; null if none was. */
  readonly liveSource: string | null;
  /** Of the database. */
  readonly seal: TextSeal | undefined;
}

/** A stream before it is opened, from its files and its rows. */
interface RestoredStream {
  readonly inits: InitTable;
  readonly captions: CaptionTable;
  readonly saved: SavedState | undefined;
  /** The newest and the oldest file; undefined where nothing is recorded. */
  readonly last: ChunkRow | undefined;
  readonly oldest: ChunkSpan | undefined;
  /** Media that was deleted on request was there all the same: what follows begins after it. µs since 1970 */
  readonly endUs: number;
  readonly past: StreamPast;
  /** Another node had the stream: its last announcement is not known here. */
  readonly isAdopted: boolean;
}

/**
 * Recovers the files of a stream and opens its parts. Abort ends recovery; recovered files stay recovered.
 *
 * @param options.isAdopted another node had the stream: its last announcement is not known here
 */
export async function openStreamParts(
  deps: StreamDeps,
  definition: StreamDefinition,
  { signal, isAdopted = false }: { signal: AbortSignal; isAdopted?: boolean },
): Promise<StreamParts> {
  const { id, name, createdUs } = definition;
  const { clock } = deps;
  const { table, chunks } = deps.recordings;
  const log = deps.log.child({ stream: name });
  const restored = await restoreStream(deps, definition, log, { signal, isAdopted });
  const { inits, captions, saved, last, oldest, endUs } = restored;
  const recording = new RecordingReader({
    streamId: id,
    chunks,
    endUs,
    captions,
    storyboard: deps.recordings.storyboards.reader(id),
  });
  const found = (await table.qualitiesOf(id)).find((recordingId) => recordingId === healedRecording(id));
  if (found !== undefined) recording.healed = new RecordingReader({ streamId: found, chunks, endUs: 0 });
  const { listWriter, dateRanges } = await openWindow(deps, id, recording, restored);
  const previousMsn = last?.last_msn ?? 0;
  const recorder = openRecorder(deps, definition, { restored, recording, listWriter, previousMsn, endUs }, () =>
    qualities.release(),
  );
  const leastMsn = leastMsnAt(clock.nowMs()) + (isAdopted ? ADOPTED_MSNS : 0);
  const msns = await deps.recordings.msnMarks.claim(name, Math.max(previousMsn + 1, leastMsn));
  const qualitySettings = { ladder: definition.ladder };
  const { stream, packager } = createPipeline({
    ...pipelineOptions(deps, restored, qualitySettings),
    async ready(options) {
      await recorder.ready(options);
      await msns.ready(options);
    },
    listWriter,
    nextMsn: msns.first,
    announced: (msn) => msns.announced(msn),
    dateRanges,
  });
  const recorded = await recordedQualities(id, { table, chunks, inits });
  const qualities = openQualities(deps, definition, log, {
    cuts: packager.cuts,
    listWriter,
    recording,
    inits,
    recorded,
  });
  const meter = new MediaMeter();
  const captionWatch = new CaptionWatch((channels) => listWriter.announce(channels), captions);
  completeLastSegment(stream, packager);
  stream.sinks.attach(captionWatch, { name: 'captions' });
  stream.sinks.attach(frameCounter(deps.metrics, name), { name: 'frame counter' });
  stream.sinks.attach(meterSink(meter), { name: 'media meter' });
  // An index that was rebuilt, or is of an older version, does not have this value.
  const deletedBeforeUs = (await table.deletedBefore(id)) || (oldest ? deletedBefore(createdUs, oldest) : 0);
  const statsWindows = await recentWindows(deps.recordings.stats, id, clock.nowMs());
  const live = {
    list: listWriter.list,
    listWriter,
    packager,
    stream,
    meter,
    qualities,
    captionWatch,
    content: openContentCheck(deps, name),
  };
  return {
    ...live,
    qualitySettings,
    inits,
    recording,
    recorder,
    storyboard: deps.engines.storyboardMaker && openSampler(deps, deps.engines.storyboardMaker, definition, qualities),
    msns,
    statsWindows,
    deletedBeforeUs,
    liveSource: saved?.liveSource ?? null,
    seal: sealOf(deps.store.db),
  };
}

/** Recovers the files, and reads the stored state of the stream. */
async function restoreStream(
  deps: StreamDeps,
  definition: StreamDefinition,
  log: Log,
  { signal, isAdopted }: { readonly signal: AbortSignal; readonly isAdopted: boolean },
): Promise<RestoredStream> {
  const { id, name, createdUs } = definition;
  const { clock, store } = deps;
  const { segments, chunks } = deps.recordings;
  const failed = (error: unknown) => log.error({ error: messageOf(error) }, 'a codec configuration was not saved');
  await store.rows.claim(id);
  const inits = await openInitTable(store.rows, id, { failed, nowMs: () => clock.nowMs() });
  const captions = await openCaptionTable(store.rows, id, (error) =>
    log.error({ error: messageOf(error) }, 'the closed captions of a run were not saved'),
  );
  await writeIdentity(segments, { id, name, createdUs }).catch((error: unknown) =>
    // The identity is only needed if the database is lost.
    log.error({ error: messageOf(error) }, 'the identity file of the recording was not written'),
  );
  await learnErased(deps, definition, log);
  const recovered = await recover(deps, definition, inits, signal);
  if (recovered.files + recovered.expired + recovered.unusable.length > 0)
    log.info(recovered, 'the recording was recovered');
  const saved = await readSavedState(store.db, id);
  const isMoved = saved !== undefined && (await moveFuture(deps.recordings, id, saved, log, signal));
  if (isMoved) await recover(deps, definition, inits, signal);
  const newest = await chunks.last(id);
  const endUs = Math.max(newest?.end_us ?? 0, deps.recordings.erasures.endUs(id));
  const last = newest && { ...newest, end_us: endUs };
  const oldest = await chunks.oldest(id);
  const past = pastOf(createdUs, last, saved, { tornTail: recovered.repaired > 0, isMoved });
  return { inits, captions, saved, last, oldest, endUs, past: isAdopted ? adopted(past) : past, isAdopted };
}

/** Opens the live window with what it had before. */
async function openWindow(
  { settings, recordings: { chunks } }: StreamDeps,
  id: string,
  recording: RecordingReader,
  { saved, inits, endUs, isAdopted }: RestoredStream,
): Promise<{ readonly listWriter: LiveWindowWriter; readonly dateRanges: DateRangeTracker }> {
  const windowUs = windowLength(settings.now);
  const previous =
    !isAdopted && saved?.generation && (await restorePreviousWindow(saved.generation, { recording, inits, windowUs }));
  const dateRanges = await chunks.dateRangesBefore(id, Number.MAX_SAFE_INTEGER, REMEMBERED_DATE_RANGES);
  const between = { fromUs: endUs - windowUs, toUs: Number.MAX_SAFE_INTEGER, lastMsn: Number.MAX_SAFE_INTEGER };
  const listWriter = new LiveWindowWriter(
    { ...DEFAULT_LIMITS, windowUs },
    previous || undefined,
    latestDateRanges(dateRanges, between).slice(-MAX_DATE_RANGES),
  );
  return { listWriter, dateRanges: new DateRangeTracker(dateRanges.map(({ range }) => range)) };
}

/** @param committed called after each segment that is committed */
function openRecorder(
  deps: StreamDeps,
  { id, name }: StreamDefinition,
  {
    restored: { inits, captions },
    recording,
    listWriter,
    previousMsn,
    endUs,
  }: Pick<StreamParts, 'recording' | 'listWriter'> & {
    readonly restored: Pick<RestoredStream, 'inits' | 'captions'>;
    readonly previousMsn: number;
    readonly endUs: number;
  },
  committed: () => void,
): Recorder {
  const { clock, settings } = deps;
  const { segments, table, horizons, mirror } = deps.recordings;
  const mirrored = mirror?.open(id, listWriter.list.copied);
  return new Recorder({
    recording,
    table,
    async beforeIndex() {
      await Promise.all([inits.stored(), captions.stored()]);
    },
    segments,
    sync: settings.now.record.sync,
    clock,
    previousMsn,
    mayWrite: () => deps.room.mayWrite(id),
    noRoom: () => deps.room.noRoom(id),
    onCommitted(msn) {
      listWriter.recorded(msn);
      committed();
      horizons.committed(id, recording.open.at(-1)?.startUs ?? endUs);
    },
    onWritten: mirrored && ((group) => mirrored.written(group)),
    onLost: (msn) => listWriter.lost(msn),
    evidence: deps.recordings.evidence?.sinkOf({ id, name }),
    counters: countersOf(deps, id, name),
  });
}

/** Options of the live stream and its packager, by the settings and the stored state. */
function pipelineOptions(
  { clock, settings, memory }: StreamDeps,
  { past, last, saved, inits }: RestoredStream,
  qualitySettings: StreamParts['qualitySettings'],
) {
  const config = settings.now;
  let generationNumber = saved?.generation?.number ?? 0;
  return {
    clock,
    past,
    gop: gopBounds(config),
    memory: memory && { streamBytes: config.live.memory.stream, total: memory },
    settings: {
      ...packagerSettings(config),
      audioAlone: () => qualitySettings.ladder?.split(', ').includes('audio') ?? false,
    },
    discontinuitySequence: last?.discontinuity_sequence ?? 0,
    continued: last !== undefined,
    initOf: (tracks: readonly Track[]) => inits.of(tracks),
    nextGeneration: () => {
      generationNumber = nextGenerationNumber(clock.nowMs(), generationNumber);
      return generationNumber;
    },
  };
}

function openQualities(
  deps: StreamDeps,
  { id, name }: StreamDefinition,
  log: Log,
  parts: Pick<
    ConstructorParameters<typeof StreamQualities>[0],
    'cuts' | 'listWriter' | 'recording' | 'inits' | 'recorded'
  >,
): StreamQualities {
  const { clock, settings, metrics } = deps;
  const { segments, table, chunks } = deps.recordings;
  const config = settings.now;
  return new StreamQualities({
    ...parts,
    streamId: id,
    table,
    chunks,
    shared: config.threads > 1,
    limits: { ...DEFAULT_LIMITS, windowUs: windowLength(config) },
    recorder: {
      segments,
      sync: config.record.sync,
      clock,
      mayWrite: () => deps.room.mayWrite(id),
      noRoom: () => deps.room.noRoom(id),
      countersOf: (rung) => qualityCounters(deps, name, rung),
    },
    missed: (rung, cause) => metrics.qualityGaps.inc({ stream: name, quality: rung, cause }),
    failed: (rung, error) => reportBug({ metrics, log }, error, { rung }, 'a derived quality has ended: a bug'),
  });
}

function openContentCheck({ engines: { content }, metrics }: StreamDeps, stream: string): ContentCheck | undefined {
  return (
    content &&
    new ContentCheck({
      ...content,
      counted(kind, result, cpuUs) {
        metrics.contentSamples.inc({ stream, kind, result });
        metrics.contentCpu.inc({ stream, kind }, cpuUs / 1e6);
      },
    })
  );
}

/** Length of the live window, µs. */
function windowLength({ hls }: StreamDeps['settings']['now']): number {
  return hls.window * 1000;
}

/**
 * Records a segment of the stream, or not; its qualities accordingly.
 *
 * @param isFill it is a picture that is shown while the publisher is away
 * @param isFenced another process has the publishers of the stream
 */
export function recordGroup(
  { recorder, qualities, storyboard, content }: Pick<StreamParts, 'recorder' | 'qualities' | 'storyboard' | 'content'>,
  group: SegmentGroup,
  { record, recordQualities, alarms = '' }: Pick<StreamDefinition, 'record' | 'recordQualities' | 'alarms'>,
  isFill: boolean,
  isFenced: boolean,
): void {
  const isWritten = record && !isFill && !isFenced;
  if (isWritten) storyboard?.take(group);
  if (!isFill && !isFenced) content?.take(group, alarms);
  qualities.decide(group.msn, isWritten && recordQualities === true);
  if (isFill) recorder.passOver(group.msn);
  else if (isFenced) recorder.skip(group, TAKEN);
  else if (isWritten) recorder.write(group);
  else recorder.skip(group);
}

/** Ends the files that are being written. Never rejects. */
export async function sealRecordings({
  recorder,
  qualities,
}: Pick<StreamParts, 'recorder' | 'qualities'>): Promise<void> {
  await Promise.all([recorder.seal(), qualities.seal()]);
}

function openSampler(
  { settings, recordings: { storyboards }, room, metrics }: StreamDeps,
  maker: NonNullable<StreamEngines['storyboardMaker']>,
  { id, name: stream }: StreamDefinition,
  qualities: StreamQualities,
): StoryboardSampler {
  const sampler = new StoryboardSampler({
    streamId: id,
    storyboards,
    ...maker,
    mayMake: () => settings.now.record.storyboard && room.mayWrite(id),
    counted: (result) => metrics.storyboardPictures.inc({ stream, result }),
    measured({ cpuUs, distanceUs }) {
      metrics.storyboardCpu.inc({ stream }, cpuUs / 1e6);
      metrics.storyboardDistance.set({ stream }, distanceUs / 1e6);
    },
    hasSmaller: (pixels) => qualities.smallest !== undefined && pixelsOf(qualities.smallest) < pixels,
  });
  qualities.sealed.subscribe(({ rung, group }) => {
    if (qualities.smallest?.rung === rung) sampler.takeSmaller(group);
  });
  return sampler;
}

/** Adds the deleted ranges that the database does not have, because it was lost or is that of a backup. */
async function learnErased(
  { clock, recordings: { segments, erasures, table } }: StreamDeps,
  { id, name }: StreamDefinition,
  log: Log,
): Promise<void> {
  try {
    const recordings = [id, ...(await table.qualitiesOf(id))];
    const nowUs = Math.round(clock.nowMs() * 1000);
    const added = await adoptErased({ segments, erasures, streamId: id, stream: name, recordings, nowUs });
    if (added > 0) log.warn({ ranges: added }, 'deleted ranges were not in the database, and were added');
  } catch (error) {
    // The file is only needed if the database is lost. Who takes over the stream of a dead node has that
    // node's database, not its disk.
    const isAway = error instanceof OxbowError && error.code === 'not-ready';
    log[isAway ? 'info' : 'error']({ error: messageOf(error) }, 'the file of deleted ranges cannot be read');
  }
}

/** Moves media that is in the future, with a line in the log. Returns whether files have to be recovered. */
async function moveFuture(
  { segments, table, chunks }: StoredRecordings,
  streamId: string,
  saved: Pick<SavedState, 'atUs' | 'clean'>,
  log: Log,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const moved = await moveFutureMedia({ segments, table, chunks, streamId, saved }, { signal });
    if (moved) log.warn(moved, 'media that was filed in the future, behind a jump of timestamps, was moved back');
    return moved !== undefined;
  } catch (error) {
    signal.throwIfAborted();
    // It stays where it is until the next start.
    log.error({ error: messageOf(error) }, 'media that was filed in the future could not be moved');
    return true;
  }
}

async function recover(deps: StreamDeps, definition: StreamDefinition, inits: InitTable, signal: AbortSignal) {
  const { id, keepMs } = definition;
  const { table, chunks, segments, kept, horizons, erasures } = deps.recordings;
  const config = deps.settings.now;
  const pinned = kept.ranges(id);
  const newest = await chunks.last(id);
  // With a size limit the oldest files are deleted first: files older than the index were to be deleted.
  const oldest = config.record.maxDisk === undefined ? undefined : await chunks.oldest(id);
  const deletedUs = config.record.maxDisk === undefined ? 0 : await table.deletedBefore(id);
  const keptUs = horizons.of(id, keepMs ?? config.record.keep);
  const emptyBeforeUs = oldest && !rangeAt(pinned, oldest.start_us) ? windowOf(oldest.start_us) : 0;
  const horizonUs = Math.max(keptUs, deletedUs, emptyBeforeUs);
  const options = { segments, streamId: id, table, chunks, inits, pinned, horizonUs, erased: erasures.of(id) };
  const recovery = await recoverStream(options, newest ? newest.start_us - RECOVER_BACK_US : 0, { signal });
  await recoverQualities(options, RECOVER_BACK_US, recovery, { signal });
  return recovery;
}

/**
 * Where deleted media ended, derived from the oldest file: 0 if its gaps explain the time since the creation.
 */
function deletedBefore(createdUs: number, oldest: ChunkSpan): number {
  const gaps = JSON.parse(oldest.absences) as StreamGap[];
  const knownUs = Math.min(oldest.start_us, gaps[0]?.fromUs ?? oldest.start_us);
  return knownUs - createdUs < HOLE_US ? 0 : knownUs;
}

function countersOf({ metrics, log, traces }: StreamDeps, id: string, stream: string): RecorderCounters {
  const streamLog = log.child({ stream });
  return {
    begin: () => traces?.segment(),
    committed(bytes, lagMs, msn, span) {
      if (span) traces?.recorded({ id, name: stream }, span, { msn, bytes, lagMs });
      metrics.recordedBytes.inc({ stream }, bytes);
      metrics.recordingLagSeconds.set({ stream }, lagMs / 1000);
    },
    lost(cause, detail) {
      metrics.gaps.inc({ stream, cause });
      streamLog.error({ cause, detail }, 'a segment could not be recorded');
    },
    bug(error) {
      reportBug({ metrics, log: streamLog }, error, {}, 'a segment was not recorded: a bug in oxbow');
    },
    trouble(detail) {
      streamLog.error({ detail }, 'the recording is intact but was not indexed; retrying');
    },
    slow(isSlow) {
      if (isSlow) streamLog.error('slow disk: syncing once per file instead of per segment');
      else streamLog.info('the disk is fast enough again: syncing per segment');
    },
  };
}
