/**
 * A file that can be played at any moment while it is recorded, even after a crash; when closed, it has an
 * index like any other file.
 * In: batches on the file's clock. Out: bytes to append, and patches at the end. Pure.
 * ISO/IEC 14496-12, 8.8 (fragments until it is closed: the form of chunk files), RFC 9559 (a Segment of
 * unknown size until then).
 */
import { concatBytes } from '../bytes.ts';
import { BoxWriter } from '../isobmff/box.ts';
import { fragmentLength, printFragment } from '../isobmff/fragment.ts';
import { printChunkStart } from '../isobmff/init.ts';
import { type Block, type BlockTrack, printClusters, shapeClusters, unitsPerSecond } from '../matroska/cluster.ts';
import { type Cue, printMatroskaEnd, printMatroskaStart } from '../matroska/growing.ts';
import { rescale } from '../rescale.ts';
import type { FileFormat, FileTrack, FileTracks } from './file-tracks.ts';
import type { FileBatch } from './joiner.ts';
import { layOut } from './layout.ts';
import { chunksOf, Mp4Table } from './mp4-table.ts';

/** Bytes that overwrite others. */
interface Patch {
  /** Offset in the file. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** A file that is being recorded. */
export interface GrowingFile {
  /** The first bytes; fixes the tracks of the file. */
  readonly start: Uint8Array;
  /** The bytes of a batch, to be appended. */
  add(batch: FileBatch): Uint8Array;
  /**
   * Closes the file: bytes to append, then patches, in order. Interrupted after any step, the file is still
   * playable.
   */
  close(): { readonly append: Uint8Array; readonly patches: readonly Patch[] };
}

/** Offset of the placeholder in a chunk file, which becomes the mdat header. */
const PLACEHOLDER_AT = 32;

/**
 * Begins a file.
 *
 * @param tracks those of the first batch
 * @param recordedMs when its first instant was recorded, ms since 1970
 */
export function growFile(format: FileFormat, tracks: FileTracks, recordedMs: number): GrowingFile {
  if (format === 'mp4') return growMp4(tracks.all);
  return format === 'mkv' ? growMkv(tracks.all, recordedMs) : growTs(tracks, recordedMs);
}

function growMp4(tracks: readonly FileTrack[]): GrowingFile {
  const start = printChunkStart(tracks.map(({ track }) => track));
  const table = new Mp4Table();
  let length = start.length;
  let sequence = 0;
  /** Seconds by which fragments are later than the file's clock: a tfdt cannot lie before 0. */
  let shiftS: number | undefined;
  return {
    start,
    add(batch) {
      shiftS ??= Math.max(
        0,
        ...batch.map(({ place, samples }) => Math.ceil(0 - (samples[0]?.dts ?? 0) / place.fileTrack.track.timescale)),
      );
      const pieces = chunksOf(batch).map((chunk) => {
        const { fileTrack, samples } = chunk;
        const shift = rescale(shiftS!, 1, fileTrack.track.timescale);
        const frames = samples.map((sample) => ({ ...sample, trackId: fileTrack.number, data: sample.data! }));
        const bytes = new Uint8Array(fragmentLength(frames));
        const tfdt = frames[0]!.dts + shift;
        printFragment(bytes, 0, { sequence: ++sequence, trackId: fileTrack.number, tfdt, frames });
        const media = frames.reduce((sum, { data }) => sum + data.length, 0);
        table.add(chunk, length + bytes.length - media);
        length += bytes.length;
        return bytes;
      });
      return concatBytes(pieces);
    },
    close() {
      if (table.isEmpty) return { append: new Uint8Array(0), patches: [] };
      const size = new BoxWriter(new Uint8Array(8));
      size.u64(length - PLACEHOLDER_AT);
      const head = new BoxWriter(new Uint8Array(8));
      head.u32(1);
      head.fourcc('mdat');
      // The size first: only the last eight bytes turn the fragments into an mdat.
      return {
        append: table.print(0),
        patches: [
          { at: PLACEHOLDER_AT + 8, bytes: size.bytes },
          { at: PLACEHOLDER_AT, bytes: head.bytes },
        ],
      };
    },
  };
}

function growMkv(tracks: readonly FileTrack[], recordedMs: number): GrowingFile {
  const numbered = tracks.map(({ number, track }) => ({ number, track }));
  const start = printMatroskaStart(numbered, recordedMs);
  const lead = (tracks.find(({ track }) => track.kind === 'video') ?? tracks[0])?.number ?? 1;
  const timescales = new Map(tracks.map(({ number, track }) => [number, track.timescale]));
  const unitsOf = (number: number, pts: number): number =>
    Math.max(0, Math.round((pts * unitsPerSecond) / timescales.get(number)!));
  const cues: Cue[] = [];
  let clustersLength = 0;
  let end = 0;
  return {
    start: start.bytes,
    add(batch) {
      const blocks = batch.map(({ place, samples }): BlockTrack<Block> => {
        const { number, track } = place.fileTrack;
        for (const { pts, duration } of samples) {
          end = Math.max(end, ((pts + duration) * unitsPerSecond) / track.timescale);
        }
        return { number, timescale: track.timescale, samples: samples as readonly Block[] };
      });
      for (const { length, entrance } of shapeClusters(blocks, lead).clusters) {
        if (entrance) {
          const time = unitsOf(entrance.number, entrance.pts);
          cues.push({ time, trackNumber: entrance.number, clusterAt: clustersLength, blockAt: entrance.at });
        }
        clustersLength += length;
      }
      return printClusters(blocks, lead, unitsOf);
    },
    close: () => printMatroskaEnd(start, { cues, clustersLength, duration: end }),
  };
}

/** MPEG-TS has neither header nor trailer. */
function growTs(tracks: FileTracks, recordedMs: number): GrowingFile {
  const layout = layOut('ts', tracks, { recordedMs, trim: false });
  return {
    start: new Uint8Array(0),
    add: (batch) => concatBytes(layout.print(batch)),
    close: () => ({ append: new Uint8Array(0), patches: [] }),
  };
}
