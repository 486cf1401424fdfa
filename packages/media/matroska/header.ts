/**
 * The part of a Matroska file before its clusters: duration, tracks, and the index. With the index in front,
 * players seek over HTTP without reading the end.
 * In: tracks, duration, and the planned clusters. Out: bytes. Pure. RFC 9559, 4 to 6; RFC 8794, 8 (EBML
 * header).
 */
import { concatBytes } from '../bytes.ts';
import { TAGS } from './binary-tag.ts';
import { timestampScale } from './cluster.ts';
import { element, elementHead, floatElement, textElement, uintElement, writeUint } from './ebml.ts';
import { type NumberedTrack, printTracks } from './tracks.ts';

/** A key frame by which the file is entered. */
export interface Cue {
  /** Units of `timestampScale`. */
  readonly time: number;
  readonly trackNumber: number;
  /** First byte of its cluster, counted from the start of the first one. */
  readonly clusterAt: number;
  /** Bytes from the start of the cluster's body to its block, below 2^32. */
  readonly blockAt: number;
}

/** Content of the header. */
interface MatroskaContent {
  readonly tracks: readonly NumberedTrack[];
  /** Units, may have a fraction. */
  readonly duration: number;
  /** In order of time. */
  readonly cues: readonly Cue[];
  /** When the recording of this began: ms since 1970. */
  readonly recordedMs: number;
  /** Bytes of all clusters. */
  readonly clustersLength: number;
  /** Bytes of further Tags after the clusters; absent: there are none. */
  readonly lastTagsLength?: number | undefined;
}

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const SEEK_HEAD = 0x114d9b74;
const SEEK = 0x4dbb;
const SEEK_ID = 0x53ab;
const SEEK_POSITION = 0x53ac;
const INFO = 0x1549a966;
const TRACKS = 0x1654ae6b;
const CUES = 0x1c53bb6b;

/** Bytes of a CuePoint: head, time, head of the positions, track, cluster, block. */
const CUE_LENGTH = 2 + 10 + 2 + 3 + 10 + 6;

/**
 * Writes EBML header, Segment head, SeekHead, Info, Tracks, Tags and Cues; the clusters follow, and further
 * Tags.
 */
export function printMatroskaHeader(content: MatroskaContent): Uint8Array {
  const info = printInfo(content.duration);
  const tracks = printTracks(content.tracks);
  const tags = printTags(content.recordedMs);
  const cuesLength = elementHead(CUES, content.cues.length * CUE_LENGTH).length + content.cues.length * CUE_LENGTH;
  // Positions are of 8 bytes each, so the SeekHead is as long as one of zeros.
  const { lastTagsLength } = content;
  const hasLast = lastTagsLength !== undefined;
  const infoAt = printSeekHead(0, 0, 0, 0, hasLast ? 0 : undefined).length;
  const tracksAt = infoAt + info.length;
  const tagsAt = tracksAt + tracks.length;
  const cuesAt = tagsAt + tags.length;
  const clustersAt = cuesAt + cuesLength;
  const clustersEnd = clustersAt + content.clustersLength;
  return concatBytes([
    printEbmlHeader(),
    elementHead(SEGMENT, clustersEnd + (lastTagsLength ?? 0), 8),
    printSeekHead(infoAt, tracksAt, tagsAt, cuesAt, hasLast ? clustersEnd : undefined),
    info,
    tracks,
    tags,
    printCues(content.cues, clustersAt),
  ]);
}

/** Writes the EBML header (RFC 8794, 8). */
export function printEbmlHeader(): Uint8Array {
  return element(
    EBML,
    uintElement(0x4286, 1), // EBMLVersion
    uintElement(0x42f7, 1), // EBMLReadVersion
    uintElement(0x42f2, 4), // EBMLMaxIDLength
    uintElement(0x42f3, 8), // EBMLMaxSizeLength
    textElement(0x4282, 'matroska'),
    uintElement(0x4287, 4), // DocTypeVersion: LanguageBCP47 came with 4
    uintElement(0x4285, 2), // DocTypeReadVersion: SimpleBlock came with 2
  );
}

/**
 * Writes the SeekHead, always of the same length; positions count from the start of the Segment's body.
 *
 * @param lastTags those after the clusters; undefined: there are none
 */
export function printSeekHead(info: number, tracks: number, tags: number, cues: number, lastTags?: number): Uint8Array {
  const seek = (id: number, position: number) =>
    element(SEEK, uintElement(SEEK_ID, id, 4), uintElement(SEEK_POSITION, position, 8));
  const seeks = [seek(INFO, info), seek(TRACKS, tracks), seek(TAGS, tags), seek(CUES, cues)];
  if (lastTags !== undefined) seeks.push(seek(TAGS, lastTags));
  return element(SEEK_HEAD, ...seeks);
}

/**
 * Writes Info, always of the same length.
 *
 * @param duration units of `timestampScale`
 */
export function printInfo(duration: number): Uint8Array {
  return element(
    INFO,
    uintElement(0x2ad7b1, timestampScale),
    floatElement(0x4489, duration),
    textElement(0x4d80, 'oxbow'), // MuxingApp
    textElement(0x5741, 'oxbow'), // WritingApp
  );
}

/**
 * Writes Tags: when this was recorded. DateUTC is not it: that is when the file was made, and would give each
 * answer other bytes.
 */
export function printTags(recordedMs: number): Uint8Array {
  const text = new Date(recordedMs).toISOString().replace('T', ' ').replace('Z', '');
  const date = element(0x67c8, textElement(0x45a3, 'DATE_RECORDED'), textElement(0x4487, text));
  return element(TAGS, element(0x7373, element(0x63c0), date));
}

/**
 * Writes the Cues.
 *
 * @param clustersAt where the first cluster begins, from the start of the Segment's body
 */
export function printCues(cues: readonly Cue[], clustersAt: number): Uint8Array {
  const head = elementHead(CUES, cues.length * CUE_LENGTH);
  const target = new Uint8Array(head.length + cues.length * CUE_LENGTH);
  target.set(head);
  let at = head.length;
  const bytes = (...values: readonly number[]) => {
    target.set(values, at);
    at += values.length;
  };
  const uint = (value: number, width: number) => {
    writeUint(target, at, value, width);
    at += width;
  };
  for (const { time, trackNumber, clusterAt, blockAt } of cues) {
    bytes(0xbb, 0x80 | (CUE_LENGTH - 2)); // CuePoint
    bytes(0xb3, 0x88); // CueTime
    uint(time, 8);
    bytes(0xb7, 0x80 | (3 + 10 + 6)); // CueTrackPositions
    bytes(0xf7, 0x81, trackNumber); // CueTrack
    bytes(0xf1, 0x88); // CueClusterPosition
    uint(clustersAt + clusterAt, 8);
    bytes(0xf0, 0x84); // CueRelativePosition
    uint(blockAt, 4);
  }
  return target;
}
