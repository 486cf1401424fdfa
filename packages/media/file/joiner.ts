/**
 * Joins stretches of media: the file begins at 0 with the first video or audio frame, has no holes, and keeps
 * the tracks of each stretch in sync.
 * In: samples as stored, batch after batch. Out: the same samples on the file's clock. Pure. docs/media.md 4.
 */
import { movieTimescale } from '../isobmff/movie/movie.ts';
import { rescale } from '../rescale.ts';
import type { MediaTrack, TrackPlace } from './file-tracks.ts';

/** A sample, with its bytes or only their number. */
export interface FileSample {
  /** Ticks of the track. */
  readonly dts: number;
  readonly pts: number;
  readonly duration: number;
  readonly key: boolean;
  /** Bytes. */
  readonly length: number;
  /** The bytes; undefined during the first pass, which needs only sizes. */
  readonly data: Uint8Array | undefined;
  /** The segment that it was stored in, and its index there; absent: it is of none. */
  readonly msn?: number;
  readonly index?: number;
}

/** Samples of one track, in decode order. */
export interface FileLine {
  readonly place: TrackPlace;
  readonly samples: readonly FileSample[];
}

/** Samples to add at once: at most one entry of each track. */
export type FileBatch = readonly FileLine[];

/** Samples as they were stored. */
export interface StoredLine extends FileLine {
  /** Their stored track. */
  readonly track: MediaTrack;
}

/** The clock of one file. */
export class Joiner {
  /** By number of the file track; ticks of the file. */
  readonly #lines = new Map<number, { lastDts: number; decodeEnd: number; presentEnd: number }>();
  /** Time shift of the current stretch, ticks of 90 kHz. */
  #shift = 0;

  /** Where the longest track ends, ticks of 90 kHz. */
  #end = 0;

  /** Duration of the file so far, ticks of 90 kHz. */
  get duration(): number {
    return this.#end;
  }

  /**
   * Puts a batch on the file's clock.
   *
   * @param options.fresh the times do not continue the previous ones: the hole is closed
   * @param options.originUs of a fresh batch, the instant that becomes its start, µs of its times; by
   *   default its first sample
   * @returns the batch; samples out of decode order are dropped
   */
  place(batch: readonly StoredLine[], { fresh, originUs }: { fresh: boolean; originUs?: number }): FileBatch {
    if (fresh) this.#begin(batch, originUs);
    return batch.map(({ place, track, samples }) => {
      const { timescale } = place.fileTrack.track;
      const shift = rescale(this.#shift, movieTimescale, timescale);
      const toTicks = (time: number) => rescale(time, track.timescale, timescale) + shift;
      const line = this.#lines.get(place.fileTrack.number) ?? {
        lastDts: Number.NEGATIVE_INFINITY,
        decodeEnd: Number.NEGATIVE_INFINITY,
        presentEnd: 0,
      };
      this.#lines.set(place.fileTrack.number, line);
      const placed: FileSample[] = [];
      for (const sample of samples) {
        // At joints of stretches and transcoded edges, decode times may be close together; none goes back.
        const dts = Math.max(toTicks(sample.dts), line.lastDts + 1);
        const pts = toTicks(sample.pts);
        if (dts > pts) continue;
        const duration = Math.max(0, toTicks(sample.dts + sample.duration) - dts);
        line.lastDts = dts;
        line.decodeEnd = Math.max(line.decodeEnd, dts + duration);
        line.presentEnd = Math.max(line.presentEnd, pts + duration);
        placed.push({ ...sample, dts, pts, duration });
      }
      this.#end = Math.max(this.#end, rescale(line.presentEnd, timescale, movieTimescale));
      return { place, samples: placed };
    });
  }

  #begin(batch: readonly StoredLine[], originUs: number | undefined): void {
    const firsts = batch.filter(({ samples }) => samples.length > 0);
    const starts = firsts.map(({ track, samples }) => rescale(samples[0]!.pts, track.timescale, movieTimescale));
    const origin = originUs === undefined ? Math.min(...starts) : rescale(originUs, 1_000_000, movieTimescale);
    if (firsts.length === 0) return;
    this.#shift = this.#end - origin;
    // Decode times must not go back at a joint: then the second stretch begins a little later.
    let late = 0;
    for (const { place, track, samples } of firsts) {
      const line = this.#lines.get(place.fileTrack.number);
      if (!line) continue;
      const { timescale } = place.fileTrack.track;
      const dts =
        rescale(samples[0]!.dts, track.timescale, timescale) + rescale(this.#shift, movieTimescale, timescale);
      late = Math.max(late, Math.ceil(((line.decodeEnd - dts) * movieTimescale) / timescale));
    }
    this.#shift += late;
  }
}

/**
 * Drops frames that cannot be decoded at the beginning of a stretch: those before the first key frame, and
 * those presented before it (docs/media.md 12).
 */
export function fromKey<S extends Pick<FileSample, 'key' | 'pts'>>(samples: readonly S[]): readonly S[] {
  const first = samples.findIndex(({ key }) => key);
  if (first < 0) return [];
  const { pts } = samples[first]!;
  return samples.slice(first).filter((sample) => sample.pts >= pts);
}
