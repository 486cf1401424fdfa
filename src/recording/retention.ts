/**
 * Deletes recordings by age and by size: whole ten-minute windows, first the index rows and a minute later
 * the files, so that no player receives half a segment. Pinned windows are not deleted (docs/media.md 16);
 * those of clips are the last that a size limit takes. The recordings of a stream's derived qualities are
 * kept exactly as long as the stream's.
 * In: chunk-table, pins, the retention rule of each stream. Out: deleted files; their URLs return 410.
 */
import {
  listChunks,
  listQualityRecordings,
  listStoryboards,
  type NamedChunk,
  recordingOf,
} from '../archive/recording-locations.ts';
import { type SegmentLocation, type SegmentStore, segmentLocation } from '../archive/segment-store.ts';
import { sleep } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import type { Current } from '../lib/current.ts';
import type { ChunkQueries } from './chunks/chunk-queries.ts';
import type { AllTotals, ChunkTable } from './chunks/chunk-table.ts';
import type { Horizons } from './horizons.ts';
import { type PinnedRange, rangeAt } from './pinned-windows.ts';
import type { RecordedGroup } from './recording-reader.ts';
import type { Storyboards } from './storyboard/storyboards.ts';
import { WINDOW_US, windowOf } from './window.ts';

/** Files are deleted this long after their index row. */
const GRACE_MS = 60_000;
const EVERY_MS = 30_000;
/** Files without an index row are searched at the start and then this often. */
const SWEEP_EVERY_MS = 3600_000;
/** Index rows deleted in one statement. */
const BATCH = 256;

/** How long the recording of one stream is kept. */
export interface RetentionRule {
  readonly streamId: string;
  /** Retention time, ms. */
  readonly keepMs: number;
}

export interface RetentionOptions {
  readonly segments: SegmentStore;
  readonly table: Pick<ChunkTable, 'allTotals' | 'deletedBefore' | 'qualitiesOf' | 'remove' | 'totals'>;
  readonly chunks: Pick<ChunkQueries, 'files' | 'firstSpanFrom' | 'last' | 'startedBetween'>;
  /** Deleted with the windows that they show; without them there are none. */
  readonly storyboards?: Pick<Storyboards, 'bytesOf' | 'forgetWindow'>;
  readonly clock: Clock;
  /**
   * Pinned windows of a stream, in order; read directly before rows are deleted, so that a new pin takes
   * effect at once.
   */
  readonly pinned?: (streamId: string) => readonly PinnedRange[];
  /** The pinned windows among them that no size limit takes; all if absent. */
  readonly pinnedForGood?: (streamId: string) => readonly PinnedRange[];
  /**
   * The disk is full and nothing else can be deleted: ends what pins a window, so that `pinned` does not have
   * it any more.
   */
  readonly giveUp?: (streamId: string, window: PinnedRange) => Promise<void>;
  /** Every stream that has a recording, deleted ones too. */
  readonly streams: () => readonly RetentionRule[];
  /** Ids of the streams of other processes that write to the same folder; none by default. */
  readonly elsewhere?: (() => Promise<readonly string[]>) | undefined;
  /** `record.maxDisk`: largest size of all recordings, bytes; undefined: no limit. */
  readonly settings: Current<{ readonly record: { readonly maxDisk: number | undefined } }>;
  /** Horizons of retention by age. */
  readonly horizons: Pick<Horizons, 'of'>;
  /** Bytes of open files, which are not in the index yet. */
  readonly openBytes?: () => number;
  /** Oldest group of a stream that is not in the index yet: neither its file nor its window is deleted. */
  readonly open?: (streamId: string) => Pick<RecordedGroup, 'msn' | 'startUs'> | undefined;
  /** Called before files are deleted: of media before `us` (since 1970) only pinned windows are kept. */
  readonly onDeletedBefore?: (streamId: string, us: number) => void;
  /**
   * Deletes data that is kept as long as recordings: all of a stream before `us` (since 1970) that is not
   * pinned.
   */
  readonly onHorizon?: (streamId: string, us: number) => Promise<void>;
  /**
   * Closes cached handles of a file before it is deleted; the disk frees the space of a file only when it is
   * closed.
   */
  readonly release: (location: SegmentLocation) => void;
  /** Reports deleted files and their bytes. */
  readonly deleted: (files: number, bytes: number) => void;
  readonly failed: (error: unknown) => void;
}

/** A file without an index row, to be deleted after a grace period. */
interface PendingDelete {
  readonly location: SegmentLocation;
  readonly size: number;
  /** When the bytes go, monotonic ms. */
  readonly atMs: number;
  /** A storyboard: it is not counted as a deleted file. */
  readonly isPictures?: boolean;
}

type Totals = Pick<AllTotals, 'of'>;

/** A window of a stream, µs since 1970. */
interface StreamWindow {
  readonly streamId: string;
  readonly windowUs: number;
}

/** Applies the retention rules, one pass at a time. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #pending = new Map<string, PendingDelete>();
  #sweepAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /**
   * Applies the rules to every stream once. Never rejects: failures are reported to `failed` and retried in
   * the next pass.
   */
  async pass(): Promise<void> {
    const { clock, horizons, streams, settings, onHorizon } = this.#options;
    const { maxDisk } = settings.now.record;
    await this.#try(() => this.#deleteDue());
    const rules = streams();
    for (const { streamId, keepMs } of rules) {
      const beforeUs = horizons.of(streamId, keepMs);
      await this.#try(() => this.#deleteBefore(streamId, beforeUs));
      await this.#try(() => this.#deleteQualities(streamId, beforeUs));
      await this.#try(async () => onHorizon?.(streamId, beforeUs));
    }
    if (maxDisk !== undefined) await this.#try(() => this.#deleteOldest(rules, maxDisk));
    if (clock.monotonicMs() < this.#sweepAtMs) return;
    this.#sweepAtMs = clock.monotonicMs() + SWEEP_EVERY_MS;
    for (const rule of rules) await this.#try(() => this.#sweep(rule));
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.failed(error);
    }
  }

  /**
   * Removes files before `beforeUs` from the index, except in pinned windows. A file belongs to the window in
   * which it starts.
   */
  async #deleteBefore(streamId: string, beforeUs: number): Promise<void> {
    const { chunks } = this.#options;
    for (let cursorUs = 0; cursorUs < beforeUs; ) {
      const held = rangeAt(this.#pinned(streamId), cursorUs);
      if (held) {
        cursorUs = held.toUs;
        continue;
      }
      const rows = await chunks.startedBetween(streamId, cursorUs, beforeUs, BATCH);
      // Read again: a window may have been pinned during the query.
      const ranges = this.#pinned(streamId);
      const kept = rows.findIndex((row) => rangeAt(ranges, row.start_us));
      await this.#removeRows(streamId, kept < 0 ? rows : rows.slice(0, kept), beforeUs);
      if (kept < 0 && rows.length < BATCH) return;
      cursorUs = (kept < 0 ? rows.at(-1)! : rows[kept]!).start_us;
    }
  }

  /** Removes what the recording of the stream does not have any more from those of its derived qualities. */
  async #deleteQualities(streamId: string, beforeUs: number): Promise<void> {
    const { table } = this.#options;
    const ids = await table.qualitiesOf(streamId);
    if (ids.length === 0) return;
    const us = Math.max(beforeUs, await table.deletedBefore(streamId));
    for (const id of ids) await this.#deleteBefore(id, us);
  }

  async #removeRows(
    streamId: string,
    rows: Awaited<ReturnType<ChunkQueries['startedBetween']>>,
    beforeUs: number,
  ): Promise<void> {
    if (rows.length === 0) return;
    const { table, clock, onDeletedBefore } = this.#options;
    const isQuality = recordingOf(streamId).rung !== undefined;
    if (!isQuality) onDeletedBefore?.(streamId, beforeUs);
    const firstMsns = rows.map((row) => row.first_msn);
    await table.remove(streamId, firstMsns, isQuality ? undefined : beforeUs);
    const atMs = clock.monotonicMs() + GRACE_MS;
    for (const row of rows) {
      const location = segmentLocation(row.path);
      this.#pending.set(location, { location, size: row.size, atMs });
    }
    if (!isQuality) await this.#removeStoryboards(streamId, new Set(rows.map((row) => windowOf(row.start_us))), atMs);
  }

  /** Rows are removed by whole windows: the pictures of these windows go with them. */
  async #removeStoryboards(streamId: string, windowsUs: ReadonlySet<number>, atMs: number): Promise<void> {
    for (const windowUs of windowsUs) {
      const pictures = await this.#options.storyboards?.forgetWindow(streamId, windowUs);
      if (pictures) this.#pending.set(pictures.location, { ...pictures, atMs, isPictures: true });
    }
  }

  #pinned(streamId: string): readonly PinnedRange[] {
    return this.#options.pinned?.(recordingOf(streamId).streamId) ?? [];
  }

  /**
   * Removes the oldest windows of all streams from the index until the rest fits into `maxBytes`. Pinned
   * windows and those that still grow are kept, even if they alone exceed it; those that only clips pin are
   * taken when there are no others. What another process has, it deletes itself.
   */
  async #deleteOldest(rules: readonly RetentionRule[], maxBytes: number): Promise<void> {
    const { table, openBytes, storyboards, elsewhere } = this.#options;
    const ids = rules.map(({ streamId }) => streamId);
    const foreign = (await elsewhere?.()) ?? [];
    const held = (id: string) => this.#pinned(id);
    for (;;) {
      const totals = await table.allTotals();
      let bytes = openBytes?.() ?? 0;
      for (const id of [...ids, ...foreign]) bytes += totals.of(id).bytes + ((await storyboards?.bytesOf(id)) ?? 0);
      if (bytes <= maxBytes) return;
      const reached = (all: readonly string[]) => all.filter((id) => !totals.isLost(id));
      const own = await this.#oldestOf(reached(ids), totals, held);
      const other = await this.#oldestOf(reached(foreign), totals, held);
      if (other && (!own || other.windowUs < own.windowUs)) return;
      const oldest = own ?? (await this.#giveUpOldest(reached(ids), totals));
      if (!oldest) return;
      await this.#deleteBefore(oldest.streamId, oldest.windowUs + WINDOW_US);
      await this.#deleteQualities(oldest.streamId, oldest.windowUs + WINDOW_US);
    }
  }

  /** Ends what pins the oldest window that is not pinned for good; returns that window. */
  async #giveUpOldest(ids: readonly string[], totals: Totals): Promise<StreamWindow | undefined> {
    const { pinnedForGood, giveUp } = this.#options;
    if (!pinnedForGood || !giveUp) return undefined;
    const oldest = await this.#oldestOf(ids, totals, pinnedForGood);
    if (!oldest) return undefined;
    const { streamId, windowUs } = oldest;
    await giveUp(streamId, { fromUs: windowUs, toUs: windowUs + WINDOW_US });
    return rangeAt(this.#pinned(streamId), windowUs) ? undefined : oldest;
  }

  /** The oldest window of all streams that is in no range of `held` and does not grow. */
  async #oldestOf(
    ids: readonly string[],
    totals: Totals,
    held: (streamId: string) => readonly PinnedRange[],
  ): Promise<StreamWindow | undefined> {
    let oldest: StreamWindow | undefined;
    for (const streamId of ids) {
      const fromUs = await this.#oldestOutside(streamId, totals.of(streamId).fromUs, held(streamId));
      if (fromUs === undefined) continue;
      const windowUs = windowOf(fromUs);
      if (windowUs >= (await this.#growingUs(streamId))) continue;
      if (!oldest || windowUs < oldest.windowUs) oldest = { streamId, windowUs };
    }
    return oldest;
  }

  /**
   * The first window of a stream that may still grow, by its media: the clock of a source may differ by days.
   */
  async #growingUs(streamId: string): Promise<number> {
    const { chunks, clock, open } = this.#options;
    const writing = open?.(streamId);
    if (writing) return windowOf(writing.startUs);
    return Math.max(windowOf(clock.nowMs() * 1000), windowOf((await chunks.last(streamId))?.start_us ?? 0));
  }

  /**
   * Start of the oldest file that is in none of the ranges, µs since 1970.
   *
   * @param oldestUs of all files
   */
  async #oldestOutside(
    streamId: string,
    oldestUs: number | undefined,
    ranges: readonly PinnedRange[],
  ): Promise<number | undefined> {
    const { chunks } = this.#options;
    let fromUs = oldestUs;
    for (let held = fromUs && rangeAt(ranges, fromUs); held; held = fromUs && rangeAt(ranges, fromUs)) {
      fromUs = (await chunks.firstSpanFrom(streamId, held.toUs))?.start_us;
    }
    return fromUs;
  }

  /** Deletes files whose grace period is over; failures are retried in the next pass. */
  async #deleteDue(): Promise<void> {
    const { clock, deleted, failed, release, segments } = this.#options;
    const nowMs = clock.monotonicMs();
    let files = 0;
    let bytes = 0;
    for (const pending of [...this.#pending.values()]) {
      if (pending.atMs > nowMs) continue;
      try {
        release(pending.location);
        await segments.delete(pending.location);
        // Again: a reader may have opened it in between.
        release(pending.location);
      } catch (error) {
        failed(error);
        continue;
      }
      this.#pending.delete(pending.location);
      if (!pending.isPictures) files++;
      bytes += pending.size;
    }
    if (files > 0) deleted(files, bytes);
  }

  /**
   * Deletes files without an index row that the last process did not delete in time: only files whose name is
   * older than all retained media; never in pinned windows, indexed or open files.
   */
  async #sweep({ streamId, keepMs }: RetentionRule): Promise<void> {
    const { horizons, segments, settings } = this.#options;
    const beforeUs = Math.max(
      horizons.of(streamId, keepMs),
      settings.now.record.maxDisk === undefined ? 0 : await this.#emptyBefore(streamId),
    );
    for (const id of [streamId, ...(await listQualityRecordings(segments, streamId))]) {
      await this.#sweepRecording(id, beforeUs);
    }
    await this.#sweepStoryboards(streamId, beforeUs);
  }

  /** Deletes storyboards of windows before `beforeUs` whose media is deleted. */
  async #sweepStoryboards(streamId: string, beforeUs: number): Promise<void> {
    const { segments, storyboards, chunks } = this.#options;
    if (!storyboards) return;
    for (const { location, startMs } of await listStoryboards(segments, streamId, { toMs: beforeUs / 1000 })) {
      const windowUs = startMs * 1000;
      if (windowUs >= beforeUs || rangeAt(this.#pinned(streamId), windowUs) || this.#pending.has(location)) continue;
      const left = await chunks.startedBetween(streamId, windowUs, windowUs + WINDOW_US, 1);
      if (left.length > 0) continue;
      await storyboards.forgetWindow(streamId, windowUs);
      await segments.delete(location);
    }
  }

  async #sweepRecording(streamId: string, beforeUs: number): Promise<void> {
    const { segments, deleted, open, chunks } = this.#options;
    const ranges = this.#pinned(streamId);
    const writingMsn = open?.(streamId)?.msn ?? Number.POSITIVE_INFINITY;
    const isOld = ({ location, startMs, firstMsn }: NamedChunk) =>
      windowOf(startMs * 1000) < beforeUs &&
      !rangeAt(ranges, startMs * 1000) &&
      firstMsn < writingMsn &&
      !this.#pending.has(location);
    const old = (await listChunks(segments, streamId, { toMs: beforeUs / 1000 })).filter(isOld);
    if (old.length === 0) return;
    const { firstMsns, paths } = await chunks.files(streamId);
    let files = 0;
    for (const { location, firstMsn } of old) {
      if (firstMsns.has(firstMsn) || paths.has(location)) continue;
      await segments.delete(location);
      files++;
    }
    if (files > 0) deleted(files, 0);
  }

  /**
   * Before this only pinned windows are in the index, because retention by size deletes the oldest first; µs
   * since 1970.
   */
  async #emptyBefore(streamId: string): Promise<number> {
    const { table } = this.#options;
    const { fromUs } = await table.totals(streamId);
    const oldestUs = await this.#oldestOutside(streamId, fromUs, this.#pinned(streamId));
    const deletedUs = await table.deletedBefore(streamId);
    return Math.max(deletedUs, oldestUs === undefined ? 0 : windowOf(oldestUs));
  }
}

/**
 * Runs a pass every 30 s until aborted.
 */
export async function runRetention(options: RetentionOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const retention = new Retention(options);
  while (!signal.aborted) {
    await retention.pass();
    await sleep(EVERY_MS, { signal }).catch(() => undefined); // rejects only on abort, which ends the loop
  }
}
