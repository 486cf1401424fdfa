/**
 * Opens the parts of a stream from its recording and its saved state.
 * In: a definition and the dependencies. Out: live stream, packager, recorder and live playlist, ready to
 * continue.
 */
import { TAKEN } from '../ingest/publisher-slot.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { HOLE_US } from '../live/continuity.ts';
import type { Stream } from '../live/stream.ts';
import type { StreamPast } from '../live/stream-options.ts';
import { DateRangeTracker } from '../media/date-range/date-range-tracker.ts';
import type { SegmentGroup, StreamGap } from '../media/segment.ts';
import { reportBug } from '../observe/errors/report-bug.ts';
import type { Log } from '../observe/log.ts';
import { DEFAULT_LIMITS, LiveWindow, MAX_DATE_RANGES } from '../packager/live-window.ts';
import type { Packager } from '../packager/packager.ts';
import { createPipeline, gopBounds, packagerSettings } from '../packager/pipeline.ts';
import { openCaptionTable } from '../recording/caption-table.ts';
import type { ChunkSpan } from '../recording/chunk-table.ts';
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
import { CaptionWatch } from './captions/caption-watch.ts';
import { ContentCheck } from './content/content-check.ts';
import type { StreamDefinition } from './definition.ts';
import { recentWindows } from './measure/open-measure.ts';
import { restorePreviousWindow } from './previous-window.ts';
import { qualityCounters } from './qualities/quality-counters.ts';
import { recordedQualities, StreamQualities } from './qualities/stream-qualities.ts';
import { completeLastSegment } from './record/last-segment.ts';
import { StoryboardSampler } from './record/storyboard-sampler.ts';
import { nextGenerationNumber, pastOf, readSavedState, type SavedState } from './saved-state.ts';
import { frameCounter } from './source/frame-counter.ts';
import { MediaMeter, meterSink } from './source/media-meter.ts';
import type { StreamDeps } from './stream-deps.ts';

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
}

/**
 * Recovers the files of a stream and opens its parts. Abort ends recovery; recovered files stay recovered.
 *
 * @param options.isAdopted another node had the stream: what it announced last is not known here
 */
export async function openStreamParts(
  deps: StreamDeps,
  definition: StreamDefinition,
  { signal, isAdopted = false }: { signal: AbortSignal; isAdopted?: boolean },
): Promise<StreamParts> {
  const { id, name, createdUs } = definition;
  const { clock, segments, table, store } = deps;
  const config = deps.settings.now;
  const log = deps.log.child({ stream: name });
  const failed = (error: unknown) => log.error({ error: messageOf(error) }, 'a codec configuration was not saved');
  const inits = await openInitTable(store.db, id, { failed, nowMs: () => clock.nowMs() });
  const captions = await openCaptionTable(store.db, id, (error) =>
    log.error({ error: messageOf(error) }, 'what closed captions a run has was not saved'),
  );
  await writeIdentity(segments, { id, name, createdUs }).catch((error: unknown) =>
    // The identity is only needed if the database is lost.
    log.error({ error: messageOf(error) }, 'the identity file of the recording was not written'),
  );
  await learnErased(deps, definition, log);
  const found = await recover(deps, definition, inits, signal);
  if (found.files + found.expired + found.unusable.length > 0) log.info(found, 'the recording was recovered');
  const saved = await readSavedState(store.db, id);
  const isMoved = saved !== undefined && (await moveFuture(deps, id, saved, log, signal));
  if (isMoved) await recover(deps, definition, inits, signal);
  const newest = await table.last(id);
  // Media that was deleted on request was there all the same: what follows begins after it.
  const endUs = Math.max(newest?.end_us ?? 0, deps.erasures.endUs(id));
  const last = newest && { ...newest, end_us: endUs };
  const oldest = await table.oldest(id);
  const recording = new RecordingReader({
    streamId: id,
    table,
    endUs,
    captions,
    storyboard: deps.storyboards.reader(id),
  });
  const windowUs = config.hls.window * 1000;
  const previous =
    !isAdopted && saved?.generation && (await restorePreviousWindow(saved.generation, { recording, inits, windowUs }));
  const dateRanges = await table.dateRangesBefore(id, Number.MAX_SAFE_INTEGER, REMEMBERED_DATE_RANGES);
  const between = { fromUs: endUs - windowUs, toUs: Number.MAX_SAFE_INTEGER, lastMsn: Number.MAX_SAFE_INTEGER };
  const list = new LiveWindow(
    { ...DEFAULT_LIMITS, windowUs },
    previous || undefined,
    latestDateRanges(dateRanges, between).slice(-MAX_DATE_RANGES),
  );
  const mayWrite = () => deps.mayWrite(id);
  const noRoom = () => deps.noRoom?.(id) ?? '';
  const previousMsn = last?.last_msn ?? 0;
  const recorder = new Recorder({
    recording,
    table,
    segments,
    sync: config.record.sync,
    clock,
    previousMsn,
    mayWrite,
    noRoom,
    onCommitted(msn) {
      list.recorded(msn);
      qualities.release();
      deps.horizons.committed(id, recording.open.at(-1)?.startUs ?? endUs);
    },
    onLost: (msn) => list.lost(msn),
    counters: countersOf(deps, id, name),
  });
  const leastMsn = leastMsnAt(clock.nowMs()) + (isAdopted ? ADOPTED_MSNS : 0);
  const msns = await deps.msnMarks.claim(name, Math.max(previousMsn + 1, leastMsn));
  const past = pastOf(createdUs, last, saved, { tornTail: found.repaired > 0, isMoved });
  const qualitySettings = { ladder: definition.ladder };
  let generationNumber = saved?.generation?.number ?? 0;
  const { stream, packager } = createPipeline({
    clock,
    past: isAdopted ? adopted(past) : past,
    gop: gopBounds(config),
    memory: deps.memory && { streamBytes: config.live.memory.stream, total: deps.memory },
    async ready(options) {
      await recorder.ready(options);
      await msns.ready(options);
    },
    settings: {
      ...packagerSettings(config),
      audioAlone: () => qualitySettings.ladder?.split(', ').includes('audio') ?? false,
    },
    list,
    nextMsn: msns.first,
    announced: (msn) => msns.announced(msn),
    discontinuitySequence: last?.discontinuity_sequence ?? 0,
    continued: last !== undefined,
    dateRanges: new DateRangeTracker(dateRanges.map(({ range }) => range)),
    initOf: (tracks) => inits.of(tracks),
    nextGeneration: () => {
      generationNumber = nextGenerationNumber(clock.nowMs(), generationNumber);
      return generationNumber;
    },
  });
  const qualities = new StreamQualities({
    streamId: id,
    cuts: packager.cuts,
    list,
    recording,
    inits,
    table,
    shared: config.threads > 1,
    limits: { ...DEFAULT_LIMITS, windowUs },
    recorded: await recordedQualities(id, table, inits),
    recorder: {
      segments,
      sync: config.record.sync,
      clock,
      mayWrite,
      noRoom,
      countersOf: (rung) => qualityCounters(deps, name, rung),
    },
    missed: (rung) => deps.metrics.qualityGaps.inc({ stream: name, quality: rung }),
    failed(rung, error) {
      reportBug({ metrics: deps.metrics, log }, error, { rung }, 'a derived quality has ended: a bug');
    },
  });
  const meter = new MediaMeter();
  const captionWatch = new CaptionWatch((found) => list.announce(found), captions);
  completeLastSegment(stream, packager);
  stream.attach(captionWatch, { name: 'captions' });
  stream.attach(frameCounter(deps.metrics, name), { name: 'frame counter' });
  stream.attach(meterSink(meter), { name: 'media meter' });
  // An index that was rebuilt, or is of an older version, does not have this value.
  const deletedBeforeUs = (await table.deletedBefore(id)) || (oldest ? deletedBefore(createdUs, oldest) : 0);
  const liveSource = saved?.liveSource ?? null;
  const statsWindows = await recentWindows(deps.stats, id, clock.nowMs());
  const storyboard = deps.storyboardMaker && openSampler(deps, deps.storyboardMaker, definition);
  const content =
    deps.content &&
    new ContentCheck({
      ...deps.content,
      counted: (kind, result) => deps.metrics.contentSamples.inc({ stream: name, kind, result }),
    });
  const live = { list, packager, stream, meter, qualities, captionWatch, content };
  return {
    ...live,
    qualitySettings,
    inits,
    recording,
    recorder,
    storyboard,
    msns,
    statsWindows,
    deletedBeforeUs,
    liveSource,
  };
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
  { record, recordQualities }: Pick<StreamDefinition, 'record' | 'recordQualities'>,
  isFill: boolean,
  isFenced: boolean,
): void {
  const isWritten = record && !isFill && !isFenced;
  if (isWritten) storyboard?.take(group);
  if (!isFill && !isFenced) content?.take(group);
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
  { settings, storyboards, mayWrite, metrics }: StreamDeps,
  maker: NonNullable<StreamDeps['storyboardMaker']>,
  { id, name: stream }: StreamDefinition,
): StoryboardSampler {
  return new StoryboardSampler({
    streamId: id,
    storyboards,
    ...maker,
    mayMake: () => settings.now.record.storyboard && mayWrite(id),
    counted: (result) => metrics.storyboardPictures.inc({ stream, result }),
  });
}

/** Adds the deleted ranges that the database does not have, because it was lost or is that of a backup. */
async function learnErased(deps: StreamDeps, { id, name }: StreamDefinition, log: Log): Promise<void> {
  const { segments, erasures, table, clock } = deps;
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
  { segments, table }: StreamDeps,
  streamId: string,
  saved: Pick<SavedState, 'atUs' | 'clean'>,
  log: Log,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const moved = await moveFutureMedia({ segments, table, streamId, saved }, { signal });
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
  const { table, segments, kept, horizons, erasures } = deps;
  const config = deps.settings.now;
  const pinned = kept.ranges(id);
  const newest = await table.last(id);
  // With a size limit the oldest files are deleted first: files older than the index were to be deleted.
  const oldest = config.record.maxDisk === undefined ? undefined : await table.oldest(id);
  const deletedUs = config.record.maxDisk === undefined ? 0 : await table.deletedBefore(id);
  const keptUs = horizons.of(id, keepMs ?? config.record.keep);
  const emptyBeforeUs = oldest && !rangeAt(pinned, oldest.start_us) ? windowOf(oldest.start_us) : 0;
  const horizonUs = Math.max(keptUs, deletedUs, emptyBeforeUs);
  const options = { segments, streamId: id, table, inits, pinned, horizonUs, erased: erasures.of(id) };
  const found = await recoverStream(options, newest ? newest.start_us - RECOVER_BACK_US : 0, { signal });
  await recoverQualities(options, RECOVER_BACK_US, found, { signal });
  return found;
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
  const own = log.child({ stream });
  return {
    begin: () => traces?.segment(),
    committed(bytes, lagMs, msn, span) {
      if (span) traces?.recorded({ id, name: stream }, span, { msn, bytes, lagMs });
      metrics.recordedBytes.inc({ stream }, bytes);
      metrics.recordingLagSeconds.set({ stream }, lagMs / 1000);
    },
    lost(cause, detail) {
      metrics.gaps.inc({ stream, cause });
      own.error({ cause, detail }, 'a segment could not be recorded');
    },
    bug(error) {
      reportBug({ metrics, log: own }, error, {}, 'a segment was not recorded: a bug in oxbow');
    },
    trouble(detail) {
      own.error({ detail }, 'the recording is intact but was not indexed; retrying');
    },
    slow(isSlow) {
      if (isSlow) own.error('slow disk: syncing once per file instead of per segment');
      else own.info('the disk is fast enough again: syncing per segment');
    },
  };
}
