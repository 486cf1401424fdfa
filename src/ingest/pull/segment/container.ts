/**
 * Detects the container of a segment by its first bytes; file names and media types are ignored.
 * In: bytes. Out: a container, or a description of something else.
 */
import { concatBytes } from '@oxbow/media/bytes';
import { isPackedAudio } from '@oxbow/media/packed-audio/format';

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

/** Enough to detect a container. */
export const HEAD_BYTES = 1024;
/**
 * Something else may be in front of the first packet of MPEG-TS, such as a picture: so far it is looked for.
 */
const FRONT_BYTES = 16 * 1024;
/** Packets in a row that are no coincidence anywhere. */
const PACKETS_IN_A_ROW = 5;

/** What is in a segment. */
interface Content {
  /** Its first bytes, for messages. */
  readonly head: Uint8Array;
  /** Undefined for an unsupported one. */
  readonly container: Container | undefined;
  /** Bytes in front of it, which are none of it. */
  readonly front: number;
}

/** Detects the container of a segment, also behind something else. */
export function contentOf(pieces: readonly Uint8Array[]): Content {
  const head = bytesAt(pieces, 0, HEAD_BYTES);
  const container = detectContainer(head);
  if (container) return { head, container, front: 0 };
  const more = bytesAt(pieces, 0, FRONT_BYTES);
  const front = firstPacket(more);
  return { head, container: front === undefined ? undefined : 'mpegts', front: front ?? 0 };
}

/**
 * Where the first of several packets begins that are side by side, as their syncs show (ISO/IEC 13818-1,
 * G.1).
 */
function firstPacket(bytes: Uint8Array): number | undefined {
  for (let at = bytes.indexOf(0x47); at >= 0; at = bytes.indexOf(0x47, at + 1)) {
    for (const [before, stride] of TS_FORMS) {
      const start = at - before;
      const last = at + (PACKETS_IN_A_ROW - 1) * stride;
      if (start < 0 || last >= bytes.length) continue;
      let isInRow = true;
      for (let next = at + stride; next <= last && isInRow; next += stride) isInRow = bytes[next] === 0x47;
      if (isInRow) return start;
    }
  }
  return undefined;
}

/** Up to `length` bytes of pieces from `from` on; without a copy if one piece has them all. */
export function bytesAt(pieces: readonly Uint8Array[], from: number, length: number): Uint8Array {
  const slices: Uint8Array[] = [];
  let skip = from;
  let left = length;
  for (const piece of pieces) {
    if (left <= 0) break;
    const part = piece.subarray(Math.min(skip, piece.length), skip + left);
    skip = Math.max(0, skip - piece.length);
    left -= part.length;
    if (part.length > 0) slices.push(part);
  }
  return slices.length === 1 ? slices[0]! : concatBytes(slices);
}

/** The pieces without their first bytes; shares their memory. */
export function withoutFront(pieces: readonly Uint8Array[], front: number): readonly Uint8Array[] {
  if (front === 0) return pieces;
  let left = front;
  return pieces.flatMap((piece) => {
    const skipped = Math.min(left, piece.length);
    left -= skipped;
    return skipped === piece.length ? [] : [piece.subarray(skipped)];
  });
}

/** Describes unsupported bytes, for messages. */
export function describeForeign(bytes: Uint8Array): string {
  const start = String.fromCharCode(...bytes.subarray(0, 3));
  if (start === 'WEB') return 'WebVTT';
  if (start.trimStart().startsWith('<')) return 'a web page';
  return bytes.length === 0 ? 'empty' : 'neither MPEG-TS nor MP4 nor packed audio';
}
