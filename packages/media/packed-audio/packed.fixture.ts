/**
 * Segments of packed audio made by hand; for tests.
 * In: numbers. Out: bytes: ID3 tags, frames of AAC, MP3 and AC-3 with the right headers and nothing in them.
 */

import { writeAdtsHeader } from '../aac/adts.ts';
import { concatBytes } from '../bytes.ts';

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** An ID3v2.4 frame. */
export function id3Frame(id: string, body: Uint8Array): Uint8Array {
  return concatBytes([ascii(id), synchsafe(body.length), new Uint8Array(2), body]);
}

/** An ID3v2.4 tag. */
export function id3Tag(...frames: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(frames);
  return concatBytes([ascii('ID3'), Uint8Array.of(4, 0, 0), synchsafe(body.length), body]);
}

/** The PRIV frame with the time, 33 bits of 90 kHz. */
export function timeFrame(pts: number): Uint8Array {
  const body = new Uint8Array(8);
  const view = new DataView(body.buffer);
  view.setUint32(0, Math.floor(pts / 2 ** 32));
  view.setUint32(4, pts % 2 ** 32);
  return id3Frame('PRIV', concatBytes([ascii('com.apple.streaming.transportStreamTimestamp\0'), body]));
}

function synchsafe(size: number): Uint8Array {
  return Uint8Array.of((size >> 21) & 0x7f, (size >> 14) & 0x7f, (size >> 7) & 0x7f, size & 0x7f);
}

/** AAC-LC, 48 kHz, stereo: 1024 samples a frame. */
export function aacFrames(count: number, bytes = 20): Uint8Array {
  const frame = new Uint8Array(7 + bytes);
  writeAdtsHeader(frame, 0, { profile: 1, rateIndex: 3, channelConfiguration: 2 }, bytes);
  return concatBytes(Array.from({ length: count }, () => frame));
}

/** MPEG-1 Layer III, 44.1 kHz, 128 kbit/s, stereo: 1152 samples and 417 bytes a frame. */
export function mp3Frames(count: number): Uint8Array {
  const frame = new Uint8Array(417);
  frame.set([0xff, 0xfb, 0x90, 0x00]);
  return concatBytes(Array.from({ length: count }, () => frame));
}

/** AC-3, 48 kHz, 64 kbit/s, stereo: 1536 samples and 256 bytes a frame. */
export function ac3Frames(count: number): Uint8Array {
  const frame = new Uint8Array(256);
  frame.set([0x0b, 0x77, 0, 0, 0x08, 0x40, 0x40]);
  return concatBytes(Array.from({ length: count }, () => frame));
}
