/**
 * Writes one stretch of media into the past of a stream, imported or found later: a separate run, cut and
 * recorded exactly as a live stream is.
 * In: frames on one clock, a place in the past. Out: chunk files and rows of the index.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { usToTicks } from '@oxbow/media/run';
import type { StreamGap } from '@oxbow/media/segment';
import type { SegmentStore } from '../../archive/segment-store.ts';
import type { Config } from '../../config/schema.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import type { Stream } from '../../live/stream.ts';
import { DEFAULT_LIMITS } from '../../packager/live-window.ts';
import { LiveWindowWriter } from '../../packager/live-window-writer.ts';
import { createPipeline, packagerSettings } from '../../packager/pipeline.ts';
import type { ChunkQueries } from '../chunks/chunk-queries.ts';
import type { ChunkTable } from '../chunks/chunk-table.ts';
import type { EvidenceSink } from '../evidence/evidence.ts';
import type { InitTable } from '../init-table.ts';
import { Recorder } from '../recorder.ts';
import { RecordingReader } from '../recording-reader.ts';
import { runBefore } from './stretch-runs.ts';

/** Frames that follow each other. */
export interface StretchFrames {
  readonly tracks: readonly Track[];
  /** Those of each track in decode order. */
  readonly frames: readonly Frame[];
  /** Damage that was skipped. */
  readonly damages: readonly string[];
}

/** Dependencies of the writer. */
export interface StretchDeps {
  readonly config: Pick<Config, 'hls' | 'threads' | 'record'>;
  readonly segments: SegmentStore;
  readonly table: ChunkTable;
  readonly chunks: ChunkQueries;
  readonly inits: InitTable;
  readonly streamId: string;
  /** Only its monotonic time counts: imported media has other times. */
  readonly clock: Clock;
  readonly mayWrite: () => boolean;
  /** Called with each segment number that is used. */
  readonly announced: (msn: number) => void;
  /** Where its groups can be read while their file is not in the index; default: another reader. */
  readonly recording?: RecordingReader;
  /** Gets each group that is on the disk; default: nothing is hashed. */
  readonly evidence?: EvidenceSink | undefined;
}

interface StretchPlace {
  readonly tracks: readonly Track[];
  /** Where the clock of its frames has 0, µs since 1970. */
  readonly offsetUs: number;
  /** Start of its media, µs since 1970. */
  readonly startUs: number;
  /** The media before it; undefined: there is none. */
  readonly previous:
    | { readonly endUs: number; readonly msn: number; readonly discontinuitySequence: number }
    | undefined;
  /** Why there is nothing between them. */
  readonly gap: Pick<StreamGap, 'cause' | 'detail'>;
  readonly firstMsn: number;
  /** Gaps without a length that the first segment has; default: those between it and the media before it. */
  readonly marks?: readonly StreamGap[];
}

/** Playlists of the pipeline are not served: they are as short as possible. */
const LIST_US = 10_000_000;
/** There are no parts, so that the value does not matter. */
const BURST_S = 10;

/** Writes a stretch. `close` ends it. */
export class StretchWriter implements AsyncDisposable {
  readonly #stream: Stream;
  readonly #recorder: Recorder;
  readonly #recording: RecordingReader;
  readonly #place: StretchPlace;
  #lastMsn: number;
  #committedUs = 0;
  #failure: OxbowError | undefined;
  #closed = false;
  /** Frames that were published. */
  #damages = 0;

  constructor(
    { config, segments, table, chunks, inits, streamId, clock, mayWrite, announced, recording, evidence }: StretchDeps,
    place: StretchPlace,
  ) {
    const { previous, startUs, firstMsn, gap } = place;
    this.#place = place;
    this.#lastMsn = firstMsn - 1;
    const fail = (error: OxbowError) => {
      this.#failure ??= error;
    };
    this.#recording = recording ?? new RecordingReader({ streamId, chunks, endUs: 0 });
    this.#recorder = new Recorder({
      recording: this.#recording,
      table,
      beforeIndex: () => inits.stored(),
      segments,
      clock,
      sync: config.record.sync,
      evidence,
      previousMsn: previous?.msn ?? 0,
      onCommitted: () => {
        const last = this.#recording.open.at(-1);
        if (last) this.#committedUs = last.startUs + last.durationUs;
      },
      // Media after a loss is not written: the import ends there, and continues there.
      mayWrite: () => this.#failure === undefined && mayWrite(),
      counters: {
        committed() {},
        lost: (cause, detail) => fail(new OxbowError('disk-failed', `${cause}: ${sentenceOf(detail)}`)),
        trouble: (detail) => fail(new OxbowError('disk-failed', sentenceOf(detail))),
        bug: (error) => fail(new OxbowError('disk-failed', sentenceOf(error), { cause: error })),
        slow() {},
      },
    });
    const endUs = previous?.endUs ?? startUs;
    const { stream, packager } = createPipeline({
      clock: { nowMs: () => startUs / 1000, monotonicMs: () => clock.monotonicMs() },
      past: {
        endUs,
        hasMedia: previous !== undefined,
        lastRun: runBefore(firstMsn),
        gaps: previous ? [{ fromUs: endUs, toUs: startUs, ...gap }] : [],
      },
      ready: (options) => this.#recorder.ready(options),
      settings: packagerSettings(config),
      listWriter: new LiveWindowWriter({ ...DEFAULT_LIMITS, windowUs: LIST_US }),
      nextMsn: firstMsn,
      discontinuitySequence: previous?.discontinuitySequence ?? 0,
      continued: previous !== undefined,
      initOf: (tracks) => inits.of(tracks),
      nextGeneration: () => 1,
    });
    this.#stream = stream;
    stream.events.subscribe((event) => {
      if (event.type === 'damage') this.#damages++;
    });
    packager.groups.subscribe((group) => {
      const isFirst = this.#lastMsn < firstMsn;
      this.#lastMsn = group.msn;
      announced(group.msn);
      this.#recorder.write(isFirst && place.marks ? { ...group, gaps: place.marks } : group);
    });
    stream.startRun({
      tracks: place.tracks,
      utcOffsetUs: place.offsetUs,
      clock: 'source',
      pace: { kind: 'bursty', intervalS: BURST_S },
    });
  }

  get place(): StretchPlace {
    return this.#place;
  }

  /** The newest segment number in use. */
  get lastMsn(): number {
    return this.#lastMsn;
  }

  /** Times that the media was found damaged. */
  get damages(): number {
    return this.#damages;
  }

  /** End of the media on the disk, µs since 1970; 0 if there is none. */
  get committedUs(): number {
    return this.#committedUs;
  }

  /**
   * Writes frames, such as those of a GOP; waits while much waits for the disk.
   *
   * @param offsetUs where the clock of the frames has 0, µs since 1970
   * @throws OxbowError `disk-failed`: nothing after the media on the disk is written
   */
  async write(gop: StretchFrames, offsetUs: number, { signal }: { signal: AbortSignal }): Promise<void> {
    this.#check();
    await this.#stream.ready({ signal });
    const shiftUs = offsetUs - this.#place.offsetUs;
    const shifts = new Map(gop.tracks.map(({ id, timescale }) => [id, usToTicks(shiftUs, timescale)]));
    for (const damage of gop.damages) this.#stream.damage(damage);
    for (const frame of gop.frames) this.#stream.publish(moved(frame, shifts.get(frame.trackId)!));
    this.#check();
  }

  /** Writes the waiting media and seals the file. @throws OxbowError `disk-failed` */
  async close(): Promise<void> {
    await this[Symbol.asyncDispose]();
    this.#check();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.offline('the stretch ended');
    this.#stream.sinks.close();
    await this.#recorder[Symbol.asyncDispose]();
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }
}

function moved(frame: Frame, ticks: number): Frame {
  return ticks === 0 ? frame : { ...frame, dts: frame.dts + ticks, pts: frame.pts + ticks };
}
