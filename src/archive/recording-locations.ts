/**
 * Locations of recordings: `recordings/STREAM ID/yyyy/mm/dd/hh/YYYYMMDDTHHMMSSmmmZ-msn.mp4`, storyboards
 * next to them, and `recordings/STREAM ID/stream.json`. A derived quality of a stream has a separate
 * recording inside that of the stream, as if its id were `STREAM ID/q-RUNG`.
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
interface HourRange extends Abortable {
  readonly fromMs?: number;
  readonly toMs?: number;
}

const CHUNK = /^\d{4}\/\d\d\/\d\d\/\d\d\/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-(\d{1,15})\.mp4$/;

const CHUNK_LOCATION =
  /^recordings\/([^/]+(?:\/q-[a-z0-9-]+)?)\/\d{4}\/\d\d\/\d\d\/\d\d\/\d{8}T\d{9}Z-(\d{1,15})\.mp4$/;

/** Prefix of the recording of a stream. */
export function recordingPrefix(streamId: string): SegmentPrefix {
  return segmentPrefix(`${RECORDINGS}${streamId}`);
}

/** Between the id of a stream and the rung of a quality, in the id of the recording of that quality. */
const QUALITY = '/q-';
const QUALITY_FOLDER = /^q-([a-z0-9-]{1,24})$/;

/** In place of a rung, in the id of the recording of what was found later of a stream. */
const HEALED = 'healed';

/**
 * The id of the recording of what was found later of a stream. It is stored, kept and deleted like that of a
 * quality, and is no quality (docs/decisions/0112).
 */
export function healedRecording(streamId: string): string {
  return `${streamId}${QUALITY}${HEALED}`;
}

/** Whether the rung of a recording is no quality, but says that its media was found later. */
export function isHealedRung(rung: string | undefined): boolean {
  return rung === HEALED;
}

/** The id of the recording of a derived quality. @param rung its name in rendition ids */
export function qualityRecording(streamId: string, rung: string): string {
  return `${streamId}${QUALITY}${rung}`;
}

/**
 * The stream that a recording belongs to, and the quality of which it is; the rung is undefined for that of
 * the stream itself.
 */
export function recordingOf(id: string): { readonly streamId: string; readonly rung: string | undefined } {
  const at = id.indexOf(QUALITY);
  return at < 0
    ? { streamId: id, rung: undefined }
    : { streamId: id.slice(0, at), rung: id.slice(at + QUALITY.length) };
}

/**
 * Bounds of the ids of the recordings of a stream's qualities, by code units: at or after `from`, before
 * `to`.
 */
export function qualityRecordings(streamId: string): { readonly from: string; readonly to: string } {
  return { from: `${streamId}${QUALITY}`, to: `${streamId}/q.` };
}

/** Ids of the recordings of a stream's derived qualities that have files, in order. */
export async function listQualityRecordings(
  store: SegmentStore,
  streamId: string,
  options?: Abortable,
): Promise<string[]> {
  const folders = await store.folders(recordingPrefix(streamId), options);
  return folders.flatMap((folder) => {
    const rung = QUALITY_FOLDER.exec(folder)?.[1];
    return rung === undefined ? [] : [qualityRecording(streamId, rung)];
  });
}

/**
 * The id of the stream of a file of a recording, or of one of its qualities; undefined for other objects, and
 * for the file that identifies a stream.
 */
export function recordingOfLocation(location: SegmentPrefix): string | undefined {
  const id = /^recordings\/([^/]+)\//.exec(location)?.[1];
  return id === undefined || location === identityLocation(id) ? undefined : id;
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

/** The recording and the first MSN of a chunk file; undefined for another file. */
export function namedChunkOf(
  location: SegmentLocation,
): { readonly id: string; readonly firstMsn: number } | undefined {
  const match = CHUNK_LOCATION.exec(location);
  return match ? { id: match[1]!, firstMsn: Number(match[2]) } : undefined;
}

/** Ids of the streams that have a recording, in order. */
export function listRecordings(store: SegmentStore, options?: Abortable): Promise<string[]> {
  return store.folders(RECORDINGS, options);
}

/** Chunk files of a stream, oldest first; objects with other names are left out. */
export async function listChunks(
  store: Pick<SegmentStore, 'list'>,
  streamId: string,
  { fromMs, toMs, signal }: HourRange = {},
): Promise<NamedChunk[]> {
  const prefix = recordingPrefix(streamId);
  const chunks: NamedChunk[] = [];
  const range = {
    ...(fromMs !== undefined && { from: `${prefix}${hourOf(Math.max(0, fromMs))}` }),
    // "0" is the character after "/": everything in that hour comes before it, and every later hour after it.
    // ":" is the one after "9": the files of qualities, whose folders begin with a letter, are not read.
    to: toMs === undefined ? `${prefix}:` : `${prefix}${hourOf(Math.max(0, toMs))}0`,
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

/** The storyboard of a ten-minute window: a file next to its chunk files. */
interface NamedStoryboard {
  readonly location: SegmentLocation;
  /** Start of the window, ms since 1970. */
  readonly startMs: number;
}

const STORYBOARD = /^\d{4}\/\d\d\/\d\d\/\d\d\/storyboard-(\d{1,11})\.jpgs$/;

/**
 * Location of the storyboard of a window: `recordings/STREAM ID/yyyy/mm/dd/hh/storyboard-SECONDS.jpgs`.
 *
 * @param windowMs start of the window, ms since 1970
 */
export function storyboardLocation(streamId: string, windowMs: number): SegmentLocation {
  const seconds = Math.floor(windowMs / 1000);
  return segmentLocation(`${recordingPrefix(streamId)}${hourOf(windowMs)}/storyboard-${seconds}.jpgs`);
}

/** Storyboards of a stream, oldest first. */
export async function listStoryboards(
  store: SegmentStore,
  streamId: string,
  { toMs, signal }: Omit<HourRange, 'fromMs'> = {},
): Promise<NamedStoryboard[]> {
  const prefix = recordingPrefix(streamId);
  const storyboards: NamedStoryboard[] = [];
  const to = toMs === undefined ? `${prefix}:` : `${prefix}${hourOf(Math.max(0, toMs))}0`;
  for await (const location of store.list(prefix, { to, signal })) {
    const seconds = STORYBOARD.exec(location.slice(prefix.length))?.[1];
    if (seconds !== undefined) storyboards.push({ location, startMs: Number(seconds) * 1000 });
  }
  return storyboards;
}

/** The folder of an instant: `yyyy/mm/dd/hh`. */
function hourOf(ms: number): string {
  return new Date(Math.floor(ms)).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/');
}
