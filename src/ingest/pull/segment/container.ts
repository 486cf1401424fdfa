/**
 * Detects the container of a segment by its first bytes; file names and media types are ignored.
 * In: bytes. Out: a container, or a description of something else.
 */

import { isPackedAudio } from '../../../media/packed-audio/format.ts';

/** Supported containers. */
export type Container = 'mpegts' | 'fmp4' | 'packed-audio';

/** Offset of the first packet and distance of packets, bytes: plain, M2TS, with parity. */
const TS_FORMS = [
  [0, 188],
  [4, 192],
  [0, 204],
] as const;
const boxTypes: ReadonlySet<string> = new Set('ftyp styp moof moov sidx ssix emsg prft free skip mdat uuid'.split(' '));

/** One sync byte may be a coincidence, three at the distance of packets are not. */
function isTs(bytes: Uint8Array, first: number, stride: number): boolean {
  const isSync = (at: number) => at >= bytes.length || bytes[at] === 0x47;
  return bytes[first] === 0x47 && isSync(first + stride) && isSync(first + 2 * stride);
}

/**
 * @returns undefined for an unsupported container
 */
export function detectContainer(bytes: Uint8Array): Container | undefined {
  if (TS_FORMS.some(([first, stride]) => isTs(bytes, first, stride))) return 'mpegts';
  if (bytes.length >= 8 && boxTypes.has(String.fromCharCode(bytes[4]!, bytes[5]!, bytes[6]!, bytes[7]!))) return 'fmp4';
  return isPackedAudio(bytes) ? 'packed-audio' : undefined;
}

/** Describes unsupported bytes, for messages. */
export function describeForeign(bytes: Uint8Array): string {
  const start = String.fromCharCode(...bytes.subarray(0, 3));
  if (start === 'WEB') return 'WebVTT';
  if (start.trimStart().startsWith('<')) return 'a web page';
  return bytes.length === 0 ? 'empty' : 'neither MPEG-TS nor MP4 nor packed audio';
}
