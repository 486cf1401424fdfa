/**
 * A Matroska file that is recorded: a Segment of unknown size until it is closed, with room at the front for
 * the seek head.
 * In: tracks, later the clusters. Out: the first bytes; the last ones, and patches. Pure.
 * RFC 9559, 5.1.1 (SeekHead), 5.1.5 (Cues); RFC 8794, 6.2 (unknown sizes), 11.3.2 (Void).
 */
import { concatBytes } from '../bytes.ts';
import { elementHead } from './ebml.ts';
import { type Cue, printCues, printEbmlHeader, printInfo, printSeekHead, printTags } from './header.ts';
import { type NumberedTrack, printTracks } from './tracks.ts';

export type { Cue } from './header.ts';

const SEGMENT = 0x18538067;
const VOID = 0xec;
/** A size of all ones: not known. */
const UNKNOWN = Uint8Array.of(0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

/** The first bytes of a file, with the offsets of their elements. */
interface MatroskaStart {
  readonly bytes: Uint8Array;
  /** First byte of the Segment's body. */
  readonly bodyAt: number;
  /** From `bodyAt`. */
  readonly infoAt: number;
  readonly tracksAt: number;
  readonly tagsAt: number;
  readonly clustersAt: number;
}

/**
 * Writes the elements before the clusters.
 *
 * @param recordedMs when the first of it was recorded, ms since 1970
 */
export function printMatroskaStart(tracks: readonly NumberedTrack[], recordedMs: number): MatroskaStart {
  const room = printVoid(printSeekHead(0, 0, 0, 0).length);
  const info = printInfo(0);
  const entries = printTracks(tracks);
  const tags = printTags(recordedMs);
  const ebml = printEbmlHeader();
  const segment = concatBytes([elementHead(SEGMENT, 0, 8).subarray(0, 4), UNKNOWN]);
  const infoAt = room.length;
  const tracksAt = infoAt + info.length;
  const tagsAt = tracksAt + entries.length;
  return {
    bytes: concatBytes([ebml, segment, room, info, entries, tags]),
    bodyAt: ebml.length + segment.length,
    infoAt,
    tracksAt,
    tagsAt,
    clustersAt: tagsAt + tags.length,
  };
}

/** @param length bytes in all, 9 to 2^32 */
function printVoid(length: number): Uint8Array {
  const head = elementHead(VOID, length - 9, 8);
  return concatBytes([head, new Uint8Array(length - head.length)]);
}

/**
 * Writes the Cues, and what the start is patched with: where to find them, the duration, at last the
 * Segment's size.
 *
 * @param content.duration units of `timestampScale`
 */
export function printMatroskaEnd(
  { bodyAt, infoAt, tracksAt, tagsAt, clustersAt }: MatroskaStart,
  { cues, clustersLength, duration }: { cues: readonly Cue[]; clustersLength: number; duration: number },
): { append: Uint8Array; patches: { at: number; bytes: Uint8Array }[] } {
  const cuesAt = clustersAt + clustersLength;
  const append = printCues(cues, clustersAt);
  const size = elementHead(SEGMENT, cuesAt + append.length, 8).subarray(4);
  return {
    append,
    patches: [
      { at: bodyAt + infoAt, bytes: printInfo(duration) },
      { at: bodyAt, bytes: printSeekHead(infoAt, tracksAt, tagsAt, cuesAt) },
      { at: bodyAt - 8, bytes: size },
    ],
  };
}
