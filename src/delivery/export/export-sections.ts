/**
 * Divides an exported file into sections: which stored groups, whether they continue the section before,
 * which of their samples.
 * In: groups of a recording in order. Out: sections; batches of samples on the timeline of the file, with or
 * without their bytes.
 */

import { concatBytes } from '@oxbow/media/bytes';
import type { FileTracks, MediaTrack, TrackPlace } from '@oxbow/media/file/file-tracks';
import { type FileBatch, type FileSample, fromKey, Joiner, type StoredLine } from '@oxbow/media/file/joiner';
import { inBandSets } from '@oxbow/media/file/parameter-sets';
import { movieTimescale } from '@oxbow/media/isobmff/movie/movie';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { ticksToUs } from '@oxbow/media/run';
import type { Init } from '@oxbow/media/segment';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import { readSamples } from '../clip/clip-samples.ts';
import type { StoredSegment } from '../past/past-presentation.ts';

/** Whether a stored sample is written to the file. @param us presentation time, µs since 1970 */
export type Keep = (track: MediaTrack, sample: Pick<FileSample, 'dts' | 'pts' | 'duration'>, us: number) => boolean;

/** Re-encoded frames that replace stored ones. */
export interface Recoded {
  readonly place: TrackPlace;
  /** The stored track, whose timescale the times use. */
  readonly track: MediaTrack;
  readonly samples: readonly FileSample[];
}

/** A unit of reading and writing. */
export interface Section {
  /** Continuous groups; one, or several where frames are re-encoded. */
  readonly groups: readonly StoredSegment[];
  /** Tracks of the groups' init section that are in the file. */
  readonly tracks: readonly MediaTrack[];
  /** By track id. */
  readonly places: ReadonlyMap<number, TrackPlace>;
  /** A new continuous part begins: its times do not continue those before. */
  readonly fresh: boolean;
  /** Media time that becomes the start of the continuous part, µs; default its first sample. */
  readonly originUs?: number;
  /** Selects samples; default all. */
  readonly keep?: Keep;
  /** Replaces the frames of these tracks. */
  readonly recoded?: readonly Recoded[];
}

/** A continuous part of a file. */
export interface ExportedPart {
  /** Start in the file, seconds. */
  readonly atS: number;
  /** µs since 1970. */
  readonly fromUs: number;
  readonly toUs: number;
}

/**
 * Creates the sections of complete groups.
 *
 * @param tracks receives the tracks of the file
 * @param options.audioOnly leaves the pictures out
 * @throws OxbowError `unsupported-media` if one file cannot contain them, `no-media` if a codec configuration
 *   is lost
 */
export function sectionsOf(
  groups: readonly StoredSegment[],
  tracks: FileTracks,
  { audioOnly = false }: { readonly audioOnly?: boolean } = {},
): Section[] {
  const places = new Map<Init, Pick<Section, 'tracks' | 'places'>>();
  return groups.map((group, i) => {
    const fresh = i === 0 || group.discontinuity;
    const { init } = group;
    if (!init) throw new OxbowError('no-media', `The codec configuration of segment ${group.msn} is not known.`);
    let placing = places.get(init);
    if (!placing) {
      const wanted = audioOnly ? init.tracks.filter(({ kind }) => kind !== 'video') : init.tracks;
      const placed = tracks.place(wanted, new Date(group.startUs / 1000).toISOString());
      const mediaTracks = init.tracks.filter((track): track is MediaTrack => placed.has(track.id));
      placing = { tracks: mediaTracks, places: placed };
      places.set(init, placing);
    }
    return { groups: [group], fresh, ...placing };
  });
}

interface ReadOptions {
  readonly reader: Pick<RangeReader, 'read'>;
  /** Of which tracks the bytes are read; of the others only sizes and times are. */
  readonly withBytes: boolean | ((place: TrackPlace) => boolean);
  /** Each key frame begins with its parameter sets. */
  readonly inBand: boolean;
  readonly signal: AbortSignal;
  /** Called with each section before its batch is yielded. */
  readonly note?:
    | ((section: Section, lines: readonly StoredLine[], batch: FileBatch, inBand: boolean) => Promise<void>)
    | undefined;
}

/** A batch of samples. */
export interface ReadBatch {
  readonly batch: FileBatch;
  /** Index of the section. */
  readonly index: number;
}

/** Reads sections in order and converts them to the timeline of one file. */
export class SectionReader {
  readonly #joiner = new Joiner();
  readonly #parts: ExportedPart[] = [];
  /** File tracks whose video has begun in the current continuous part. */
  readonly #begun = new Set<number>();

  /** Continuous parts so far. */
  get parts(): readonly ExportedPart[] {
    return this.#parts;
  }

  /** Duration of the file so far, seconds. */
  get seconds(): number {
    return this.#joiner.duration / movieTimescale;
  }

  /**
   * Reads all sections.
   *
   * Throws what the reader does, the reason of `signal`, and OxbowError `unsupported-media` for a segment
   * that cannot be parsed.
   */
  async *read(sections: readonly Section[], options: ReadOptions): AsyncGenerator<ReadBatch> {
    let fresh = true;
    for (const [index, section] of sections.entries()) {
      options.signal.throwIfAborted();
      if (section.fresh) {
        fresh = true;
        this.#begun.clear();
      }
      const lines = (await this.#linesOf(section, options)).filter(({ samples }) => samples.length > 0);
      // Without samples the next section begins the continuous part.
      if (lines.length === 0) continue;
      const { originUs } = section;
      const batch = this.#joiner.place(lines, { fresh, ...(originUs !== undefined && { originUs }) });
      this.#note(section, lines, batch, fresh);
      fresh = false;
      await options.note?.(section, lines, batch, options.inBand);
      yield { batch, index };
    }
  }

  async #linesOf(section: Section, options: ReadOptions): Promise<StoredLine[]> {
    const { groups, tracks, places, keep, recoded = [] } = section;
    const lines = await Promise.all(
      tracks.map(async (track): Promise<StoredLine> => {
        const place = places.get(track.id)!;
        const replacement = recoded.find((recodedTrack) => recodedTrack.track.id === track.id);
        if (replacement) {
          this.#begun.add(place.fileTrack.number);
          return {
            place: replacement.place,
            track,
            samples: withSets(replacement.samples, replacement.place, options),
          };
        }
        const { reader, withBytes: wants } = options;
        const withBytes = typeof wants === 'boolean' ? wants : wants(place);
        const read = await Promise.all(groups.map((group) => readTrack(group, track, { reader, withBytes })));
        const kept = read.flatMap((samples, i) =>
          keep ? samples.filter((sample) => keep(track, sample, usOf(groups[i]!, track, sample.pts))) : samples,
        );
        return { place, track, samples: withSets(this.#fromKey(place, track, kept), place, options) };
      }),
    );
    return lines;
  }

  #fromKey({ fileTrack }: TrackPlace, { kind }: MediaTrack, samples: readonly FileSample[]): readonly FileSample[] {
    if (kind !== 'video' || this.#begun.has(fileTrack.number)) return samples;
    const from = fromKey(samples);
    if (from.length > 0) this.#begun.add(fileTrack.number);
    return from;
  }

  #note({ groups }: Section, stored: readonly StoredLine[], batch: FileBatch, fresh: boolean): void {
    const utcOffsetUs = groups[0]!.utcOffsetUs;
    const starts = stored.map(({ track, samples }) => utcOffsetUs + ticksToUs(samples[0]!.pts, track.timescale));
    const ends = stored.map(({ track, samples }) => {
      return utcOffsetUs + Math.max(...samples.map(({ pts, duration }) => ticksToUs(pts + duration, track.timescale)));
    });
    const at = batch.map(({ place, samples }) => (samples[0]?.pts ?? 0) / place.fileTrack.track.timescale);
    const last = this.#parts.at(-1);
    const toUs = Math.max(...ends);
    if (fresh || !last) {
      this.#parts.push({ atS: Math.max(0, Math.min(...at)), fromUs: Math.min(...starts), toUs });
    } else {
      this.#parts[this.#parts.length - 1] = { ...last, toUs: Math.max(last.toUs, toUs) };
    }
  }
}

/** UTC of a stored time, µs since 1970. */
export function usOf(group: Pick<StoredSegment, 'utcOffsetUs'>, track: MediaTrack, ticks: number): number {
  return group.utcOffsetUs + ticksToUs(ticks, track.timescale);
}

/** The samples of one track of a group. */
export async function readTrack(
  group: StoredSegment,
  track: MediaTrack,
  { reader, withBytes }: Pick<ReadOptions, 'reader'> & { readonly withBytes: boolean },
): Promise<FileSample[]> {
  const media = group.tracks.find((trackMedia) => trackMedia.trackId === track.id && trackMedia.length > 0);
  if (!media) return [];
  const { location = group.location } = media;
  const { msn } = group;
  if (!withBytes) {
    const samples = (await readSamples(reader, location, media)) ?? refuse(group);
    return samples.map(({ dts, pts, duration, key, length }, index) => {
      return { dts, pts, duration, key, length, data: undefined, msn, index };
    });
  }
  const frames = parseSegment(await readIntact(reader, { ...media, location })) ?? refuse(group);
  return frames.map(({ dts, pts, duration, key, data }, index) => {
    return { dts, pts, duration, key, length: data.length, data, msn, index };
  });
}

/** Puts parameter sets in front of key frames if the file needs them. */
function withSets(samples: readonly FileSample[], place: TrackPlace, { inBand }: ReadOptions): readonly FileSample[] {
  const config = place.fileTrack.configs[place.config]!;
  if (!inBand || config.kind !== 'video') return samples;
  const sets = inBandSets(config);
  if (sets.length === 0) return samples;
  return samples.map((sample) => {
    if (!sample.key) return sample;
    const data = sample.data && concatBytes([sets, sample.data]);
    return { ...sample, length: sample.length + sets.length, data };
  });
}

function refuse({ msn }: StoredSegment): never {
  throw new OxbowError('unsupported-media', `Segment ${msn} cannot be parsed.`);
}
