/**
 * Joins encoded ranges: encoded frames with the copied sound, on the clock of one file.
 * In: ranges with their stored frames. Out: the tracks of the file; batches of samples, as often as they are
 * requested.
 */

import {
  type FileFormat,
  type FileTrack,
  FileTracks,
  type MediaTrack,
  type TrackPlace,
} from '@oxbow/media/file/file-tracks';
import { type FileBatch, type FileLine, type FileSample, Joiner, type StoredLine } from '@oxbow/media/file/joiner';
import { movieTimescale } from '@oxbow/media/isobmff/movie/movie';
import type { RangeReader } from '../../../archive/range-reader.ts';
import { type ExportedPart, type Section, SectionReader } from '../../../delivery/export/export-sections.ts';
import type { Spool } from './spool.ts';

/** A range whose pictures are encoded. */
export interface EncodedRange {
  readonly sections: readonly Section[];
  /** By track of the sections: the frames that replace it. */
  readonly spools: ReadonlyMap<FileTrack, Spool>;
  /** Continuous parts, at their times in the sections. */
  readonly parts: readonly ExportedPart[];
  /** Where the range begins in the sections, and ends if not with them, µs. */
  readonly fromUs: number;
  readonly toUs: number | undefined;
}

/** The file. */
interface JoinedRanges {
  readonly tracks: FileTracks;
  /** Parts of each range, and the duration, after the batches were read once. */
  readonly parts: readonly (readonly ExportedPart[])[];
  readonly seconds: number;
  /** All samples in order; each time the same. */
  batches(options: {
    readonly withBytes: boolean;
  }): AsyncGenerator<{ readonly batch: FileBatch; readonly share: number }>;
}

/** Options of {@link joinRanges}. */
interface JoinOptions {
  readonly format: FileFormat;
  readonly reader: Pick<RangeReader, 'read'>;
  readonly signal: AbortSignal;
}

/** Plans the file. */
export function joinRanges(ranges: readonly EncodedRange[], options: JoinOptions): JoinedRanges {
  const tracks = new FileTracks(options.format);
  const places = placesOf(ranges, tracks);
  let parts: ExportedPart[][] = [];
  let seconds = 0;
  return {
    tracks,
    get parts() {
      return parts;
    },
    get seconds() {
      return seconds;
    },
    async *batches({ withBytes }) {
      const joiner = new Joiner();
      parts = [];
      let done = 0;
      const total = ranges.reduce((sum, { sections }) => sum + sections.length, 0);
      for (const range of ranges) {
        const base = joiner.duration / movieTimescale;
        parts.push(range.parts.map((part) => ({ ...part, atS: base + Math.max(0, part.atS - range.fromUs / 1e6) })));
        let fresh = true;
        for await (const { lines, sections } of linesOf(range, tracks, places, { ...options, withBytes })) {
          done += sections;
          if (lines.length === 0) continue;
          const batch = joiner.place(lines, { fresh, originUs: range.fromUs });
          fresh = false;
          yield { batch, share: Math.min(1, done / total) };
        }
      }
      seconds = joiner.duration / movieTimescale;
    },
  };
}

/** The track of the file for each track of the sections. */
function placesOf(ranges: readonly EncodedRange[], tracks: FileTracks): Map<FileTrack, TrackPlace> {
  const sources = new Set<FileTrack>();
  for (const { sections } of ranges)
    for (const { places } of sections) for (const { fileTrack } of places.values()) sources.add(fileTrack);
  const spooled = (source: FileTrack) => ranges.find(({ spools }) => spools.has(source))?.spools.get(source)?.track;
  const wanted: { source: FileTrack; track: MediaTrack }[] = [];
  for (const source of [...sources].sort((a, b) => a.number - b.number)) {
    const track = spooled(source) ?? source.track;
    // Only the first video track is encoded.
    if (track.kind === 'audio' || spooled(source)) wanted.push({ source, track: { ...track, id: source.number } });
  }
  const placed = tracks.place(
    wanted.map(({ track }) => track),
    '',
  );
  return new Map(wanted.map(({ source }) => [source, placed.get(source.number)!]));
}

/** The samples of a range, section after section: encoded ones up to the end of each section. */
async function* linesOf(
  { sections, spools, fromUs, toUs }: EncodedRange,
  tracks: FileTracks,
  places: ReadonlyMap<FileTrack, TrackPlace>,
  { format, reader, signal, withBytes }: JoinOptions & { readonly withBytes: boolean },
): AsyncGenerator<{ lines: StoredLine[]; sections: number }> {
  const next = new Map<Spool, number>();
  const take = async (untilS: number): Promise<StoredLine[]> => {
    const lines: StoredLine[] = [];
    for (const [source, spool] of spools) {
      const from = next.get(spool) ?? 0;
      let to = from;
      while (to < spool.count && spool.atS(to) < untilS) to++;
      next.set(spool, to);
      if (to === from) continue;
      const samples = await spool.samples(from, to, { withBytes });
      lines.push({ place: places.get(source)!, track: spool.track!, samples });
    }
    return lines;
  };
  // The first sound before the start primes the decoder, and is hidden by the edit list.
  const keeps = (sample: FileSample, { track }: FileTrack): boolean => {
    const us = (sample.pts * 1e6) / track.timescale;
    const lead = format === 'mp4' ? (2e6 * sample.duration) / track.timescale : 0;
    return us + lead > fromUs - 1 && us < (toUs ?? Number.POSITIVE_INFINITY);
  };
  const isCopied = ({ fileTrack }: TrackPlace) => places.has(fileTrack) && !spools.has(fileTrack);
  const options = { reader, inBand: false, signal, withBytes: (place: TrackPlace) => withBytes && isCopied(place) };
  for await (const { batch } of new SectionReader().read(sections, options)) {
    const copied = batch
      .filter(({ place }) => isCopied(place))
      .map(({ place, samples }): StoredLine => {
        const { fileTrack, config } = place;
        const base = places.get(fileTrack)!;
        const variant = config === 0 ? base : tracks.variant(base, fileTrack.configs[config]!, '');
        return {
          place: variant,
          track: fileTrack.track,
          samples: samples.filter((sample) => keeps(sample, fileTrack)),
        };
      })
      .filter(({ samples }) => samples.length > 0);
    yield { lines: [...(await take(endOf(batch))), ...copied], sections: 1 };
  }
  const lastLines = await take(Number.POSITIVE_INFINITY);
  if (lastLines.length > 0) yield { lines: lastLines, sections: 0 };
}

/** Where the last sample of a batch begins to be decoded, seconds. */
function endOf(batch: readonly FileLine[]): number {
  const ends = batch.map(({ place, samples }) => (samples.at(-1)?.dts ?? 0) / place.fileTrack.track.timescale);
  return Math.max(...ends);
}
