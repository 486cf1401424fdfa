/**
 * Locations of recordings: `recordings/STREAM ID/yyyy/mm/dd/hh/YYYYMMDDTHHMMSSmmmZ-msn.mp4` and `recordings/STREAM ID/stream.json`.
 * In: ids, times, MSNs. Out: locations, and back. docs/media.md 21.
 */
import {
  type Abortable,
  type SegmentLocation,
  type SegmentPrefix,
  type SegmentStore,
  segmentLocation,
  segmentPrefix,
} from './segment-store.ts';

const RECORDINGS = segmentPrefix('recordings');

/** A chunk file with the values in its name. */
export interface NamedChunk {
  readonly location: SegmentLocation;
  /** UTC of its first group, ms since 1970. */
  readonly startMs: number;
  readonly firstMsn: number;
}

/** Range of hours, both inclusive, ms since 1970. */
export interface HourRange extends Abortable {
  readonly fromMs?: number;
  readonly toMs?: number;
}

const CHUNK = /^\d{4}\/\d\d\/\d\d\/\d\d\/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-(\d{1,15})\.mp4$/;

/** Prefix of the recording of a stream. */
export function recordingPrefix(streamId: string): SegmentPrefix {
  return segmentPrefix(`${RECORDINGS}${streamId}`);
}

/** Location of the file that identifies the stream of a recording. */
export function identityLocation(streamId: string): SegmentLocation {
  return segmentLocation(`${recordingPrefix(streamId)}stream.json`);
}

/**
 * Location of a chunk file.
 *
 * @param utcMs start of its first group, ms since 1970
 * @param msn of its first group
 */
export function chunkLocation(streamId: string, utcMs: number, msn: number): SegmentLocation {
  const start = new Date(Math.floor(utcMs)).toISOString().replaceAll(/[-:.]/g, '');
  return segmentLocation(`${recordingPrefix(streamId)}${hourOf(utcMs)}/${start}-${msn}.mp4`);
}

/** Ids of the streams that have a recording, in order. */
export function listRecordings(store: SegmentStore, options?: Abortable): Promise<string[]> {
  return store.folders(RECORDINGS, options);
}

/** Chunk files of a stream, oldest first; objects with other names are left out. */
export async function listChunks(
  store: SegmentStore,
  streamId: string,
  { fromMs, toMs, signal }: HourRange = {},
): Promise<NamedChunk[]> {
  const prefix = recordingPrefix(streamId);
  const chunks: NamedChunk[] = [];
  const range = {
    ...(fromMs !== undefined && { from: `${prefix}${hourOf(Math.max(0, fromMs))}` }),
    // "0" is the character after "/": everything in that hour comes before it, and every later hour after it.
    ...(toMs !== undefined && { to: `${prefix}${hourOf(Math.max(0, toMs))}0` }),
  };
  for await (const location of store.list(prefix, { ...range, signal })) {
    const parts = CHUNK.exec(location.slice(prefix.length));
    if (!parts) continue;
    const [year, month, day, hour, minute, second, ms, firstMsn] = parts.slice(1).map(Number) as number[];
    chunks.push({
      location,
      startMs: Date.UTC(year!, month! - 1, day!, hour!, minute!, second!, ms!),
      firstMsn: firstMsn!,
    });
  }
  return chunks;
}

/** The folder of an instant: `yyyy/mm/dd/hh`. */
function hourOf(ms: number): string {
  return new Date(Math.floor(ms)).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/');
}
