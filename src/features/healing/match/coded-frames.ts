/**
 * Hashes of coded frames, to find the same frames in two recordings.
 * In: frames of a track. Out: a hash of what is coded, without what a container or a transport adds.
 */
import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { HashedFrame } from '@oxbow/media/align/frame-match';
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';

/** Last type of a NAL unit with a slice: ITU-T H.264, table 7-1; ITU-T H.265, table 7-1. */
const LAST_H264_SLICE = 5;
const LAST_HEVC_SLICE = 31;

/** Bytes that are hashed before other work has its turn: about 10 ms. */
const TURN_BYTES = 8 * 1024 * 1024;

/**
 * Hashes the frames of one track.
 *
 * @param offsetUs added to their presentation times, µs
 * @throws the signal's reason when aborted
 */
export async function hashFrames(
  track: Track,
  frames: readonly Frame[],
  offsetUs: number,
  { signal }: { signal: AbortSignal },
): Promise<HashedFrame[]> {
  const { id, timescale } = track;
  const sliceOf = slicesOf(track);
  const hashed: HashedFrame[] = [];
  let bytes = 0;
  for (const { trackId, data, pts } of frames) {
    if (trackId !== id) continue;
    hashed.push({ hash: hash('sha256', sliceOf(data), 'base64'), us: offsetUs + ticksToUs(pts, timescale) });
    bytes += data.length;
    if (bytes < TURN_BYTES) continue;
    bytes = 0;
    await setImmediate(undefined, { signal });
  }
  return hashed;
}

/** What of a frame is compared: slices without parameter sets, delimiters and messages. */
function slicesOf({ config }: Track): (data: Uint8Array) => Uint8Array {
  if (config.codec === 'h264') {
    return (data) => joinNals(data, (first) => (first & 0x1f) >= 1 && (first & 0x1f) <= LAST_H264_SLICE);
  }
  if (config.codec === 'hevc') return (data) => joinNals(data, (first) => ((first >> 1) & 0x3f) <= LAST_HEVC_SLICE);
  return (data) => data;
}

/** The chosen NAL units of a frame; all of it where its lengths do not add up. */
function joinNals(data: Uint8Array, isChosen: (firstByte: number) => boolean): Uint8Array {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const chosen: Uint8Array[] = [];
  let at = 0;
  while (at + 4 < data.length) {
    const end = at + 4 + view.getUint32(at);
    if (end > data.length) return data;
    if (isChosen(data[at + 4]!)) chosen.push(data.subarray(at + 4, end));
    at = Math.max(end, at + 5);
  }
  if (chosen.length === 0) return data;
  return chosen.length === 1 ? chosen[0]! : Buffer.concat(chosen);
}
