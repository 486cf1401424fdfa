/**
 * Writes sealed groups into chunk files, one after the other, and tells the index (docs/media.md 21 to 23).
 * In: packager groups, synchronously. Out: committed groups to the recording, rows to the chunk table.
 */
import type { GapCause } from '../api/gap.ts';
import { recoverChunk } from '../archive/chunk-recovery.ts';
import { type ChunkWriter, openChunkWriter, type SyncPolicy } from '../archive/chunk-writer.ts';
import type { SegmentStore } from '../archive/segment-store.ts';
import { waitFor } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { FormatError, messageOf, OxbowError } from '../lib/errors.ts';
import type { SegmentGroup, StreamGap } from '../media/segment.ts';
import { chunkRow } from './chunk-row.ts';
import type { ChunkRow, ChunkTable } from './chunk-table.ts';
import type { RecordedDateRange } from './date-range-rows.ts';
import { Losses, type LostGroup } from './losses.ts';
import type { RecordedGroup, RecordingReader } from './recording-reader.ts';
import { windowOf } from './window.ts';

/** A file is closed at the first key frame after this much media. */
const CHUNK_US = 60_000_000;
/**
 * Groups that wait for the disk; beyond it the newest are dropped, as a gap with cause `overload`. One group may be larger than this:
 * it is written when nothing else waits.
 */
const MAX_BACKLOG_BYTES = 64 * 1024 * 1024;
/** Pause before a new file is tried after one failed, and before the index is asked again. */
const RETRY_MS = 2000;
/** A group that comes to lie on the disk later than this: from now on the disk is asked once a file. */
const SLOW_MS = 5000;

/** Why media that was passed over is offline; for a person. */
export const RECORDING_OFF = 'recording was off';
/** Why media is missing after a bug; for a person. The log has the stack. */
const BUG = 'an internal error of oxbow';

/** What the recorder reports. */
export interface RecorderCounters {
  /** A group is on the disk: bytes, and ms since it was sealed. */
  committed(bytes: number, lagMs: number): void;
  /** A group was lost. */
  lost(cause: GapCause, detail: string): void;
  /** Something failed that lost nothing: the index did not take a file (it is asked again), or a file could not be sealed. */
  trouble(detail: string): void;
  /** Something was thrown that is neither malformed media nor a failing disk. A group that it cost is reported to `lost` too. */
  bug(error: unknown): void;
  /** The disk became too slow to be asked for every segment, or fast enough again. */
  slow(isSlow: boolean): void;
}

/** What a recorder works with. */
export interface RecorderOptions {
  readonly recording: RecordingReader;
  readonly table: Pick<ChunkTable, 'put'>;
  readonly segments: SegmentStore;
  readonly sync: SyncPolicy;
  readonly clock: Clock;
  readonly counters: RecorderCounters;
  /** Highest MSN recorded before, or 0. */
  readonly previousMsn: number;
  /** Told in order, when a group's bytes are on the disk as the policy asks. */
  readonly onCommitted: (msn: number) => void;
  /** Told in order, when a group will never be on the disk. */
  readonly onLost?: (msn: number) => void;
  /** Whether there is room on the disk; asked before each file. */
  readonly mayWrite: () => boolean;
  /** Why there is no room, for the gap; absent: there is no sentence. */
  readonly noRoom?: (() => string) | undefined;
  /** Bytes that may wait for the disk; 64 MiB if not given. */
  readonly maxBacklogBytes?: number;
}

interface OpenFile {
  readonly writer: ChunkWriter;
  /** Of the first group; the group itself would hold its bytes for as long as the file is open. */
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
  /** All work, in order. */
  #work: Promise<void> = Promise.resolve();
  #backlogBytes = 0;
  /** Groups whose fate is not known yet: written, lost or passed over. */
  #pendingGroups = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  /** Rows that the index did not take yet, oldest first: none is written before those of older files. */
  readonly #unindexed: { readonly row: ChunkRow; readonly told: readonly RecordedDateRange[] }[] = [];
  #askIndexAtMs = Number.NEGATIVE_INFINITY;
  #isSlow = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#previousMsn = options.previousMsn;
  }

  /** Bytes that wait for the disk. */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  /** Every group it was given is on the disk, lost or passed over. */
  get isQuiet(): boolean {
    return this.#pendingGroups === 0;
  }

  /** What was lost since the last group on the disk, oldest first, without seams. */
  get gaps(): readonly StreamGap[] {
    return this.#losses.gaps;
  }

  /** Resolves when half of the backlog is free, at once where it is. Rejects with the signal's reason when aborted. */
  async ready({ signal }: { signal: AbortSignal }): Promise<void> {
    const most = (this.#options.maxBacklogBytes ?? MAX_BACKLOG_BYTES) / 2;
    while (this.#backlogBytes > most) {
      await waitFor(this.#work, { signal });
    }
  }

  /** Takes a group; never waits, never throws. */
  write(group: SegmentGroup): void {
    const bytes = group.tracks.reduce((sum, track) => sum + track.bytes.length, 0);
    const isFull = this.#backlogBytes + bytes > (this.#options.maxBacklogBytes ?? MAX_BACKLOG_BYTES);
    if (isFull && this.#backlogBytes > 0) {
      // In order with the work: the loss stands where the group would have stood. Its bytes are let go of at once.
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

  /** Passes a group over because nothing is to be recorded now: its time is offline, not a gap. */
  skip(group: SegmentGroup): void {
    const passed = withoutBytes(group);
    this.#enqueueGroup(async () => {
      this.#losses.add(passed, 'offline', RECORDING_OFF);
      this.#options.onLost?.(passed.msn);
    });
  }

  /** Seals the open file when everything before is written. Never rejects. */
  seal(): Promise<void> {
    this.#enqueue(() => this.#seal());
    return this.#work;
  }

  /** Writes what waits, seals, and asks the index once more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.seal();
    this.#enqueue(() => this.#index());
    await this.#work;
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
    if (this.#unindexed.length > 0 && clock.monotonicMs() >= this.#askIndexAtMs) await this.#index();
    if (!this.#file && !mayWrite()) {
      this.#lose(group, 'disk', noRoom?.() || 'there is no room on the disk');
      return;
    }
    if (!this.#file && clock.monotonicMs() < this.#notBeforeMs) {
      this.#lose(group, 'disk', 'the disk failed; writing is tried again soon');
      return;
    }
    const whole = { ...group, gaps: this.#losses.before(group) };
    try {
      this.#file ??= await this.#open(whole);
      const committed = await this.#file.writer.append(whole);
      const { dateRanges, init } = group;
      const { location } = this.#file.writer;
      const found: RecordedGroup = {
        ...committed,
        location,
        initNumber: init.number,
        ...(dateRanges && { dateRanges }),
      };
      this.#file.groups.push(found);
      this.#losses.clear();
      this.#previousMsn = group.msn;
      recording.committed(found);
    } catch (error) {
      if (error instanceof FormatError) {
        // The segment is not what it says; the file is as it was before.
        this.#lose(group, 'bad-media', messageOf(error));
        if (this.#file?.groups.length === 0) await this.#giveUp();
        return;
      }
      if (isDiskFailure(error)) {
        this.#lose(group, 'disk', messageOf(error));
        this.#notBeforeMs = clock.monotonicMs() + RETRY_MS;
      } else {
        counters.bug(error);
        this.#lose(group, 'internal', BUG);
      }
      await this.#giveUp();
      return;
    }
    const lagMs = clock.monotonicMs() - sealedAtMs;
    counters.committed(bytes, lagMs);
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
      await this.#addRow(file, length);
    } catch (error) {
      // What it holds is whole; only its end is not.
      if (isDiskFailure(error)) this.#options.counters.trouble(messageOf(error));
      else this.#options.counters.bug(error);
      await this.#giveUp();
      return;
    }
    const tookMs = this.#options.clock.monotonicMs() - startedMs;
    if (file.sync === 'chunk' && this.#isSlow && tookMs < SLOW_MS) this.#setSlow(false);
  }

  /**
   * A file that failed takes no more. What it holds is cut to its whole groups and sealed if the disk lets us, and is kept in any
   * case (docs/media.md 23).
   */
  async #giveUp(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (!file) return;
    const { writer, groups } = file;
    // A disk that fails may fail here too; the file is left alone then, and mended by a rebuild.
    await writer.abandon().catch(() => undefined);
    const { segments } = this.#options;
    if (groups.length === 0) {
      await segments.delete(writer.location).catch(() => undefined);
      return;
    }
    const size = await recoverChunk(segments, writer.location, { length: writer.length }).then(
      (recovered) => recovered.length,
      () => writer.length,
    );
    await this.#addRow(file, size);
  }

  #addRow({ writer, groups }: OpenFile, size: number): Promise<void> {
    const { recording } = this.#options;
    if (groups.length === 0) return Promise.resolve();
    const told = groups.flatMap(({ msn, dateRanges = [] }) => dateRanges.map((range) => ({ msn, range })));
    this.#unindexed.push({ row: chunkRow(recording.streamId, writer.location, size, groups), told });
    return this.#index();
  }

  /** Writes the rows that wait. Their groups stay in memory until then. */
  async #index(): Promise<void> {
    const { table, recording, counters, clock } = this.#options;
    for (let next = this.#unindexed[0]; next; next = this.#unindexed[0]) {
      const { row, told } = next;
      try {
        await table.put(row, told);
      } catch (error) {
        counters.trouble(messageOf(error));
        this.#askIndexAtMs = clock.monotonicMs() + RETRY_MS;
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

/** A chunk file reports what the disk refused by this code. */
function isDiskFailure(error: unknown): boolean {
  return error instanceof OxbowError && error.code === 'disk-failed';
}

function withoutBytes({ msn, startUs, durationUs, gaps }: SegmentGroup): LostGroup {
  return { msn, startUs, durationUs, gaps };
}

function mustRotate(file: OpenFile, group: SegmentGroup, isSlow: boolean): boolean {
  const { first } = file;
  if (group.run.id !== first.runId || group.init.number !== first.initNumber) return true;
  // A file never reaches over a ten-minute mark, so that retention removes whole windows.
  if (windowOf(group.startUs) !== windowOf(first.startUs)) return true;
  if (isSlow && file.sync === 'segment') return true;
  // A file begins at a key frame where there is one (docs/media.md 6); the ten-minute mark waits for none.
  const independent = group.tracks.every((track) => track.independent);
  return independent && group.startUs - first.startUs >= CHUNK_US;
}
