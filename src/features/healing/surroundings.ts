/**
 * Reads the recorded media next to a gap, for sources that compare it with theirs.
 * In: a recording, a gap. Out: GapSurroundings.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import { createFmp4Demuxer } from '@oxbow/media/isobmff/demuxer';
import { printInit } from '@oxbow/media/isobmff/init';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { InitTable } from '../../recording/init-table.ts';
import type { RecordedGroup, RecordingReader } from '../../recording/recording-reader.ts';
import type { GapSurroundings, RecordedFrames } from './source.ts';

/** How much media before and after a gap is offered, µs. */
const AROUND_US = 30_000_000;
/** The start of a segment may be this much before the end of the gap, because clocks are rounded; µs. */
const ROUNDED_US = 100_000;

/** A recording, and what reads its files. */
interface SurroundingsOf {
  readonly stream: GapSurroundings['stream'];
  readonly recording: Pick<RecordingReader, 'between'>;
  readonly inits: Pick<InitTable, 'get'>;
  readonly reader: Pick<RangeReader, 'read' | 'damaged'>;
}

/** @param fromUs start of the gap, µs since 1970 @param toUs its end */
export async function readSurroundings(
  { stream, recording, inits, reader }: SurroundingsOf,
  fromUs: number,
  toUs: number,
): Promise<GapSurroundings> {
  const before = await recording.between(fromUs - AROUND_US, fromUs);
  const after = await recording.between(toUs, toUs + AROUND_US);
  return {
    stream,
    before: before.filter(({ startUs }) => startUs < fromUs),
    after: after.filter(({ startUs }) => startUs >= toUs - ROUNDED_US),
    read: (group, { signal }) => readGroup(group, inits, reader, signal),
  };
}

async function readGroup(
  { initNumber, tracks, location, utcOffsetUs, msn }: RecordedGroup,
  inits: Pick<InitTable, 'get'>,
  reader: Pick<RangeReader, 'read' | 'damaged'>,
  signal: AbortSignal,
): Promise<RecordedFrames> {
  const init = inits.get(initNumber);
  if (!init) throw new OxbowError('no-media', `The codec configuration of segment ${msn} is not known.`);
  const frames: Frame[] = [];
  for (const { trackId, offset, length, crc, location: elsewhere } of tracks) {
    const track = init.tracks.find(({ id }) => id === trackId);
    if (!track || length === 0) continue;
    signal.throwIfAborted();
    const bytes = await readIntact(reader, { location: elsewhere ?? location, offset, length, crc });
    frames.push(...framesOf(track, bytes));
  }
  return { tracks: init.tracks, utcOffsetUs, frames };
}

function framesOf(track: Track, bytes: Uint8Array): Frame[] {
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
