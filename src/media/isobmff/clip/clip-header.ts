/**
 * A clip of complete stored segments: one header, then the segments with their decode times moved to the clip's clock.
 * In: tracks and the index rows of the groups. Out: the header, the file's whole length, and what to add to each tfdt. Pure.
 * ISO/IEC 14496-12, 8.6.6 (elst), 8.8.2 (mehd), 8.16.3 (sidx); docs/media.md 20.
 */
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
import { type ClipGroup, type ClipLine, movieTimeOf, planClipTimes } from './clip-times.ts';

/** A clip, known to the byte before any of it is read. */
export interface ClipPlan {
  readonly header: Uint8Array;
  /** Bytes of the complete file. */
  readonly length: number;
  /** Ticks of 90 kHz. */
  readonly duration: number;
  /** For each group, in the order of its tracks: what to add to the decode times of that segment (`rebaseSegment`). */
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

function printHeader(
  lines: readonly ClipLine[],
  groups: readonly ClipGroup[],
  deltas: readonly (readonly number[])[],
  duration: number,
): Uint8Array {
  const used = lines.map(({ track }) => track);
  const writer = new BoxWriter(new Uint8Array(256 + movieRoom(used) + lines.length * (40 + 12 * groups.length)));
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
  // One for each track, pointing at its own fragments: ffmpeg (and Chromium with it) takes the indexes together for the list of
  // all fragments, and steps over those that no index names.
  const indexes = lines.map((line) => referencesOf(line, groups, deltas));
  for (const [i, line] of lines.entries()) {
    const behind = indexes.slice(i + 1).reduce((sum, { references }) => sum + 40 + 12 * references.length, 0);
    printSidx(writer, line, indexes[i]!.references, behind + indexes[i]!.first);
  }
  return writer.bytes.slice(0, writer.offset);
}

interface Reference {
  /** Presentation times, ticks of the track. */
  readonly start: number;
  readonly end: number;
  /** Bytes up to the next reference. */
  size: number;
}

/** One reference for each segment of the track: it reaches to the next one, over the other tracks' bytes; `first` is where they begin. */
function referencesOf(line: ClipLine, groups: readonly ClipGroup[], deltas: readonly (readonly number[])[]) {
  const references: Reference[] = [];
  let first = 0;
  for (const [i, group] of groups.entries()) {
    for (const [k, segment] of group.tracks.entries()) {
      if (segment.trackId === line.track.id && segment.length > 0) {
        const start = segment.tfdt + deltas[i]![k]! + segment.firstPtsOffset - line.mediaTime;
        references.push({ start, end: start + segment.duration, size: 0 });
      }
      const last = references.at(-1);
      if (last) last.size += segment.length;
      else first += segment.length;
    }
  }
  return { references, first };
}

/** @param offset bytes between this index and the track's first segment */
function printSidx(writer: BoxWriter, line: ClipLine, references: readonly Reference[], offset: number): void {
  const { id, timescale } = line.track;
  const sidx = writer.openFull('sidx', 1, 0);
  writer.u32(id);
  writer.u32(timescale);
  writer.u64(rescale(line.wait, movieTimescale, timescale));
  writer.u64(offset);
  writer.u16(0);
  writer.u16(references.length);
  for (const [i, { start, end, size }] of references.entries()) {
    writer.u32(size);
    writer.u32((references[i + 1]?.start ?? end) - start);
    writer.u32(0x90000000); // starts with SAP, type 1
  }
  writer.close(sidx);
}
