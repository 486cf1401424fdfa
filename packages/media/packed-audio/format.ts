/**
 * Parses the beginning of a packed audio segment: ID3 tags, one of them with the time, then frames of one
 * codec.
 * In: the first bytes of a segment. Out: offset, time and codec of the frames; tags with metadata. Pure.
 * RFC 8216bis 3.4 (Packed Audio).
 */
import { FormatError } from '../errors.ts';
import { type Id3Tag, id3Length, parseId3 } from '../id3/tag.ts';
import { type AudioFraming, ac3Framing, adtsFraming, mp3Framing } from '../mpegts/track/audio-framing.ts';

/** Owner of the PRIV frame with the time. */
const OWNER = 'com.apple.streaming.transportStreamTimestamp';
/** Names the encoder: not passed on as metadata. */
const ENCODER = 'TSSE';
/** Tags before the frames. */
const MAX_TAGS = 8;
/** Consecutive frames that identify audio. */
const FRAMES_TO_BELIEVE = 2;

/** The head of a segment. */
interface PackedHead {
  /** Where the frames begin. */
  readonly start: number;
  /** Time of the first sample, 33 bits of 90 kHz; undefined if no tag has it. */
  readonly pts: number | undefined;
  /** Tags with more in them than the time and the encoder's name; views. */
  readonly tags: readonly Uint8Array[];
}

/** The time in a PRIV frame: the owner, a zero, and 8 bytes of which the upper 31 bits are zero. */
function timeOf(body: Uint8Array): number | undefined {
  if (body.length !== OWNER.length + 9) return undefined;
  for (let i = 0; i < OWNER.length; i++) if (body[i] !== OWNER.charCodeAt(i)) return undefined;
  const view = new DataView(body.buffer, body.byteOffset + OWNER.length + 1, 8);
  return (view.getUint32(0) & 1) * 2 ** 32 + view.getUint32(4);
}

function readTag({ frames }: Id3Tag): { readonly pts: number | undefined; readonly more: boolean } {
  let pts: number | undefined;
  let more = false;
  for (const { id, body } of frames) {
    const time = id === 'PRIV' ? timeOf(body) : undefined;
    if (time !== undefined) pts ??= time;
    else if (id !== ENCODER) more = true;
  }
  return { pts, more };
}

/** A malformed tag is ignored; its length is known, so the audio after it is used. */
function tagAt(bytes: Uint8Array, start: number, end: number): Id3Tag | undefined {
  try {
    return parseId3(bytes.subarray(start, end));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
}

/**
 * Parses the tags before the frames of a segment. A malformed tag is skipped.
 *
 * @throws FormatError for a tag that is cut short, or too many
 */
export function parsePackedHead(bytes: Uint8Array): PackedHead {
  let start = 0;
  let pts: number | undefined;
  const tags: Uint8Array[] = [];
  for (let count = 0; ; count++) {
    const length = id3Length(bytes, start);
    if (length === undefined) break;
    if (length === 'short' || start + length > bytes.length) throw new FormatError('the ID3 tag ends early', start);
    if (count === MAX_TAGS) throw new FormatError(`more than ${MAX_TAGS} ID3 tags before packed audio`, start);
    const tag = tagAt(bytes, start, start + length);
    const said = tag && readTag(tag);
    pts ??= said?.pts;
    if (said?.more) tags.push(bytes.subarray(start, start + length));
    start += length;
  }
  return { start, pts, tags };
}

/** The codec whose frames begin at `at`, or undefined. A whole frame behind the first has to be one too. */
export function framingAt(bytes: Uint8Array, at: number, end: number): AudioFraming | undefined {
  return [adtsFraming, ac3Framing, mp3Framing].find((framing) => {
    let next = at;
    for (let count = 0; count < FRAMES_TO_BELIEVE && next < end; count++) {
      const unit = framing.parse(bytes, next, end);
      if (unit === 'short') return count > 0;
      if (!unit) return false;
      next += unit.frameBytes;
    }
    return next > at;
  });
}

/** Whether a segment that begins with these bytes is packed audio; a longer tag suffices. */
export function isPackedAudio(bytes: Uint8Array): boolean {
  if (id3Length(bytes) !== undefined) return true;
  return framingAt(bytes, 0, bytes.length) !== undefined;
}
