/**
 * Builds what chunk files of assets contain: init sections, and one fragment of a track for each segment.
 * In: tracks and their frames. Out: values for archive/chunk-writer. docs/decisions/0030.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Frame, Track } from '@oxbow/media/frame';
import { type FragmentSlot, fragmentLength, printFragment, sequenceNumber } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import type { Init, SampleRows, TrackSegment } from '@oxbow/media/segment';

/** Numbers of a sample in `SampleRows`. */
const PER_SAMPLE = 4;

/** The init section of the tracks of a rendition of an asset, which never change. */
export function assetInit(tracks: readonly Track[]): Init {
  return { number: 1, hash: createHash('sha256').update(printInit(tracks)).digest('hex'), tracks };
}

/**
 * The segment of a track: one fragment.
 *
 * @param frames at least one, in decode order
 * @param slot place of the track among those of the segment
 */
export function assetSegment(track: Track, frames: readonly Frame[], msn: number, slot: FragmentSlot): TrackSegment {
  // Filled completely below.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(fragmentLength(frames)).buffer);
  const first = frames[0]!;
  const last = frames.at(-1)!;
  const sequence = sequenceNumber(msn, slot, 0);
  const end = printFragment(bytes, 0, { sequence, trackId: track.id, tfdt: first.dts, frames });
  const earliest = first.key ? first.pts : frames.reduce((least, { pts }) => Math.min(least, pts), first.pts);
  return {
    trackId: track.id,
    bytes,
    tfdt: first.dts,
    duration: last.dts + last.duration - first.dts,
    firstPtsOffset: earliest - first.dts,
    samples: frames.length,
    independent: first.key,
    damaged: false,
    crc: crc32(bytes),
    rows: rowsOf(frames, end),
  };
}

/** The samples of a fragment that ends at `end`. */
function rowsOf(frames: readonly Frame[], end: number): SampleRows {
  const samples = new Float64Array(frames.length * PER_SAMPLE);
  let bytes = 0;
  frames.forEach(({ dts, pts, key, data }, i) => {
    samples[i * PER_SAMPLE] = dts;
    samples[i * PER_SAMPLE + 1] = data.length;
    samples[i * PER_SAMPLE + 2] = pts - dts;
    samples[i * PER_SAMPLE + 3] = key ? 1 : 0;
    bytes += data.length;
  });
  return { samples, fragments: Float64Array.of(end - bytes, frames.length), lastDuration: frames.at(-1)!.duration };
}
