/**
 * Checks whether a response is the segment that the playlist lists, or a web page, an empty or a truncated
 * body.
 * In: the decrypted bytes of a segment. Out: a reason for doubt, or undefined. Pure. ISO 13818-1 2.4.3;
 * ISO 14496-12 4.2.
 */
import { concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import { readBoxHead } from '@oxbow/media/isobmff/box';
import { bytesAt, contentOf, describeForeign, HEAD_BYTES, withoutFront } from './container.ts';

const PACKET = 188;
/** Media shorter than this fraction of EXTINF counts as truncated. */
const SHORT = 0.75;
/** Shorter segments have too few frames to measure, seconds. */
const MEASURED_FROM_S = 0.5;
const PTS_MODULUS = 2 ** 33;

/** Why a response may not be the segment. */
export interface Doubt {
  readonly detail: string;
  /** No media can be read from it. If false, some can, and all segments of the source may look like this. */
  readonly useless: boolean;
}

/** Checks a response; undefined if nothing is wrong. */
export type CheckSegment = (pieces: readonly Uint8Array[], durationS: number) => Doubt | undefined;

/**
 * Checks a segment of video or audio.
 *
 * @param pieces the segment in order; not modified
 * @param durationS EXTINF, seconds
 */
export const checkMedia: CheckSegment = (pieces, durationS) => {
  const { head, container, front } = contentOf(pieces);
  if (!container) return { detail: `the segment is ${describeForeign(head)}`, useless: true };
  if (container === 'fmp4') return checkBoxes(pieces);
  if (container !== 'mpegts') return undefined;
  const packets = withoutFront(pieces, front);
  return packets[0]?.[0] === 0x47 ? checkPackets(packets, durationS) : undefined;
};

/** Checks a segment of subtitles: it may be empty, but not a web page. */
export const checkSubtitles: CheckSegment = (pieces) => {
  const detail = describeForeign(bytesAt(pieces, 0, HEAD_BYTES));
  return detail === 'a web page' ? { detail: `the segment is ${detail}`, useless: true } : undefined;
};

/** Bytes of all pieces. */
export function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/** Checks a sequence of boxes: the last one must end at the end of the bytes. */
export function checkBoxes(pieces: readonly Uint8Array[]): Doubt | undefined {
  const length = lengthOf(pieces);
  try {
    for (let at = 0; at < length; ) {
      const box = readBoxHead(bytesAt(pieces, at, 16), 0);
      if (!box) return undefined; // less than a header remains: the demuxer decides
      at += box.size;
      if (at > length) return { detail: `it is truncated at ${length} bytes`, useless: false };
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error; // malformed in another way: the demuxer reports it
  }
  return undefined;
}

/** Checks that packets are complete and that their timestamps span about the duration. */
function checkPackets(pieces: readonly Uint8Array[], durationS: number): Doubt | undefined {
  const length = lengthOf(pieces);
  if (length % PACKET !== 0) return { detail: `it is truncated at ${length} bytes`, useless: false };
  const spanS = durationS < MEASURED_FROM_S ? undefined : spanOf(pieces);
  if (spanS === undefined || spanS >= SHORT * durationS) return undefined;
  const detail = `it has ${spanS.toFixed(1)} s of the ${durationS.toFixed(1)} s of EXTINF`;
  return { detail, useless: false };
}

/** Duration of the video, otherwise of the audio, seconds; undefined if it cannot be measured. */
function spanOf(pieces: readonly Uint8Array[]): number | undefined {
  const spans = { video: new PtsSpan(), audio: new PtsSpan() };
  for (const piece of wholePackets(pieces)) {
    // Without a view for each packet: a segment has thousands.
    for (let at = 0; at < piece.length; at += PACKET) addPts(piece, at, spans);
  }
  return spans.video.seconds ?? spans.audio.seconds;
}

/** Adds the PTS of the packet at `start`, if a PES packet with one begins there. */
function addPts(bytes: Uint8Array, start: number, spans: Readonly<Record<'video' | 'audio', PtsSpan>>): void {
  const flags = bytes[start + 3]!;
  if (bytes[start] !== 0x47 || (bytes[start + 1]! & 0x40) === 0 || (flags & 0x10) === 0) return;
  const at = start + ((flags & 0x20) === 0 ? 4 : 5 + bytes[start + 4]!);
  if (at + 14 > start + PACKET || bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 2] !== 1) return;
  const streamId = bytes[at + 3]!;
  const isAudio = (streamId & 0xe0) === 0xc0 || streamId === 0xbd;
  const kind = (streamId & 0xf0) === 0xe0 ? 'video' : isAudio ? 'audio' : undefined;
  if (!kind || (bytes[at + 7]! & 0x80) === 0) return;
  const pid = ((bytes[start + 1]! & 0x1f) << 8) | bytes[start + 2]!;
  spans[kind].add(pid, readPts(bytes, at + 9));
}

/** 33 bits in five bytes, ticks of 90 kHz. */
function readPts(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! >> 1) & 7;
  const middle = (bytes[at + 1]! << 7) | (bytes[at + 2]! >> 1);
  const low = (bytes[at + 3]! << 7) | (bytes[at + 4]! >> 1);
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}

/** The span of the timestamps of one elementary stream. */
class PtsSpan {
  #pid: number | undefined;
  #first = 0;
  #least = 0;
  #most = 0;
  #count = 0;

  add(pid: number, pts: number): void {
    if (this.#pid === undefined) {
      this.#pid = pid;
      this.#first = pts;
    }
    if (pid !== this.#pid) return;
    const turned = (pts - this.#first + 1.5 * PTS_MODULUS) % PTS_MODULUS;
    const since = turned - PTS_MODULUS / 2;
    this.#least = Math.min(this.#least, since);
    this.#most = Math.max(this.#most, since);
    this.#count += 1;
  }

  /** The last unit is assumed to be as long as the average of the others. */
  get seconds(): number | undefined {
    if (this.#count < 2) return undefined;
    return ((this.#most - this.#least) * this.#count) / (this.#count - 1) / 90_000;
  }
}

/**
 * The bytes of all packets in order, each item a multiple of packets long: packets that lie in several pieces
 * are copied.
 */
function* wholePackets(pieces: readonly Uint8Array[]): Generator<Uint8Array, void> {
  let remainder: Uint8Array = new Uint8Array();
  for (const piece of pieces) {
    const wanted = remainder.length === 0 ? 0 : PACKET - remainder.length;
    const from = Math.min(wanted, piece.length);
    if (wanted > 0) {
      remainder = concatBytes([remainder, piece.subarray(0, from)]);
      if (remainder.length < PACKET) continue;
      yield remainder;
    }
    const to = piece.length - ((piece.length - from) % PACKET);
    yield piece.subarray(from, to);
    remainder = piece.subarray(to);
  }
}
