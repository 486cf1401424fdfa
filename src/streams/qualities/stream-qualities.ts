/**
 * The derived qualities of one stream: each with a follower of the stream's cuts, a live window and a
 * recording, served next to those of the stream. A quality that is only recorded has no follower until its
 * frames come again.
 * In: names of qualities; frames through the input of each. Out: windows and recordings for delivery, and the
 * list of those that are live. docs/media.md 6, 10, 14, 15, 17.
 */

import type { SegmentGroup } from '@oxbow/media/segment';
import { isHealedRung, recordingOf } from '../../archive/recording-locations.ts';
import { qualityWindowName } from '../../delivery/live/quality-window.ts';
import type { ServedStream } from '../../delivery/served-stream.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { Emitter, type Subscribable } from '../../lib/events.ts';
import type { CutList } from '../../packager/cut-list.ts';
import type { MissingCause } from '../../packager/derived-input.ts';
import { type DerivedInput, Follower } from '../../packager/follower.ts';
import type { DerivedQuality, LiveWindowLimits } from '../../packager/live-segment.ts';
import { LiveWindowWriter } from '../../packager/live-window-writer.ts';
import type { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import type { ChunkTable } from '../../recording/chunks/chunk-table.ts';
import type { InitTable } from '../../recording/init-table.ts';
import type { RecordingReader } from '../../recording/recording-reader.ts';
import { type QualityRecorderOptions, QualityRecording } from './quality-recording.ts';

/** Track ids of derived qualities: no source uses them. */
const FIRST_TRACK_ID = 241;
const LAST_TRACK_ID = 254;
/** Most qualities of a stream that get frames, over its life in this process. */
export const MAX_QUALITIES = 9;
/** How much later than the stream an encoder may be, µs. */
const LATE_US = 4_000_000;
/**
 * Segments of the stream of which it is remembered whether they are recorded: more than any quality is late.
 */
const REMEMBERED = 1000;
/** Pictures of storyboards are not smaller than this, pixels. */
const LEAST_PIXELS = 160 * 90;

/** What the qualities of a stream are created with. */
interface StreamQualitiesSetup {
  readonly streamId: string;
  readonly cuts: CutList;
  /** Of the stream. */
  readonly listWriter: LiveWindowWriter;
  readonly recording: RecordingReader;
  readonly limits: LiveWindowLimits;
  readonly inits: InitTable;
  readonly table: ChunkTable;
  readonly chunks: ChunkQueries;
  readonly recorder: QualityRecorderOptions;
  /** Qualities that are recorded, with the track id of each. */
  readonly recorded: ReadonlyMap<string, number | undefined>;
  /** Segments are in shared memory. */
  readonly shared: boolean;
  /** The quality has a GAP in place of a segment. */
  readonly missed: (rung: string, cause: MissingCause) => void;
  /** A bug has ended a quality. */
  readonly failed: (rung: string, error: unknown) => void;
}

interface Quality {
  readonly trackId: number;
  readonly listWriter: LiveWindowWriter;
  readonly recording: QualityRecording;
  follower?: Follower;
  /** Why its newest segment is missing. */
  missing?: MissingCause | undefined;
}

/** The qualities that a stream has recorded, with the track id of each in its newest file. */
export async function recordedQualities(
  streamId: string,
  { table, chunks, inits }: Pick<StreamQualitiesSetup, 'table' | 'chunks' | 'inits'>,
): Promise<Map<string, number | undefined>> {
  const trackIds = new Map<string, number | undefined>();
  for (const id of await table.qualitiesOf(streamId)) {
    const { rung } = recordingOf(id);
    if (isHealedRung(rung)) continue;
    const last = await chunks.last(id);
    trackIds.set(rung!, last && inits.get(last.init_number)?.tracks[0]?.id);
  }
  return trackIds;
}

/**
 * Derived qualities by rung. They stay until the stream is closed: a quality that returns continues in its
 * playlist.
 */
export class StreamQualities implements AsyncDisposable {
  readonly #setup: StreamQualitiesSetup;
  readonly #qualities = new Map<string, Quality>();
  readonly #served = new Map<string, ServedStream>();
  readonly #live = new Map<string, DerivedQuality>();
  /** Whether segments of the stream are recorded, by MSN. */
  readonly #isRecorded = new Map<number, boolean>();
  readonly #sealed = new Emitter<{ readonly rung: string; readonly group: SegmentGroup }>();

  constructor(setup: StreamQualitiesSetup) {
    this.#setup = setup;
  }

  /** Their recordings, by rung. */
  get recordings(): ReadonlyMap<string, QualityRecording> {
    return new Map(Array.from(this.#qualities, ([rung, { recording }]) => [rung, recording]));
  }

  /**
   * Complete segments of the qualities, of each in order; their bytes are good only until the call returns.
   */
  get sealed(): Subscribable<{ readonly rung: string; readonly group: SegmentGroup }> {
    return this.#sealed;
  }

  /** The live quality with the fewest pixels, but enough for a small picture; undefined without one. */
  get smallest(): DerivedQuality['track'] | undefined {
    const tracks = Array.from(this.#live.values(), ({ track }) => track);
    const pixels = ({ config: { width, height } }: DerivedQuality['track']) => width * height;
    return tracks.filter((track) => pixels(track) >= LEAST_PIXELS).sort((a, b) => pixels(a) - pixels(b))[0];
  }

  /**
   * Serves the qualities that are recorded. Called once.
   *
   * @param source the stream
   * @returns for delivery, by rung; with those that are added later
   */
  serve(source: ServedStream): ReadonlyMap<string, ServedStream> {
    for (const [rung, trackId] of this.#setup.recorded) this.#add(source, rung, trackId);
    return this.#served;
  }

  /** Whether a segment of the stream is recorded, with its qualities. */
  decide(msn: number, isRecorded: boolean): void {
    this.#isRecorded.set(msn, isRecorded);
    dropOldest(this.#isRecorded, REMEMBERED);
    for (const { recording } of this.#qualities.values()) recording.flush();
  }

  /** The stream has recorded or lost a segment. */
  release(): void {
    for (const { recording } of this.#qualities.values()) recording.release();
  }

  /** Segments of the stream up to `lastMsn` were deleted, or some of them: no quality lists one any more. */
  erase(lastMsn: number): void {
    for (const { listWriter } of this.#qualities.values()) listWriter.erase(lastMsn);
  }

  /** Ends the files that are being written: the stream ends its own. Never rejects. */
  async seal(): Promise<void> {
    await Promise.all(Array.from(this.#qualities.values(), ({ recording }) => recording.seal()));
  }

  /** Why the newest segment of a quality is missing; undefined: it is not. */
  missing(rung: string): MissingCause | undefined {
    return this.#qualities.get(rung)?.missing;
  }

  /**
   * The input of a quality; the same one each time.
   *
   * @param source the stream
   * @param rung its name in rendition ids, e.g. its height
   * @param lateUs how much later than the stream its frames may come, µs of media; the longest of all calls
   * @returns undefined if the stream has too many
   */
  open(source: ServedStream, rung: string, lateUs = LATE_US): DerivedInput | undefined {
    const existing = this.#qualities.get(rung);
    existing?.follower?.waits(lateUs);
    if (existing?.follower) return existing.follower;
    const followed = [...this.#qualities.values()].filter(({ follower }) => follower).length;
    const quality = followed < MAX_QUALITIES ? (existing ?? this.#add(source, rung)) : undefined;
    if (!quality) return undefined;
    const { cuts, inits, shared } = this.#setup;
    const { trackId, listWriter } = quality;
    const follower = new Follower({
      trackId,
      rung,
      cuts,
      source: this.#setup.listWriter.list,
      listWriter,
      lateUs,
      shared,
      initOf: (tracks) => inits.of(tracks),
      offered: (offered) => this.#offer(rung, offered),
      missed: (_, cause) => {
        quality.missing = cause;
        this.#setup.missed(rung, cause);
      },
      failed: (error) => this.#setup.failed(rung, error),
    });
    quality.follower = follower;
    follower.sealed.subscribe(({ group }) => {
      if (group) quality.missing = undefined;
      if (group) this.#sealed.emit({ rung, group });
    });
    quality.recording.follow(follower);
    return follower;
  }

  /** Ends all of them, and their files. */
  async [Symbol.asyncDispose](): Promise<void> {
    const qualities = [...this.#qualities.values()];
    await Promise.all(qualities.map(({ recording }) => recording[Symbol.asyncDispose]()));
    for (const { follower } of qualities) follower?.[Symbol.dispose]();
    this.#served.clear();
  }

  #add(source: ServedStream, rung: string, recordedId?: number): Quality | undefined {
    const trackId = this.#trackId(recordedId);
    if (trackId === undefined) return undefined;
    const { limits, inits, table, chunks, recording: ofStream, recorder, streamId } = this.#setup;
    const listWriter = new LiveWindowWriter(limits);
    const recording = new QualityRecording({
      streamId,
      rung,
      table,
      chunks,
      inits,
      recording: ofStream,
      source: this.#setup.listWriter.list,
      listWriter,
      recorder,
      isRecorded: (msn) => (source.erased?.hasMsn(msn) ? false : this.#isRecorded.get(msn)),
    });
    const quality: Quality = { trackId, listWriter, recording };
    this.#qualities.set(rung, quality);
    this.#served.set(rung, {
      get name() {
        return qualityWindowName(source.name, rung);
      },
      list: listWriter.list,
      inits,
      recording: recording.media,
      source,
      createdUs: source.createdUs,
      starting: () => false,
      settled: (us) => source.settled(us) && (recording.pending?.startUs ?? Number.POSITIVE_INFINITY) >= us,
      leastMsnAt: (us) => source.leastMsnAt(us),
      horizonUs: () => source.horizonUs(),
      erased: source.erased,
    });
    return quality;
  }

  /** The id that its recordings have, or another one that is free. */
  #trackId(recorded: number | undefined): number | undefined {
    const used = new Set(Array.from(this.#qualities.values(), ({ trackId }) => trackId));
    if (recorded !== undefined && recorded >= FIRST_TRACK_ID && recorded <= LAST_TRACK_ID && !used.has(recorded)) {
      return recorded;
    }
    for (let id = FIRST_TRACK_ID; id <= LAST_TRACK_ID; id++) if (!used.has(id)) return id;
    return undefined;
  }

  #offer(rung: string, quality: DerivedQuality | undefined): void {
    if (quality) this.#live.set(rung, quality);
    else this.#live.delete(rung);
    this.#setup.listWriter.offer([...this.#live.values()].sort((a, b) => b.bandwidth - a.bandwidth));
  }
}
