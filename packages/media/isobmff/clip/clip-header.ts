/**
 * A clip of complete stored segments: one header, then the segments with their decode times moved to the
 * clip's clock.
 * In: tracks and the index rows of the groups. Out: the header, the file's whole length, and what to add to
 * each tfdt. Pure. ISO/IEC 14496-12, 8.6.6 (elst), 8.8.2 (mehd), 8.16.3 (sidx); docs/media.md 20.
 */
import { concatBytes } from '../../bytes.ts';
import type { Track } from '../../frame.ts';
import { rescale } from '../../rescale.ts';
import { BoxWriter } from '../box.ts';
import {
  type Edit,
  movieRoom,
  movieTimescale,
  printEmptyTables,
  printFtyp,
  printMvex,
  printMvhd,
  printTrak,
} from '../movie/movie.ts';
import { type ClipGroup, type ClipLine, type ClipSegment, movieTimeOf, planClipTimes } from './clip-times.ts';

/** A clip, known to the byte before any of it is read. */
interface ClipPlan {
  readonly header: Uint8Array;
  /** Bytes of the complete file. */
  readonly length: number;
  /** Ticks of 90 kHz. */
  readonly duration: number;
  /**
   * For each group, in the order of its tracks: what to add to the decode times of that segment
   * (`rebaseSegment`).
   */
  readonly deltas: readonly (readonly number[])[];
}

/**
 * @param tracks those of the init that all groups share
 * @param groups at least one with a segment
 * @throws RangeError if there is no segment, or one of a track that `tracks` does not have
 */
export function planClip(tracks: readonly Track[], groups: readonly ClipGroup[]): ClipPlan {
  const { lines, deltas, duration } = planClipTimes(tracks, groups);
  const header = printHeader(lines, groups, deltas, duration);
  const media = groups.reduce((sum, group) => group.tracks.reduce((bytes, { length }) => bytes + length, sum), 0);
  return { header, length: header.length + media, duration, deltas };
}

/** Bytes of a `sidx` before its references, and of each of these. */
const SIDX_HEAD_BYTES = 40;
/** See `SIDX_HEAD_BYTES`. */
export const REFERENCE_BYTES = 12;

export interface LineReferences {
  readonly count: number;
  /** Bytes of media before the track's first segment. */
  readonly first: number;
}

/** `ftyp` and `moov`, before the indexes. */
export function printClipHead(lines: readonly ClipLine[], duration: number): Uint8Array {
  const used = lines.map(({ track }) => track);
  const writer = new BoxWriter(new Uint8Array(256 + movieRoom(used)));
  printFtyp(writer);
  const moov = writer.open('moov');
  printMvhd(writer, 0, Math.max(...used.map(({ id }) => id)) + 1);
  for (const line of lines) {
    const edits: Edit[] = [];
    if (line.wait > 0) edits.push({ duration: line.wait, mediaTime: -1 });
    const presented = movieTimeOf(line, line.presentEnd) - line.wait;
    if (edits.length > 0 || line.mediaTime > 0) edits.push({ duration: presented, mediaTime: line.mediaTime });
    printTrak(writer, { track: line.track, duration: 0, presented: 0, edits, tables: printEmptyTables });
  }
  printMvex(writer, used, duration);
  writer.close(moov);
  return writer.bytes.slice(0, writer.offset);
}

/**
 * The heads of the indexes, one for each line: its references follow. One index for each track, pointing at
 * its fragments: ffmpeg (and Chromium with it) takes the indexes together for the list of all fragments,
 * and steps over those that no index names.
 *
 * @param references of each line
 */
export function printSidxHeads(lines: readonly ClipLine[], references: readonly LineReferences[]): Uint8Array[] {
  const lengths = references.map(({ count }) => SIDX_HEAD_BYTES + REFERENCE_BYTES * count);
  return lines.map((line, i) => {
    const { id, timescale } = line.track;
    const { count, first } = references[i]!;
    const behind = lengths.slice(i + 1).reduce((sum, length) => sum + length, 0);
    const writer = new BoxWriter(new Uint8Array(SIDX_HEAD_BYTES));
    writer.openFull('sidx', 1, 0);
    writer.u32(id);
    writer.u32(timescale);
    writer.u64(rescale(line.wait, movieTimescale, timescale));
    writer.u64(behind + first);
    writer.u16(0);
    writer.u16(count);
    new BoxWriter(writer.bytes).u32(lengths[i]!);
    return writer.bytes;
  });
}

/**
 * The references of one track's index: one for each of its segments, which reaches to the next one, over the
 * other tracks' bytes.
 */
export class SidxReferences {
  readonly #line: ClipLine;
  /** The one that is not complete: presentation times in ticks of the track, bytes up to the next segment. */
  #last: { start: number; end: number; size: number } | undefined;

  constructor(line: ClipLine) {
    this.#line = line;
  }

  /**
   * Adds the next segment of the file, of any track.
   *
   * @param delta added to its decode times
   * @returns the reference of the segment before, if this one completes it
   */
  add(segment: ClipSegment, delta: number): Uint8Array | undefined {
    if (segment.length === 0) return undefined;
    let complete: Uint8Array | undefined;
    if (segment.trackId === this.#line.track.id) {
      const start = segment.tfdt + delta + segment.firstPtsOffset - this.#line.mediaTime;
      complete = this.#print(start);
      this.#last = { start, end: start + segment.duration, size: 0 };
    }
    if (this.#last) this.#last.size += segment.length;
    return complete;
  }

  /** The last reference, after the last segment. */
  finish(): Uint8Array | undefined {
    return this.#print(this.#last?.end ?? 0);
  }

  #print(nextStart: number): Uint8Array | undefined {
    if (!this.#last) return undefined;
    const writer = new BoxWriter(new Uint8Array(REFERENCE_BYTES));
    writer.u32(this.#last.size);
    writer.u32(nextStart - this.#last.start);
    writer.u32(0x90000000); // starts with SAP, type 1
    return writer.bytes;
  }
}

function printHeader(
  lines: readonly ClipLine[],
  groups: readonly ClipGroup[],
  deltas: readonly (readonly number[])[],
  duration: number,
): Uint8Array {
  const indexes = lines.map((line) => referencesOf(line, groups, deltas));
  const heads = printSidxHeads(lines, indexes);
  return concatBytes([printClipHead(lines, duration), ...heads.flatMap((head, i) => [head, ...indexes[i]!.printed])]);
}

function referencesOf(line: ClipLine, groups: readonly ClipGroup[], deltas: readonly (readonly number[])[]) {
  const references = new SidxReferences(line);
  const printed: Uint8Array[] = [];
  let first = 0;
  let hasBegun = false;
  for (const [i, group] of groups.entries()) {
    for (const [k, segment] of group.tracks.entries()) {
      const complete = references.add(segment, deltas[i]![k]!);
      if (complete) printed.push(complete);
      hasBegun ||= segment.trackId === line.track.id && segment.length > 0;
      if (!hasBegun) first += segment.length;
    }
  }
  const last = references.finish();
  if (last) printed.push(last);
  return { printed, first, count: printed.length };
}
