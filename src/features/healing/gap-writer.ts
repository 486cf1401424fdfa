/**
 * Writes found media into a gap: from the first key frame in it, up to its end. What overlaps recorded media
 * is dropped, so that no frame is there twice.
 * In: frames of a source, a gap. Out: a run of the recording of found media, for each run of the source.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { healedRecording } from '../../archive/recording-locations.ts';
import { referenceOf } from '../../live/reference.ts';
import type { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import { gapsOfFact, type HealedFact } from '../../recording/healed/healed-fact.ts';
import { leastHealedMsnAt } from '../../recording/healed/healed-numbers.ts';
import { type StretchDeps, StretchWriter } from '../../recording/stretch/stretch-writer.ts';
import type { Exactness, FoundFrames, FoundRun } from './source.ts';

/** Clocks are rounded to ms, twice: a first picture may seem this much too early, µs. */
const EARLY_US = 20_000;
/** Numbers that the segments of a stretch may not reach: those of found media after it. */
const AHEAD_MSNS = 8;

/** Where and what is written. Times are µs since 1970. */
export interface GapPlace {
  readonly streamId: string;
  readonly fromUs: number;
  readonly toUs: number;
  /** Of the fact that is stored with the media. */
  readonly fact: Omit<HealedFact, 'how' | 'errorMs'>;
  /** UTC offsets of the recorded runs next to the gap: media on the same clock continues them exactly. */
  readonly offsetsUs: readonly number[];
}

/** What was written. */
export interface WrittenMedia {
  /** µs of media on the disk. */
  readonly writtenUs: number;
  readonly bytes: number;
  /** The limit of bytes ended it. */
  readonly isCut: boolean;
  /** The media reached the end of the gap. */
  readonly isOver: boolean;
  /** Why the source failed, or the signal's reason; undefined: neither. */
  readonly failure: unknown;
}

interface OpenRun {
  readonly run: FoundRun;
  readonly reference: Track;
  readonly timescales: ReadonlyMap<number, number>;
  /** UTC of pts 0, µs since 1970. */
  readonly offsetUs: number;
  /** Start of its first picture, µs since 1970. */
  readonly startUs: number;
  /** Its decode time, ticks. */
  readonly firstDts: number;
  readonly writer: StretchWriter;
}

/** Offsets that differ by less belong to one clock, µs. */
const SAME_CLOCK_US = 60_000;

/**
 * Writes the media of a source into a gap.
 *
 * @param deps without the id of a stream
 * @param options.maxBytes most bytes of frames
 * @throws OxbowError `disk-failed`
 */
export async function writeGap(
  deps: Omit<StretchDeps, 'streamId' | 'announced'>,
  place: GapPlace,
  media: AsyncIterable<FoundFrames>,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<WrittenMedia> {
  const writer = new GapWriter(deps, place, signal);
  let bytes = 0;
  let isCut = false;
  let isOver = false;
  let failure: unknown;
  const source = media[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await source.next().catch((error: unknown) => {
        failure = error;
        return undefined;
      });
      if (!step || step.done) break;
      const { run, frames } = step.value;
      for (const { data } of frames) bytes += data.length;
      isCut = bytes > maxBytes;
      if (isCut) break;
      isOver = !(await writer.add(run, frames));
      if (isOver) break;
    }
  } catch (error) {
    // What is on the disk counts.
    if (!signal.aborted) throw error;
    failure = error;
  } finally {
    await source.return?.().catch(() => undefined); // it has ended, whatever it says
    await writer.close();
  }
  return { writtenUs: writer.writtenUs, bytes, isCut, isOver, failure };
}

class GapWriter {
  readonly #deps: Omit<StretchDeps, 'streamId' | 'announced'>;
  readonly #place: GapPlace;
  readonly #signal: AbortSignal;
  readonly #recordingId: string;
  #open: OpenRun | undefined;
  /** The run of the source that is read: without an open one, its next key frame begins one. */
  #run: FoundRun | undefined;
  /** End of what is written, µs since 1970. */
  #cursorUs: number;
  #limitMsn = Number.POSITIVE_INFINITY;
  writtenUs = 0;

  constructor(deps: Omit<StretchDeps, 'streamId' | 'announced'>, place: GapPlace, signal: AbortSignal) {
    this.#deps = deps;
    this.#place = place;
    this.#signal = signal;
    this.#cursorUs = place.fromUs;
    this.#recordingId = healedRecording(place.streamId);
  }

  /** @returns false: the gap is filled to its end */
  async add(run: FoundRun, frames: readonly Frame[]): Promise<boolean> {
    if (this.#run !== run) {
      await this.close();
      this.#run = run;
    }
    const open = this.#open ?? (await this.#begin(run, frames));
    if (!open) return this.#utcOf(run, frames.at(-1)) < this.#place.toUs;
    const kept: Frame[] = [];
    let isOver = false;
    for (const frame of frames) {
      const timescale = open.timescales.get(frame.trackId);
      if (timescale === undefined) continue;
      const utcUs = open.offsetUs + ticksToUs(frame.pts, timescale);
      const isReference = frame.trackId === open.reference.id;
      // Pictures before the key frame, and those that are shown before it, cannot be decoded.
      if (utcUs < open.startUs - 1 || (isReference && frame.dts < open.firstDts)) continue;
      const lastUs = this.#place.toUs - ticksToUs(frame.duration, timescale) / 2;
      if (isReference && utcUs >= lastUs) isOver = true;
      if (utcUs < lastUs && !(isOver && isReference)) kept.push(frame);
    }
    if (kept.length > 0) {
      await open.writer.write({ tracks: run.tracks, frames: kept, damages: [] }, open.offsetUs, {
        signal: this.#signal,
      });
    }
    return !isOver && open.writer.lastMsn + AHEAD_MSNS < this.#limitMsn;
  }

  /** Ends the open stretch: all of it is on the disk. @throws OxbowError `disk-failed` */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    try {
      await open.writer.close();
    } finally {
      const { committedUs } = open.writer;
      if (committedUs > 0) {
        this.writtenUs += committedUs - open.startUs;
        this.#cursorUs = Math.max(this.#cursorUs, committedUs);
      }
    }
  }

  /** Begins a stretch with the first key frame in the gap. */
  async #begin(run: FoundRun, frames: readonly Frame[]): Promise<OpenRun | undefined> {
    const reference = referenceOf(run.tracks);
    const timescales = new Map(run.tracks.map(({ id, timescale }) => [id, timescale]));
    const { toUs, fact, offsetsUs } = this.#place;
    const known = offsetsUs.find((us) => Math.abs(us - run.utcOffsetUs) <= SAME_CLOCK_US);
    const exactUs = run.exactness.kind === 'dated' ? (known ?? run.utcOffsetUs) : run.utcOffsetUs;
    const first = frames.find(({ trackId, key, pts }) => {
      const utcUs = exactUs + ticksToUs(pts, reference.timescale);
      return trackId === reference.id && key && utcUs >= this.#cursorUs - EARLY_US && utcUs < toUs;
    });
    if (!first) return undefined;
    const firstUs = exactUs + ticksToUs(first.pts, reference.timescale);
    const offsetUs = exactUs + Math.max(0, this.#cursorUs - firstUs);
    const startUs = Math.max(firstUs, this.#cursorUs);
    const { chunks } = this.#deps;
    const before = await chunks.upTo(this.#recordingId, leastHealedMsnAt(startUs));
    this.#limitMsn = await limitAfter(chunks, this.#recordingId, startUs);
    const healed: HealedFact = { ...fact, how: run.exactness.kind, errorMs: errorOf(run.exactness) };
    const writer = new StretchWriter(
      { ...this.#deps, streamId: this.#recordingId, announced() {} },
      {
        tracks: run.tracks,
        offsetUs,
        startUs,
        previous: {
          endUs: startUs,
          msn: before?.last_msn ?? 0,
          discontinuitySequence: before?.discontinuity_sequence ?? 0,
        },
        gap: { cause: fact.cause, detail: '' },
        firstMsn: Math.max(leastHealedMsnAt(startUs), (before?.last_msn ?? 0) + 1),
        marks: gapsOfFact(healed, startUs),
      },
    );
    this.#open = { run, reference, timescales, offsetUs, startUs, firstDts: first.dts, writer };
    return this.#open;
  }

  #utcOf(run: FoundRun, frame: Frame | undefined): number {
    const track = frame && run.tracks.find(({ id }) => id === frame.trackId);
    return frame && track ? run.utcOffsetUs + ticksToUs(frame.pts, track.timescale) : Number.NEGATIVE_INFINITY;
  }
}

function errorOf(exactness: Exactness): number {
  return exactness.kind === 'sound' ? exactness.errorMs : 0;
}

/** The first number of found media after an instant. */
async function limitAfter(
  chunks: Pick<ChunkQueries, 'firstSpanFrom'>,
  recordingId: string,
  us: number,
): Promise<number> {
  return (await chunks.firstSpanFrom(recordingId, us))?.first_msn ?? Number.POSITIVE_INFINITY;
}
