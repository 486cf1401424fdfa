/**
 * The last key frame of a stream, as its publisher sent it.
 * In: the segments of the live window that are in memory. Out: one independently decodable access unit.
 * ITU-T H.264 and H.265, Annex B.
 */
import { concatBytes } from '@oxbow/media/bytes';
import type { Track } from '@oxbow/media/frame';
import { parseAvcC } from '@oxbow/media/h264/avcc';
import { parseHvcC } from '@oxbow/media/hevc/hvcc';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { OxbowError } from '../../lib/errors.ts';
import type { LiveSegment } from '../../packager/live-segment.ts';
import type { LiveWindow } from '../../packager/live-window.ts';

const START_CODE = Uint8Array.of(0, 0, 0, 1);

/**
 * The last key frame in the live window: H.264 and HEVC in byte stream format with their parameter sets,
 * other codecs as one frame.
 *
 * @throws OxbowError `no-media` if there is no video in memory
 */
export function lastKeyFrame(name: string, list: Pick<LiveWindow, 'segments'>): Uint8Array {
  for (const segment of list.segments.toReversed()) {
    const track = segment.init.tracks.find(({ kind }) => kind === 'video');
    const bytes = track && bytesOf(segment, track.id);
    const key = bytes && parseSegment(bytes)?.findLast((frame) => frame.key);
    if (track && key) return byteStream(track, key.data);
  }
  throw new OxbowError('no-media', `No key frame of ${name} is in memory.`);
}

/**
 * The media of a track of a segment that is in memory, not to be kept; of an open segment the parts so far.
 */
function bytesOf({ bytes, parts }: LiveSegment, trackId: number): Uint8Array | undefined {
  const complete = bytes?.get(trackId);
  if (complete) return complete;
  const sealed = parts.get(trackId)?.map((part) => part.bytes) ?? [];
  const chunks = sealed.filter((part) => part !== undefined);
  return chunks.length === 0 || chunks.length < sealed.length ? undefined : concatBytes(chunks);
}

function byteStream({ config }: Track, data: Uint8Array): Uint8Array {
  if (config.codec !== 'h264' && config.codec !== 'hevc') return data.slice();
  const units = [...setsOf(config.codec, config.record), ...unitsOf(data)];
  return concatBytes(units.flatMap((unit) => [START_CODE, unit]));
}

function setsOf(codec: 'h264' | 'hevc', record: Uint8Array): Uint8Array[] {
  if (codec === 'h264') {
    const { sps, pps } = parseAvcC(record);
    return [...sps, ...pps];
  }
  const { vps, sps, pps } = parseHvcC(record);
  return [...vps, ...sps, ...pps];
}

/** The NAL units of a sample, each after its length in 4 bytes. */
function unitsOf(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at + 4 <= data.length; ) {
    const length = view.getUint32(at);
    units.push(data.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return units;
}
