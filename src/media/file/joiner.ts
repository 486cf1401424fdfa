/**
 * Joins stretches of media to one: the file begins at 0 with the first picture or sound, closes up over holes, and keeps the tracks of
 * each stretch in step as they were.
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
  /** As many; undefined while the file is only looked ahead at. */
  readonly data: Uint8Array | undefined;
}

/** Samples of one track, in decode order. */
export interface FileLine {
  readonly place: TrackPlace;
  readonly samples: readonly FileSample[];
}

/** What goes into a file at once: at most one line of each track. */
export type FileBatch = readonly FileLine[];

/** Samples as they were stored. */
export interface StoredLine extends FileLine {
  /** The track they were stored as. */
  readonly track: MediaTrack;
}

/** The clock of one file. */
export class Joiner {
  /** By number of the file track; ticks of the file. */
  readonly #lines = new Map<number, { lastDts: number; decodeEnd: number; presentEnd: number }>();
  /** What the present stretch is moved by, ticks of 90 kHz. */
  #shift = 0;

  /** Where the longest track ends, ticks of 90 kHz. */
  #end = 0;

  /** How long the file is so far, ticks of 90 kHz. */
  get duration(): number {
    return this.#end;
  }

  /**
   * Puts a batch on the file's clock.
   *
   * @param options.fresh the times do not go on from those before: what was missing between is closed up
   * @param options.originUs of a fresh batch, what becomes its first instant, µs of its own times; else its first sample
   * @returns the batch; samples that do not follow in decode order are left out
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
    // Decode times may not go back where two stretches meet: then the second begins a little later.
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
 * Without what cannot be decoded where a stretch begins: pictures before the first key frame, and those that are shown before it
 * (docs/media.md 12).
 */
export function fromKey<S extends Pick<FileSample, 'key' | 'pts'>>(samples: readonly S[]): readonly S[] {
  const first = samples.findIndex(({ key }) => key);
  if (first < 0) return [];
  const { pts } = samples[first]!;
  return samples.slice(first).filter((sample) => sample.pts >= pts);
}
