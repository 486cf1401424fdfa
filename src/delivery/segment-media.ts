/**
 * Finds the media of one segment: in the live window while it is in memory, otherwise in the recording. The
 * fragmented MP4, MPEG-TS and WebVTT forms of a segment are all created from it.
 * In: stream and MSN. Out: the media of each track, or the reason why there is none. docs/media.md 14.
 */

import type { Init } from '@oxbow/media/segment';
import type { SummedRange } from '../archive/integrity/read-intact.ts';
import { OxbowError } from '../lib/errors.ts';
import { lend } from '../packager/live-segment.ts';
import type { ServedLiveStream, ServedStream } from './served-stream.ts';

/** One segment with all its tracks. */
export interface SegmentMedia<Media = Uint8Array | SummedRange> {
  /** undefined if the codec configuration is lost. */
  readonly init: Init | undefined;
  /** µs since 1970. */
  readonly startUs: number;
  /** µs. */
  readonly durationUs: number;
  /** UTC of media time 0 of its run, µs since 1970. */
  readonly utcOffsetUs: number;
  /** By track id; tracks without media are absent. `crc` is the CRC-32 of the media. */
  readonly tracks: ReadonlyMap<number, { readonly media: Media; readonly crc: number }>;
}

/** A segment that is in memory; undefined before it is sealed and after it has left memory. */
export function segmentInMemory({ list }: ServedLiveStream, msn: number): SegmentMedia<Uint8Array> | undefined {
  const listed = list.find(msn);
  const bytes = listed?.sealed && lend(listed);
  if (!listed?.sealed || !bytes) return undefined;
  const { init, startUs, run, sealed } = listed;
  const tracks = new Map<number, { media: Uint8Array; crc: number }>();
  for (const [id, media] of bytes) if (media.length > 0) tracks.set(id, { media, crc: sealed.tracks.get(id)!.crc });
  return { init, startUs, durationUs: sealed.durationUs, utcOffsetUs: run.utcOffsetUs, tracks };
}

/** A segment of the recording; undefined if there is none. */
export async function recordedSegment(
  { recording, inits }: ServedStream,
  msn: number,
): Promise<SegmentMedia<SummedRange> | undefined> {
  const group = await recording.find(msn);
  if (!group) return undefined;
  const { location, initNumber, startUs, durationUs, utcOffsetUs } = group;
  const tracks = new Map<number, { media: SummedRange; crc: number }>();
  for (const { trackId, offset, length, crc, location: elsewhere } of group.tracks) {
    if (length > 0) tracks.set(trackId, { media: { location: elsewhere ?? location, offset, length, crc }, crc });
  }
  return { init: inits.get(initNumber), startUs, durationUs, utcOffsetUs, tracks };
}

/**
 * A segment from memory or from the recording.
 *
 * @throws OxbowError `not-found`, `gone`
 */
export async function findSegment(stream: ServedStream, msn: number): Promise<SegmentMedia> {
  const segment = segmentInMemory(stream, msn) ?? (await recordedSegment(stream, msn));
  if (!segment) throw await missing(stream, msn);
  return segment;
}

/**
 * The error for a missing segment: `gone` if it was deleted, `media-damaged` if its file has it no longer,
 * `not-found` if its number was never used. Each start skips numbers: a skipped number is `gone` if the media
 * around it is deleted.
 */
export async function missing(stream: ServedStream, msn: number): Promise<OxbowError> {
  const { list, createdUs } = stream;
  const gone = () => new OxbowError('gone', `Segment ${msn} is no longer kept.`);
  const never = () => new OxbowError('not-found', `There is no segment ${msn}.`);
  if (stream.erased?.hasMsn(msn)) return gone();
  if (msn < stream.leastMsnAt(createdUs)) return never();
  const firstListed = list.segments[0]?.msn ?? 0;
  // The MSNs of a live window are contiguous.
  if (list.generation && msn >= list.generation.firstMsn && msn < firstListed) return gone();
  const { beforeUs = createdUs, lastMsn, isWithinFile } = await stream.recording.around(msn);
  if (isWithinFile) return new OxbowError('media-damaged', `Segment ${msn} is damaged or was lost.`);
  const horizonUs = stream.horizonUs();
  const wasUsed = msn < Math.max(lastMsn, firstListed, stream.leastMsnAt(horizonUs));
  return wasUsed && beforeUs < horizonUs ? gone() : never();
}
