/**
 * What is known of recorded media: groups by MSN and by time, from the open file and from the index.
 * In: the recorder and the chunk table. Out: windows, clips, stills, live segments that left memory.
 */

import { copyGroup, SegmentWalker } from '../archive/segment-index.ts';
import { type SegmentLocation, segmentLocation } from '../archive/segment-store.ts';
import { type CommittedGroup, independentFlag } from '../media/isobmff/commit-box.ts';
import type { DateRangeTag } from '../media/m3u8/playlist.ts';
import type { ChunkSegments, ChunkTable } from './chunk-table.ts';
import type { DateRangeQuery, RecordedDateRange } from './date-range-rows.ts';

/** One group of segments in a chunk file. */
export interface RecordedGroup extends CommittedGroup {
  /** Of the chunk file. */
  readonly location: SegmentLocation;
  readonly initNumber: number;
  /** What its data tracks say; only while it is not in the index. */
  readonly dateRanges?: readonly DateRangeTag[];
}

/** Whether decoding can begin at the group: every track starts with a key frame, as audio always does. */
export function startsWithKey(group: RecordedGroup): boolean {
  return group.tracks.length > 0 && group.tracks.every((track) => (track.flags & independentFlag) !== 0);
}

/**
 * Opens a file's groups; `next` changes the one that is given out. Nothing unpacked is kept: it takes 10 µs a file, and what lives for
 * long makes every collection dearer.
 */
function openGroups(row: ChunkSegments): { readonly walker: SegmentWalker; readonly group: RecordedGroup } {
  const walker = new SegmentWalker(row.segments);
  const place = { location: segmentLocation(row.path), initNumber: row.init_number };
  return { walker, group: Object.assign(walker.group, place) };
}

/** The recording of one stream, for reading. The open file's groups are in memory, the rest in the index. */
export class RecordingReader {
  readonly streamId: string;
  readonly #table: ChunkTable;
  #open: RecordedGroup[] = [];
  #endUs: number;
  /** How often groups went from memory to the index. */
  #moves = 0;

  /**
   * @param endUs end of the last recorded media, µs since 1970, or 0
   */
  constructor(options: { streamId: string; table: ChunkTable; endUs: number }) {
    this.streamId = options.streamId;
    this.#table = options.table;
    this.#endUs = options.endUs;
  }

  /** End of the last recorded media, µs since 1970; 0 when there is none. */
  get endUs(): number {
    return this.#endUs;
  }

  /** Groups that are not in the index yet: those of the file that is being written, oldest first. */
  get open(): readonly RecordedGroup[] {
    return this.#open;
  }

  /** A group was committed to the open file. */
  committed(group: RecordedGroup): void {
    this.#open.push(group);
    this.#endUs = Math.max(this.#endUs, group.startUs + group.durationUs);
  }

  /** The groups up to `lastMsn` are in the index now. */
  indexed(lastMsn: number): void {
    this.#moves++;
    this.#open = this.#open.filter((group) => group.msn > lastMsn);
  }

  /**
   * Asks the index, and again if a file went into it meanwhile: what is not in the answer is in `open` when this resolves. Some
   * groups may be in both.
   */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    for (;;) {
      const moves = this.#moves;
      const answer = await question();
      if (moves === this.#moves) return answer;
    }
  }

  /** The group of that name, or undefined. */
  async find(msn: number): Promise<RecordedGroup | undefined> {
    const inMemory = () => this.#open.find((group) => group.msn === msn);
    const open = inMemory();
    if (open) return open;
    const row = await this.ask(() => this.#table.holding(this.streamId, msn));
    if (!row) return inMemory();
    const { walker, group } = openGroups(row);
    while (walker.next()) if (group.msn === msn) return group;
    return undefined;
  }

  /**
   * What is kept around a segment that is not: the end of the media before it, µs since 1970 (undefined where there is none), and
   * the newest MSN (0 where there is none).
   */
  async around(msn: number): Promise<{ readonly beforeUs: number | undefined; readonly lastMsn: number }> {
    const [before, last] = await this.ask(() =>
      Promise.all([this.#table.upTo(this.streamId, msn), this.#table.last(this.streamId)]),
    );
    const open = this.#open.findLast((group) => group.msn < msn);
    return {
      beforeUs: open ? open.startUs + open.durationUs : before?.end_us,
      lastMsn: this.#open.at(-1)?.msn ?? last?.last_msn ?? 0,
    };
  }

  /**
   * Groups that overlap [fromUs, toUs), oldest first.
   */
  async between(fromUs: number, toUs: number): Promise<RecordedGroup[]> {
    return Array.from(await this.walk(fromUs, toUs), copyGroup);
  }

  /**
   * As between, to be walked as often as wanted. Files are unpacked on the way, each group into the same object as the one before: a
   * day of them is never in memory. Whoever keeps one makes a copy.
   */
  async walk(fromUs: number, toUs: number): Promise<Iterable<RecordedGroup>> {
    const rows = await this.ask(() => this.#table.segmentsBetween(this.streamId, fromUs, toUs));
    const open = [...this.#open];
    return {
      *[Symbol.iterator]() {
        let lastMsn = -1;
        const isWanted = (group: RecordedGroup): boolean => {
          if (group.msn <= lastMsn || group.startUs >= toUs || group.startUs + group.durationUs <= fromUs) return false;
          lastMsn = group.msn;
          return true;
        };
        for (const row of rows) {
          const { walker, group } = openGroups(row);
          while (walker.next()) if (isWanted(group)) yield group;
        }
        for (const group of open) if (isWanted(group)) yield group;
      },
    };
  }

  /** What data tracks say that may reach into a stretch of time, in the order in which it was told; `latestDateRanges` makes a list of it. */
  async dateRanges(between: DateRangeQuery): Promise<RecordedDateRange[]> {
    const told = await this.ask(() => this.#table.dateRangesBetween(this.streamId, between));
    const open = this.#open.flatMap(({ msn, dateRanges = [] }) => dateRanges.map((range) => ({ msn, range })));
    return [...told, ...open];
  }

  /** The last group at or before `us` that starts with a key frame of its first track, for windows and stills. */
  async keyBefore(us: number, lookBackUs = 60_000_000): Promise<RecordedGroup | undefined> {
    const groups = await this.between(us - lookBackUs, us + 1);
    return groups.findLast((group) => group.startUs <= us && startsWithKey(group));
  }
}
