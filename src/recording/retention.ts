/**
 * Deletes what is older than it should be kept, and the oldest where recordings take too much room: whole ten-minute windows, the
 * index first, the bytes a minute later, so that no player meets half a segment. Windows that a pin touches are left alone, whatever
 * their age and size (docs/media.md 16). In: the chunk table, pins and the settings of each stream. Out: files gone, `410` for
 * their addresses.
 */
import { listChunks, type NamedChunk } from '../archive/recording-locations.ts';
import { type SegmentLocation, type SegmentStore, segmentLocation } from '../archive/segment-store.ts';
import { sleep } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import type { Current } from '../lib/current.ts';
import type { ChunkTable } from './chunk-table.ts';
import type { Horizons } from './horizons.ts';
import { type PinnedRange, rangeAt } from './pinned-windows.ts';
import type { RecordedGroup } from './recording-reader.ts';
import { WINDOW_US, windowOf } from './window.ts';

/** Bytes outlive their index row by this much. */
const GRACE_MS = 60_000;
const EVERY_MS = 30_000;
/** Files that no index knows any more are looked for this often, and at the start. */
const SWEEP_EVERY_MS = 3600_000;
/** Files forgotten in one statement. */
const BATCH = 256;

/** How long the recording of one stream is kept. */
export interface RetentionRule {
  readonly streamId: string;
  /** Milliseconds. */
  readonly keepMs: number;
}

/** What retention works with. */
export interface RetentionOptions {
  readonly segments: SegmentStore;
  readonly table: ChunkTable;
  readonly clock: Clock;
  /** Windows of a stream that are kept, in order; asked right before anything is forgotten, so that a fresh pin holds. */
  readonly pinned?: (streamId: string) => readonly PinnedRange[];
  /** Every stream that has a recording, deleted ones too. */
  readonly streams: () => readonly RetentionRule[];
  /** `record.maxDisk`: most that all recordings may take, bytes; undefined: as much as there is. */
  readonly settings: Current<{ readonly record: { readonly maxDisk: number | undefined } }>;
  /** How far it may go by age. */
  readonly horizons: Pick<Horizons, 'of'>;
  /** Bytes of the files that are being written, which the index does not know yet. */
  readonly openBytes?: () => number;
  /** The oldest group of a stream that the index does not know yet: its file is not deleted, nor is its window. */
  readonly open?: (streamId: string) => Pick<RecordedGroup, 'msn' | 'startUs'> | undefined;
  /** Called before files are deleted: of media before `us` (since 1970) only pinned windows are kept. */
  readonly onDeletedBefore?: (streamId: string, us: number) => void;
  /** Lets go of a file that is about to be deleted: an open one keeps its place on the disk. */
  readonly release: (location: SegmentLocation) => void;
  /** Files deleted, and their bytes. */
  readonly deleted: (files: number, bytes: number) => void;
  readonly failed: (error: unknown) => void;
}

/** A file without an index row, to be deleted after a grace period. */
interface PendingDelete {
  readonly location: SegmentLocation;
  readonly size: number;
  /** When the bytes go, monotonic ms. */
  readonly atMs: number;
}

/** Keeps recordings within their bounds, pass by pass. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #pending = new Map<string, PendingDelete>();
  #sweepAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Looks once at every stream. Never rejects: what fails is told and tried again at the next pass. */
  async pass(): Promise<void> {
    const { clock, horizons, streams, settings } = this.#options;
    const { maxDisk } = settings.now.record;
    await this.#try(() => this.#deleteDue());
    const all = streams();
    for (const { streamId, keepMs } of all) {
      await this.#try(() => this.#forgetBefore(streamId, horizons.of(streamId, keepMs)));
    }
    if (maxDisk !== undefined) await this.#try(() => this.#forgetOldest(all, maxDisk));
    if (clock.monotonicMs() < this.#sweepAtMs) return;
    this.#sweepAtMs = clock.monotonicMs() + SWEEP_EVERY_MS;
    for (const rule of all) await this.#try(() => this.#sweep(rule));
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.failed(error);
    }
  }

  /** Takes the windows before `beforeUs` out of the index, but the pinned ones. A file belongs to the window in which it starts. */
  async #forgetBefore(streamId: string, beforeUs: number): Promise<void> {
    const { table } = this.#options;
    for (let cursorUs = 0; cursorUs < beforeUs; ) {
      const held = rangeAt(this.#pinned(streamId), cursorUs);
      if (held) {
        cursorUs = held.toUs;
        continue;
      }
      const rows = await table.startedBetween(streamId, cursorUs, beforeUs, BATCH);
      // Asked again: what was pinned while the index answered stays.
      const ranges = this.#pinned(streamId);
      const kept = rows.findIndex((row) => rangeAt(ranges, row.start_us));
      await this.#forget(streamId, kept < 0 ? rows : rows.slice(0, kept), beforeUs);
      if (kept < 0 && rows.length < BATCH) return;
      cursorUs = (kept < 0 ? rows.at(-1)! : rows[kept]!).start_us;
    }
  }

  async #forget(
    streamId: string,
    rows: Awaited<ReturnType<ChunkTable['startedBetween']>>,
    beforeUs: number,
  ): Promise<void> {
    if (rows.length === 0) return;
    const { table, clock, onDeletedBefore } = this.#options;
    onDeletedBefore?.(streamId, beforeUs);
    const firstMsns = rows.map((row) => row.first_msn);
    await table.remove(streamId, firstMsns, beforeUs);
    const atMs = clock.monotonicMs() + GRACE_MS;
    for (const row of rows) {
      const location = segmentLocation(row.path);
      this.#pending.set(location, { location, size: row.size, atMs });
    }
  }

  #pinned(streamId: string): readonly PinnedRange[] {
    return this.#options.pinned?.(streamId) ?? [];
  }

  /**
   * Takes the oldest windows of all streams out of the index until the rest fits; windows that still grow and pinned ones are left
   * alone: where these alone take more, more is what they take.
   */
  async #forgetOldest(all: readonly RetentionRule[], maxBytes: number): Promise<void> {
    const { table, openBytes } = this.#options;
    for (;;) {
      let bytes = openBytes?.() ?? 0;
      let oldest: { streamId: string; windowUs: number } | undefined;
      for (const { streamId } of all) {
        bytes += (await table.totals(streamId)).bytes;
        const fromUs = await this.#oldestUnpinned(streamId);
        if (fromUs === undefined) continue;
        const windowUs = windowOf(fromUs);
        if (windowUs >= (await this.#growingUs(streamId))) continue;
        if (!oldest || windowUs < oldest.windowUs) oldest = { streamId, windowUs };
      }
      if (bytes <= maxBytes || !oldest) return;
      await this.#forgetBefore(oldest.streamId, oldest.windowUs + WINDOW_US);
    }
  }

  /** The first window of a stream that may still grow. By its media, as its clock and that of the computer may differ by days. */
  async #growingUs(streamId: string): Promise<number> {
    const { table, clock, open } = this.#options;
    const writing = open?.(streamId);
    if (writing) return windowOf(writing.startUs);
    return Math.max(windowOf(clock.nowMs() * 1000), windowOf((await table.last(streamId))?.start_us ?? 0));
  }

  async #oldestUnpinned(streamId: string): Promise<number | undefined> {
    const { table } = this.#options;
    const ranges = this.#pinned(streamId);
    let { fromUs } = await table.totals(streamId);
    for (let held = fromUs && rangeAt(ranges, fromUs); held; held = fromUs && rangeAt(ranges, fromUs)) {
      fromUs = (await table.firstSpanFrom(streamId, held.toUs))?.start_us;
    }
    return fromUs;
  }

  /** Deletes the bytes whose time has come; what could not be deleted is tried again. */
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
        // Again: a long read may have opened it in between.
        release(pending.location);
      } catch (error) {
        failed(error);
        continue;
      }
      this.#pending.delete(pending.location);
      files++;
      bytes += pending.size;
    }
    if (files > 0) deleted(files, bytes);
  }

  /**
   * Deletes files that the index has forgotten but that are still there, because the last process ended before their bytes went.
   * Only what its name says is older than everything that is kept; pinned windows, files of the index and those being written not at all.
   */
  async #sweep({ streamId, keepMs }: RetentionRule): Promise<void> {
    const { horizons, segments, settings, deleted, open, table } = this.#options;
    const beforeUs = Math.max(
      horizons.of(streamId, keepMs),
      settings.now.record.maxDisk === undefined ? 0 : await this.#emptyBefore(streamId),
    );
    const ranges = this.#pinned(streamId);
    const writingMsn = open?.(streamId)?.msn ?? Number.POSITIVE_INFINITY;
    const isOld = ({ location, startMs, firstMsn }: NamedChunk) =>
      windowOf(startMs * 1000) < beforeUs &&
      !rangeAt(ranges, startMs * 1000) &&
      firstMsn < writingMsn &&
      !this.#pending.has(location);
    const old = (await listChunks(segments, streamId, { toMs: beforeUs / 1000 })).filter(isOld);
    if (old.length === 0) return;
    const { firstMsns } = await table.files(streamId);
    let files = 0;
    for (const { location, firstMsn } of old) {
      if (firstMsns.has(firstMsn)) continue;
      await segments.delete(location);
      files++;
    }
    if (files > 0) deleted(files, 0);
  }

  /** Where room is short the oldest went first: nothing before this is in the index but what is pinned. µs since 1970. */
  async #emptyBefore(streamId: string): Promise<number> {
    const oldestUs = await this.#oldestUnpinned(streamId);
    const deletedUs = await this.#options.table.deletedBefore(streamId);
    return Math.max(deletedUs, oldestUs === undefined ? 0 : windowOf(oldestUs));
  }
}

/**
 * Keeps recordings within their bounds until aborted.
 */
export async function runRetention(options: RetentionOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const retention = new Retention(options);
  while (!signal.aborted) {
    await retention.pass();
    await sleep(EVERY_MS, { signal }).catch(() => undefined); // only the signal makes it reject, and ends the loop
  }
}
