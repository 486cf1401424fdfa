/**
 * Layout of a joined file in each format: a first pass without media bytes plans the header, so that it is at
 * the front; a second pass writes the file from front to back.
 * In: batches on the file's clock, twice. Out: bytes, in order. Pure.
 * ISO/IEC 14496-12 (progressive: moov before mdat), RFC 9559, ISO/IEC 13818-1.
 */
import { BoxWriter } from '../isobmff/box.ts';
import { movieTimescale } from '../isobmff/movie/movie.ts';
import {
  type Block,
  type BlockTrack,
  type GroupShape,
  printClusters,
  shapeClusters,
  unitsPerSecond,
} from '../matroska/cluster.ts';
import { type Cue, printMatroskaHeader } from '../matroska/header.ts';
import { muxSegment } from '../mpegts/muxer/muxer.ts';
import { rescale } from '../rescale.ts';
import type { FileFormat, FileTrack, FileTracks, MediaTrack } from './file-tracks.ts';
import type { FileBatch, FileSample } from './joiner.ts';
import { chunksOf, Mp4Table } from './mp4-table.ts';

/** Header fields of the file. */
interface LayoutOptions {
  /** Recording time of its start, ms since 1970. */
  readonly recordedMs: number;
  /** It was cut to the frame: audio ends with the last video frame. */
  readonly trim: boolean;
}

/** A file that is being written. */
interface FileLayout {
  /** Whether `look` must get every batch before the first is printed. */
  readonly looksAhead: boolean;
  /** First pass: a batch without its bytes. */
  look(batch: FileBatch): void;
  /**
   * Bytes before all batches.
   *
   * @param lastTagsLength Matroska: bytes of Tags that follow the batches; undefined: none do
   */
  header(lastTagsLength?: number): Uint8Array;
  /** The bytes of a batch; batches must be those of the first pass, in the same order. */
  print(batch: FileBatch): readonly Uint8Array[];
  /** Presented duration of the file, seconds, if it is not the end of its last sample. */
  seconds?(): number;
}

/** Plans a file of these tracks, which must all be known. */
export function layOut(format: FileFormat, tracks: FileTracks, options: LayoutOptions): FileLayout {
  if (format === 'mp4') return layOutMp4(options);
  return format === 'mkv' ? layOutMkv(tracks.all, options) : layOutTs(tracks.all);
}

function layOutMp4({ trim }: LayoutOptions): FileLayout {
  const table = new Mp4Table();
  return {
    looksAhead: true,
    look(batch) {
      for (const chunk of chunksOf(batch)) table.add(chunk);
    },
    header() {
      const ftyp = printProgressiveFtyp();
      const base = ftyp.length + table.print(0, { trim }).length + 16;
      const writer = new BoxWriter(new Uint8Array(base));
      writer.raw(ftyp);
      writer.raw(table.print(base, { trim }));
      writer.u32(1);
      writer.fourcc('mdat');
      writer.u64(table.length + 16);
      return writer.bytes;
    },
    seconds: () => table.presented({ trim }) / movieTimescale,
    print: (batch) => chunksOf(batch).flatMap(({ samples }) => samples.map((sample) => bytesOf(sample))),
  };
}

/** ISO/IEC 14496-12, 4.3: a progressive file without fragments. */
function printProgressiveFtyp(): Uint8Array {
  const writer = new BoxWriter(new Uint8Array(32));
  const ftyp = writer.open('ftyp');
  writer.fourcc('isom');
  writer.u32(0x200);
  for (const brand of ['isom', 'iso2', 'avc1', 'mp41']) writer.fourcc(brand);
  writer.close(ftyp);
  return writer.bytes;
}

function bytesOf({ data }: FileSample): Uint8Array {
  if (!data) throw new TypeError('a sample has no bytes');
  return data;
}

/** The samples of a batch as blocks, with their bytes if present. */
function blockTracks(batch: FileBatch): BlockTrack<Block>[] {
  return batch.map(({ place, samples }) => {
    const { number, track } = place.fileTrack;
    return { number, timescale: track.timescale, samples: samples as readonly Block[] };
  });
}

function leadOf(tracks: readonly FileTrack[]): number {
  return (tracks.find(({ track }) => track.kind === 'video') ?? tracks[0])?.number ?? 1;
}

function layOutMkv(tracks: readonly FileTrack[], { recordedMs }: LayoutOptions): FileLayout {
  const lead = leadOf(tracks);
  const timescales = new Map(tracks.map(({ number, track }) => [number, track.timescale]));
  const unitsOf = (number: number, pts: number): number =>
    Math.max(0, Math.round((pts * unitsPerSecond) / timescales.get(number)!));
  const cues: Cue[] = [];
  const steps = new Map<number, number | undefined>();
  let clustersLength = 0;
  let end = 0;
  return {
    looksAhead: true,
    look(batch) {
      const shape = shapeClusters(blockTracks(batch), lead);
      for (const { length, entrance } of shape.clusters) {
        if (entrance) {
          const time = unitsOf(entrance.number, entrance.pts);
          cues.push({ time, trackNumber: entrance.number, clusterAt: clustersLength, blockAt: entrance.at });
        }
        clustersLength += length;
      }
      for (const { place, samples } of batch) {
        noteStep(steps, place.fileTrack.number, shape);
        const { timescale } = place.fileTrack.track;
        for (const { pts, duration } of samples) end = Math.max(end, ((pts + duration) * unitsPerSecond) / timescale);
      }
    },
    header(lastTagsLength) {
      const numbered = tracks.map(({ number, track }) => {
        const step = steps.get(number);
        return { number, track, ...(step !== undefined && { step }) };
      });
      const content = { tracks: numbered, duration: end, cues, recordedMs, clustersLength, lastTagsLength };
      return printMatroskaHeader(content);
    },
    print: (batch) => [printClusters(blockTracks(batch), lead, unitsOf)],
  };
}

/** Frame duration of a track; undefined once batches differ. */
function noteStep(steps: Map<number, number | undefined>, number: number, shape: GroupShape): void {
  const step = shape.steps.get(number);
  steps.set(number, steps.has(number) && steps.get(number) !== step ? undefined : step);
}

/** Earliest presentation time in the file, ticks of 90 kHz: decode times and PCR are before it. */
const TS_START = 90_000;

function layOutTs(tracks: readonly FileTrack[]): FileLayout {
  const inForce = new Map<number, MediaTrack>();
  let lead: number | undefined;
  return {
    looksAhead: false,
    look() {},
    header: () => new Uint8Array(0),
    print(batch) {
      const toTicks = (time: number, { track }: FileTrack) => rescale(time, track.timescale, movieTimescale);
      for (const { place } of batch) inForce.set(place.fileTrack.number, place.fileTrack.configs[place.config]!);
      // Later batches have later decode times, except for different reordering of tracks: a second suffices.
      lead ??= Math.max(0, ...batch.map(({ place, samples }) => 0 - toTicks(samples[0]?.dts ?? 0, place.fileTrack)));
      const shift = TS_START + lead;
      const frames = new Map(
        batch.map(({ place, samples }) => {
          const { fileTrack } = place;
          const moved = samples.map((sample) => {
            const dts = toTicks(sample.dts, fileTrack) + shift;
            const duration = toTicks(sample.dts + sample.duration, fileTrack) + shift - dts;
            const pts = Math.max(dts, toTicks(sample.pts, fileTrack) + shift);
            return { trackId: fileTrack.number, dts, pts, duration, key: sample.key, data: bytesOf(sample) };
          });
          return [fileTrack.number, moved] as const;
        }),
      );
      const program = tracks.map(({ number, track }) => {
        return { ...(inForce.get(number) ?? track), id: number, timescale: movieTimescale };
      });
      return [muxSegment({ tracks: program, frames })];
    },
  };
}
