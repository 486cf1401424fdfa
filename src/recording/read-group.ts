/**
 * Reads the frames of recorded segments.
 * In: a group of the index, the codec configurations of its stream. Out: frames, in decode order of each
 * track.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { createFmp4Demuxer } from '@oxbow/media/isobmff/demuxer';
import { printInit } from '@oxbow/media/isobmff/init';
import { readIntact } from '../archive/integrity/read-intact.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import { OxbowError } from '../lib/errors.ts';
import type { InitTable } from './init-table.ts';
import type { RecordedGroup } from './recording-reader.ts';

/** Frames of recorded segments, in decode order of each track. */
export interface RecordedFrames {
  readonly tracks: readonly Track[];
  /** UTC = offset + pts, µs since 1970. */
  readonly utcOffsetUs: number;
  readonly frames: readonly Frame[];
}

/**
 * Reads a group.
 *
 * @param isRead which of its tracks are read; default: all
 * @throws OxbowError `no-media` if it cannot be read any more; the signal's reason when aborted
 */
export async function readGroup(
  { initNumber, tracks, location, utcOffsetUs, msn }: RecordedGroup,
  inits: Pick<InitTable, 'get'>,
  reader: Pick<RangeReader, 'read' | 'damaged'>,
  signal: AbortSignal,
  isRead: (track: Track) => boolean = () => true,
): Promise<RecordedFrames> {
  const init = inits.get(initNumber);
  if (!init) throw new OxbowError('no-media', `The codec configuration of segment ${msn} is not known.`);
  const frames: Frame[] = [];
  for (const { trackId, offset, length, crc, location: elsewhere } of tracks) {
    const track = init.tracks.find(({ id }) => id === trackId);
    if (!track || length === 0 || !isRead(track)) continue;
    signal.throwIfAborted();
    const bytes = await readIntact(reader, { location: elsewhere ?? location, offset, length, crc });
    frames.push(...framesOf(track, bytes));
  }
  return { tracks: init.tracks, utcOffsetUs, frames };
}

/** The frames of a segment of one track. @param bytes fragments without an init section */
export function framesOf(track: Track, bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  const demuxer = createFmp4Demuxer({
    tracks() {},
    // The demuxer numbers tracks itself.
    frame: (frame) => frames.push({ ...frame, trackId: track.id }),
    damage() {},
  });
  demuxer.push(printInit([track]));
  demuxer.push(bytes);
  demuxer.flush();
  return frames;
}
