/**
 * Writes sealed groups to chunk files in order, and adds the files to the index (docs/media.md 21 to 23).
 * In: groups of the packager, synchronously. Out: committed groups to the RecordingReader, rows to
 * chunk-table.
 */

import { FormatError } from '@oxbow/media/errors';
import type { GapCause } from '@oxbow/media/gap';
import type { CommittedTrack } from '@oxbow/media/isobmff/commit-box';
import type { SegmentGroup, StreamGap } from '@oxbow/media/segment';
import { recoverChunk } from '../archive/chunk-recovery.ts';
import { type ChunkWriter, openChunkWriter, type SyncPolicy } from '../archive/chunk-writer.ts';
import type { SegmentLocation, SegmentStore } from '../archive/segment-store.ts';
import { waitFor } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError, reasonOf } from '../lib/errors.ts';
import { withinSpan } from '../observe/traces/current-span.ts';
import type { OpenSpan } from '../observe/traces/telemetry.ts';
import { chunkRow } from './chunks/chunk-row.ts';
import type { ChunkRow, ChunkTable } from './chunks/chunk-table.ts';
import type { RecordedDateRange } from './date-range-rows.ts';
import type { EvidenceSink } from './evidence/evidence.ts';
import { Losses, type LostGroup } from './losses.ts';
import type { RecordedGroup, RecordingReader } from './recording-reader.ts';
import { windowOf } from './window.ts';

/** A file ends at the first key frame after this much media. */
const CHUNK_US = 60_000_000;
/**
 * Largest backlog; the recorder drops further groups as a gap with cause `overload`. A single larger group is
 * written if the backlog is empty.
 */
const MAX_BACKLOG_BYTES = 64 * 1024 * 1024;
/** Pause after a file failed before the next is opened, and before a failed index write is retried. */
const RETRY_MS = 2000;
/**
 * If a group needs longer than this to reach the disk, the recorder syncs once per file instead of per group.
 */
const SLOW_MS = 5000;

/** Detail of the offline time of skipped groups. */
export const RECORDING_OFF = 'recording was off';
/** Detail of a gap with cause `internal`; the log has the stack. */
const BUG = 'an internal error of oxbow';

/** What the recorder reports to logs, metrics and events. */
export interface RecorderCounters {
  /** The span of a group that is written now; undefined while tracing is off. */
  begin?(): OpenSpan | undefined;
  /** A group is on disk; `lagMs` since it was sealed. */
  committed(bytes: number, lagMs: number, msn: number, span: OpenSpan | undefined): void;
  /** A group was lost. */
  lost(cause: GapCause, detail: string): void;
  /** A failure without loss: writing to the index (retried) or sealing a file failed. */
  trouble(detail: string): void;
  /**
   * An error that is neither malformed media nor a disk failure. A group lost by it is also reported to
   * `lost`.
   */
  bug(error: unknown): void;
  /** The disk became too slow to sync every group, or fast enough again. */
  slow(isSlow: boolean): void;
}

/** A group that is in a file. */
export interface WrittenGroup {
  readonly location: SegmentLocation;
  /** Bytes of the file up to the end of the group. */
  readonly length: number;
  readonly msn: number;
  /** Where its tracks are in the file. */
  readonly tracks: readonly Pick<CommittedTrack, 'trackId' | 'offset' | 'length'>[];
}

export interface RecorderOptions {
  readonly recording: RecordingReader;
  readonly table: Pick<ChunkTable, 'put'> & Partial<Pick<ChunkTable, 'written'>>;
  /** Stores the rows that a row of the index refers to, before that is written. */
  readonly beforeIndex?: (() => Promise<void>) | undefined;
  readonly segments: SegmentStore;
  readonly sync: SyncPolicy;
  readonly clock: Clock;
  readonly counters: RecorderCounters;
  /** Highest MSN recorded before, or 0. */
  readonly previousMsn: number;
  /** Called in order when a group is on disk according to `sync`. */
  readonly onCommitted: (msn: number) => void;
  /** Called when a group is in its file; with undefined, when no group follows in the file. */
  readonly onWritten?: ((written: WrittenGroup | undefined) => void) | undefined;
  /** Called in order when a group is lost or skipped. */
  readonly onLost?: (msn: number) => void;
  /** Whether there is room on the disk; called before a file is opened. */
  readonly mayWrite: () => boolean;
  /** Why there is no room, as detail of the gap; a default text if absent. */
  readonly noRoom?: (() => string) | undefined;
  /** Hashes what is on the disk; closed with the recorder. Undefined: nothing is hashed. */
  readonly evidence?: EvidenceSink | undefined;
  /** Largest backlog, bytes; default 64 MiB. */
  readonly maxBacklogBytes?: number;
}

interface OpenFile {
  readonly writer: ChunkWriter;
  /** From the first group; keeping the group would keep its bytes in memory while the file is open. */
  readonly first: { readonly runId: number; readonly initNumber: number; readonly startUs: number };
  readonly groups: RecordedGroup[];
  readonly sync: SyncPolicy;
}

/** The recorder of one stream. */
export class Recorder implements AsyncDisposable {
  readonly #options: RecorderOptions;
  readonly #losses = new Losses();
  #file: OpenFile | undefined;
  #previousMsn: number;
  /** Resolves when all queued work is done; tasks run in order. */
  #work: Promise<void> = Promise.resolve();
  #backlogBytes = 0;
  /** Groups that are not yet written, lost or skipped. */
  #pendingGroups = 0;
  /** Writing is tried again then, monotonic ms; undefined: the last write was good. */
  #notBeforeMs: number | undefined;
  /** Rows that are not in the index yet; they are written oldest first. */
  readonly #unindexed: { readonly row: ChunkRow; readonly dateRanges: readonly RecordedDateRange[] }[] = [];
  #retryIndexAtMs = Number.NEGATIVE_INFINITY;
  /** Rows are being written; groups do not wait for it, because a database may take half a minute to fail. */
  #indexing: Promise<void> | undefined;
  #isSlow = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#previousMsn = options.previousMsn;
  }

  /** Bytes that wait for the disk. */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  /** Most bytes that may wait. */
  get maxBacklogBytes(): number {
    return this.#options.maxBacklogBytes ?? MAX_BACKLOG_BYTES;
  }

  /** Whether every group passed to `write` and `skip` is on disk, lost or skipped. */
  get isQuiet(): boolean {
    return this.#pendingGroups === 0;
  }

  /** Contiguous gaps since the last group on disk, oldest first. */
  get gaps(): readonly StreamGap[] {
    return this.#losses.gaps;
  }

  /** Whether the disk has rejected the last write. */
  get isFailing(): boolean {
    return this.#notBeforeMs !== undefined;
  }

  /** Resolves when at least half of the backlog is free. Rejects with the signal's reason when aborted. */
  async ready({ signal }: { signal: AbortSignal }): Promise<void> {
    const most = (this.#options.maxBacklogBytes ?? MAX_BACKLOG_BYTES) / 2;
    while (this.#backlogBytes > most) {
      await waitFor(this.#work, { signal });
    }
  }

  /** Queues a group. Never waits, never throws. */
  write(group: SegmentGroup): void {
    const bytes = group.tracks.reduce((sum, track) => sum + track.bytes.length, 0);
    const isFull = this.#backlogBytes + bytes > (this.#options.maxBacklogBytes ?? MAX_BACKLOG_BYTES);
    if (isFull && this.#backlogBytes > 0) {
      // Queued, so that the loss is recorded in the place of the group. Its bytes are released now.
      const lost = withoutBytes(group);
      this.#enqueueGroup(async () => this.#lose(lost, 'overload', 'the disk is too slow'));
      return;
    }
    this.#backlogBytes += bytes;
    const sealedAtMs = this.#options.clock.monotonicMs();
    this.#enqueueGroup(async () => {
      try {
        await this.#append(group, bytes, sealedAtMs);
      } finally {
        this.#backlogBytes -= bytes;
      }
    });
  }

  /**
   * Skips a group because recording is off, or for the reason in `detail`: its time is offline, not a gap.
   */
  skip(group: SegmentGroup, detail = RECORDING_OFF): void {
    const skipped = withoutBytes(group);
    this.#enqueueGroup(async () => {
      this.#losses.add(skipped, 'offline', detail);
      this.#options.onLost?.(skipped.msn);
    });
  }

  /**
   * Passes over a segment that is no media of the stream: the absence of media in its time is known from the
   * next group.
   */
  passOver(msn: number): void {
    this.#enqueue(async () => this.#options.onLost?.(msn));
  }

  /** Seals the open file after all queued work. Never rejects. */
  seal(): Promise<void> {
    this.#enqueue(async () => {
      await this.#seal();
      await this.#indexing;
    });
    return this.#work;
  }

  /** Writes the backlog, seals the open file, and retries rows that are not in the index. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.seal();
    this.#enqueue(() => this.#index());
    await this.#work;
    await this.#options.evidence?.close();
  }

  #enqueueGroup(task: () => Promise<void>): void {
    this.#pendingGroups++;
    this.#enqueue(() => task().finally(() => this.#pendingGroups--));
  }

  #enqueue(task: () => Promise<void>): void {
    this.#work = this.#work.then(task).catch((error: unknown) => {
      this.#options.counters.bug(error);
    });
  }

  async #append(group: SegmentGroup, bytes: number, sealedAtMs: number): Promise<void> {
    const { clock, counters, onCommitted, recording, mayWrite, noRoom } = this.#options;
    if (this.#file && mustRotate(this.#file, group, this.#isSlow)) await this.#seal();
    if (this.#unindexed.length > 0 && clock.monotonicMs() >= this.#retryIndexAtMs) void this.#index();
    if (!this.#file && !mayWrite()) {
      this.#lose(group, 'disk', noRoom?.() || 'there is no room on the disk');
      return;
    }
    if (!this.#file && clock.monotonicMs() < (this.#notBeforeMs ?? 0)) {
      this.#lose(group, 'disk', 'the disk failed; writing is tried again soon');
      return;
    }
    const complete = { ...group, gaps: this.#losses.before(group) };
    const span = counters.begin?.();
    try {
      this.#file ??= await this.#open(complete);
      const file = this.#file;
      const committed = await withinSpan(span, () => file.writer.append(complete));
      const { dateRanges, init } = group;
      const { location } = file.writer;
      const recorded: RecordedGroup = {
        ...committed,
        location,
        initNumber: init.number,
        ...(dateRanges && { dateRanges }),
      };
      file.groups.push(recorded);
      this.#losses.clear();
      this.#notBeforeMs = undefined;
      this.#previousMsn = group.msn;
      recording.committed(recorded);
      this.#options.evidence?.add(complete);
      this.#options.onWritten?.({ location, length: file.writer.length, msn: group.msn, tracks: committed.tracks });
    } catch (error) {
      if (error instanceof FormatError) {
        // Malformed segment: nothing was written to the file.
        this.#lose(group, 'bad-media', reasonOf(error));
        if (this.#file?.groups.length === 0) await this.#abandonFile();
        return;
      }
      if (isDiskFailure(error)) {
        this.#lose(group, 'disk', reasonOf(error));
        this.#notBeforeMs = clock.monotonicMs() + RETRY_MS;
      } else {
        counters.bug(error);
        this.#lose(group, 'internal', BUG);
      }
      await this.#abandonFile();
      return;
    }
    const lagMs = clock.monotonicMs() - sealedAtMs;
    counters.committed(bytes, lagMs, group.msn, span);
    onCommitted(group.msn);
    if (lagMs > SLOW_MS && this.#options.sync === 'segment') this.#setSlow(true);
  }

  async #open(group: SegmentGroup): Promise<OpenFile> {
    const { recording, segments } = this.#options;
    const sync = this.#isSlow ? 'chunk' : this.#options.sync;
    const writer = await openChunkWriter({
      store: segments,
      utcMs: Math.floor(group.startUs / 1000),
      msn: group.msn,
      streamId: recording.streamId,
      init: group.init,
      previousMsn: this.#previousMsn,
      sync,
    });
    const first = { runId: group.run.id, initNumber: group.init.number, startUs: group.startUs };
    return { writer, first, groups: [], sync };
  }

  async #seal(): Promise<void> {
    const file = this.#file;
    if (!file) return;
    const startedMs = this.#options.clock.monotonicMs();
    try {
      const { length } = await file.writer.seal();
      this.#file = undefined;
      this.#options.table.written?.emit(file.writer.location);
      this.#addRow(file, length);
    } catch (error) {
      // The committed groups are intact; only the end of the file is not.
      if (isDiskFailure(error)) this.#options.counters.trouble(reasonOf(error));
      else this.#options.counters.bug(error);
      await this.#abandonFile();
      return;
    }
    const tookMs = this.#options.clock.monotonicMs() - startedMs;
    if (file.sync === 'chunk' && this.#isSlow && tookMs < SLOW_MS) this.#setSlow(false);
  }

  /**
   * Closes a file that failed: truncates it to its committed groups and seals it if the disk allows. The file
   * is kept in any case (docs/media.md 23).
   */
  async #abandonFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (!file) return;
    const { writer, groups } = file;
    // The disk may fail here too. Then recovery or a rebuild repairs the file.
    await writer.abandon().catch(() => undefined);
    const { segments } = this.#options;
    if (groups.length === 0) {
      await segments.delete(writer.location).catch(() => undefined);
      return;
    }
    const size = await recoverChunk(segments, writer.location, {
      length: writer.length,
      sync: !writer.syncFailed,
    }).then(
      (recovered) => recovered.length,
      () => writer.length,
    );
    this.#addRow(file, size);
  }

  #addRow({ writer, groups }: OpenFile, size: number): void {
    const { recording } = this.#options;
    if (groups.length === 0) return;
    this.#options.onWritten?.(undefined);
    const dateRanges = groups.flatMap(({ msn, dateRanges = [] }) => dateRanges.map((range) => ({ msn, range })));
    this.#unindexed.push({ row: chunkRow(recording.streamId, writer.location, size, groups), dateRanges });
    void this.#index();
  }

  /** Writes queued rows to the index. Their groups stay in memory until then. Never rejects. */
  #index(): Promise<void> {
    if (this.#unindexed.length === 0) return Promise.resolve();
    this.#indexing ??= this.#writeRows();
    return this.#indexing;
  }

  async #writeRows(): Promise<void> {
    try {
      await this.#writeOldestRows();
    } catch (error) {
      this.#options.counters.bug(error);
    } finally {
      this.#indexing = undefined;
    }
  }

  async #writeOldestRows(): Promise<void> {
    const { table, beforeIndex, recording, counters, clock } = this.#options;
    for (let next = this.#unindexed[0]; next; next = this.#unindexed[0]) {
      const { row, dateRanges } = next;
      try {
        await beforeIndex?.();
        await table.put(row, dateRanges);
      } catch (error) {
        counters.trouble(reasonOf(error));
        this.#retryIndexAtMs = clock.monotonicMs() + RETRY_MS;
        return;
      }
      this.#unindexed.shift();
      recording.indexed(row.last_msn);
    }
  }

  #lose(group: LostGroup, cause: GapCause, detail: string): void {
    this.#losses.add(group, cause, detail);
    this.#options.counters.lost(cause, detail);
    this.#options.onLost?.(group.msn);
  }

  #setSlow(isSlow: boolean): void {
    if (this.#isSlow === isSlow) return;
    this.#isSlow = isSlow;
    this.#options.counters.slow(isSlow);
  }
}

/** Chunk files report failures of the disk with this code. */
function isDiskFailure(error: unknown): boolean {
  return error instanceof OxbowError && error.code === 'disk-failed';
}

function withoutBytes({ msn, startUs, durationUs, gaps }: SegmentGroup): LostGroup {
  return { msn, startUs, durationUs, gaps };
}

function mustRotate(file: OpenFile, group: SegmentGroup, isSlow: boolean): boolean {
  const { first } = file;
  if (group.run.id !== first.runId || group.init.number !== first.initNumber) return true;
  // No file spans a ten-minute mark, because retention deletes whole windows.
  if (windowOf(group.startUs) !== windowOf(first.startUs)) return true;
  if (isSlow && file.sync === 'segment') return true;
  // Files begin at a key frame if possible (docs/media.md 6); at the ten-minute mark in any case.
  const independent = group.tracks.every((track) => track.independent);
  return independent && group.startUs - first.startUs >= CHUNK_US;
}
