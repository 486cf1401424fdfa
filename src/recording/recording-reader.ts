/**
 * Reads the recording of a stream: groups by MSN and by time, from the open file and from the index.
 * In: committed groups of the recorder, rows of chunk-queries. Out: groups for windows, clips, stills, and
 * live segments no longer in memory.
 */

import type { CaptionChannel } from '@oxbow/media/captions/caption-channel';
import { type CommittedGroup, type CommittedTrack, independentFlag } from '@oxbow/media/isobmff/commit-box';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { copyGroup, SegmentWalker } from '../archive/segment-index.ts';
import { type SegmentLocation, segmentLocation } from '../archive/segment-store.ts';
import type { CaptionTable } from './caption-table.ts';
import type { ChunkQueries, ChunkSegments } from './chunks/chunk-queries.ts';
import type { DateRangeQuery, RecordedDateRange } from './date-range-rows.ts';
import { isHealedMsn } from './healed/healed-numbers.ts';
import { inOrder } from './healed/in-order.ts';
import type { StoryboardReader } from './storyboard/storyboards.ts';
import { UnindexedGroups } from './unindexed-groups.ts';

/** The segment of one track in a recorded group. */
export interface RecordedTrack extends CommittedTrack {
  /** Only where it is not in the file of the group: that of a derived quality, or the sound next to it. */
  readonly location?: SegmentLocation;
}

/** One group of segments in a chunk file. */
export interface RecordedGroup extends CommittedGroup {
  /** Location of the chunk file. */
  readonly location: SegmentLocation;
  readonly initNumber: number;
  /**
   * Only of a derived quality, which has discontinuities where its stream has them: that of the group of the
   * stream.
   */
  readonly sourceInit?: number;
  readonly tracks: readonly RecordedTrack[];
  /** From its data tracks; present only while the group is not in the index. */
  readonly dateRanges?: readonly DateRangeTag[];
}

/** Whether decoding can begin at the group: every track starts with a key frame, as audio always does. */
export function startsWithKey(group: RecordedGroup): boolean {
  return group.tracks.length > 0 && group.tracks.every((track) => (track.flags & independentFlag) !== 0);
}

/**
 * Unpacks the groups of a file one by one: `next` overwrites the returned group. Unpacked groups are not
 * cached: unpacking takes 10 µs per file, and long-lived objects make garbage collection slower.
 */
function openGroups(row: ChunkSegments): { readonly walker: SegmentWalker; readonly group: RecordedGroup } {
  const walker = new SegmentWalker(row.segments);
  const place = { location: segmentLocation(row.path), initNumber: row.init_number };
  return { walker, group: Object.assign(walker.group, place) };
}

/**
 * What delivery reads of a recording: that of a stream, or of a derived quality with the sound of its stream.
 */
export type RecordedMedia = Pick<
  RecordingReader,
  | 'streamId'
  | 'find'
  | 'around'
  | 'between'
  | 'walk'
  | 'recorded'
  | 'countFrom'
  | 'dateRanges'
  | 'captionsOf'
  | 'runStartUs'
> & {
  /** Its small pictures; undefined for a recording that has none, such as that of a quality. */
  readonly storyboard?: StoryboardReader | undefined;
  /** Increases when media is found later, in this process; undefined where that is not known. */
  readonly lateCount?: number;
};

/**
 * The last group at or before `us` in which every track starts with a key frame.
 *
 * @param us since 1970
 * @param lookBackUs groups that end this long before `us` are not considered, µs
 */
export async function findKeyBefore(
  recording: Pick<RecordedMedia, 'between'>,
  us: number,
  lookBackUs = 60_000_000,
): Promise<RecordedGroup | undefined> {
  const groups = await recording.between(us - lookBackUs, us + 1);
  return groups.findLast((group) => group.startUs <= us && startsWithKey(group));
}

/** Groups that overlap [fromUs, toUs), oldest first, without those that were found later. */
export async function recordedBetween(
  recording: Pick<RecordedMedia, 'recorded'>,
  fromUs: number,
  toUs: number,
): Promise<RecordedGroup[]> {
  return Array.from(await recording.recorded(fromUs, toUs), copyGroup);
}

/** A recording without what was found later of it. */
export function withoutFound(recording: RecordedMedia): RecordedMedia {
  return {
    streamId: recording.streamId,
    storyboard: recording.storyboard,
    find: (msn) => recording.find(msn),
    around: (msn) => recording.around(msn),
    between: (fromUs, toUs) => recordedBetween(recording, fromUs, toUs),
    walk: (fromUs, toUs) => recording.recorded(fromUs, toUs),
    recorded: (fromUs, toUs) => recording.recorded(fromUs, toUs),
    countFrom: (us) => recording.countFrom(us),
    dateRanges: (query) => recording.dateRanges(query),
    captionsOf: (run) => recording.captionsOf(run),
    runStartUs: (run) => recording.runStartUs(run),
  };
}

/** Reads the recording of one stream. The groups of the open file are in memory, the others in the index. */
export class RecordingReader extends UnindexedGroups<RecordedGroup> {
  readonly streamId: string;
  /** Its small pictures; undefined for the recording of a quality. */
  readonly storyboard: StoryboardReader | undefined;
  /** What was found later of its gaps: a separate recording; undefined while there is nothing. */
  healed: RecordingReader | undefined;
  readonly #chunks: ChunkQueries;
  readonly #captions: CaptionTable | undefined;

  /**
   * @param options.endUs end of the last recorded media, µs since 1970, or 0
   * @param options.captions closed captions of its runs, if they are known
   * @param options.healed what was found later, if there is anything
   */
  constructor(options: {
    streamId: string;
    chunks: ChunkQueries;
    endUs: number;
    captions?: CaptionTable;
    storyboard?: StoryboardReader;
    healed?: RecordingReader | undefined;
  }) {
    super(options.endUs);
    this.streamId = options.streamId;
    this.storyboard = options.storyboard;
    this.healed = options.healed;
    this.#chunks = options.chunks;
    this.#captions = options.captions;
  }

  /** Increases when media is found later, in this process. */
  get lateCount(): number {
    return this.healed?.committedCount ?? 0;
  }

  /** Closed captions within the video of a run, none included; undefined where that is not known. */
  captionsOf(run: number): readonly CaptionChannel[] | undefined {
    return this.#captions?.of(run);
  }

  /** The group with an MSN, or undefined. */
  async find(msn: number): Promise<RecordedGroup | undefined> {
    if (this.healed && isHealedMsn(msn)) return this.healed.find(msn);
    const inMemory = () => this.open.find((group) => group.msn === msn);
    const open = inMemory();
    if (open) return open;
    const row = await this.query(() => this.#chunks.holding(this.streamId, msn));
    if (!row) return inMemory();
    const { walker, group } = openGroups(row);
    while (walker.next()) if (group.msn === msn) return group;
    return undefined;
  }

  /**
   * The neighbours of a segment that is not kept: the end of the media before it, µs since 1970 (undefined if
   * there is none), the newest MSN (0 if there is none), and whether a file has segments before and after it,
   * or had it: then it was damaged or lost.
   */
  async around(
    msn: number,
  ): Promise<{ readonly beforeUs: number | undefined; readonly lastMsn: number; readonly isWithinFile: boolean }> {
    if (this.healed && isHealedMsn(msn)) return this.healed.around(msn);
    const [before, last] = await this.query(() =>
      Promise.all([this.#chunks.upTo(this.streamId, msn), this.#chunks.last(this.streamId)]),
    );
    const open = this.open.findLast((group) => group.msn < msn);
    return {
      beforeUs: open ? open.startUs + open.durationUs : before?.end_us,
      lastMsn: this.open.at(-1)?.msn ?? last?.last_msn ?? 0,
      isWithinFile: before !== undefined && before.last_msn >= msn,
    };
  }

  /** Groups that overlap [fromUs, toUs), oldest first, with those that were found later. */
  async between(fromUs: number, toUs: number): Promise<RecordedGroup[]> {
    return Array.from(await this.walk(fromUs, toUs), copyGroup);
  }

  /**
   * Like `between`, as an iterable that can be walked repeatedly. It unpacks files while it is walked and
   * reuses one object for all groups, so that a day of them is never in memory. Copy a group to keep it.
   */
  async walk(fromUs: number, toUs: number): Promise<Iterable<RecordedGroup>> {
    const recorded = await this.recorded(fromUs, toUs);
    const found = await this.healed?.recorded(fromUs, toUs);
    return found ? inOrder(recorded, found) : recorded;
  }

  /**
   * Like `walk`, without what was found later: for playlists that clients load again, which must not change
   * what they list (RFC 8216bis 6.2.1).
   */
  async recorded(fromUs: number, toUs: number): Promise<Iterable<RecordedGroup>> {
    const rows = await this.query(() => this.#chunks.segmentsBetween(this.streamId, fromUs, toUs));
    const open = [...this.open];
    return {
      *[Symbol.iterator]() {
        let lastMsn = -1;
        const isInRange = (group: RecordedGroup): boolean => {
          if (group.msn <= lastMsn || group.startUs >= toUs || group.startUs + group.durationUs <= fromUs) return false;
          lastMsn = group.msn;
          return true;
        };
        for (const row of rows) {
          const { walker, group } = openGroups(row);
          while (walker.next()) if (isInRange(group)) yield group;
        }
        for (const group of open) if (isInRange(group)) yield group;
      },
    };
  }

  /**
   * Date ranges that may overlap a stretch of time, in the order of their segments; pass them to
   * `latestDateRanges`.
   */
  async dateRanges(between: DateRangeQuery): Promise<RecordedDateRange[]> {
    const indexed = await this.query(() => this.#chunks.dateRangesBetween(this.streamId, between));
    const open = this.open.flatMap(({ msn, dateRanges = [] }) => dateRanges.map((range) => ({ msn, range })));
    return [...indexed, ...open];
  }

  /** The number of recorded groups in files that start at or after `us` (since 1970). */
  async countFrom(us: number): Promise<number> {
    const indexed = await this.query(() => this.#chunks.segmentsFrom(this.streamId, us));
    const open = this.open.filter((group) => group.startUs >= us);
    return indexed + open.length;
  }

  /** Start of the first group of a run that is kept, µs since 1970; undefined if there is none. */
  async runStartUs(run: number): Promise<number | undefined> {
    // Runs that were found later are numbered from their first segment on.
    if (this.healed && isHealedMsn(run)) return this.healed.runStartUs(run);
    const indexed = await this.query(() => this.#chunks.runStart(this.streamId, run));
    return indexed ?? this.open.find((group) => group.run === run)?.startUs;
  }
}
