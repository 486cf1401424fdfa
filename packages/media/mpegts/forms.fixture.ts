/**
 * Sound and metadata by hand, and transport packets with something before or behind them.
 * In: sizes and times. Out: frames whose headers are right and whose bodies are nothing, sections, packets.
 */
import { BitWriter } from '../bits.ts';
import { concatBytes } from '../bytes.ts';
import { crc32Mpeg } from '../crc32-mpeg.ts';

/** A frame of MPEG-1 Layer III, 48 kHz, stereo, 64 kbit/s: 192 bytes. */
export function printMp3(fill = 0x11): Uint8Array {
  return new Uint8Array(192).fill(fill).fill(0xff, 0, 1).fill(0xfb, 1, 2).fill(0x54, 2, 3).fill(0x00, 3, 4);
}

/** A syncframe: AC-3 of 64 kbit/s stereo, 256 bytes; or of E-AC-3 with `blocks` blocks, 200 bytes. */
export function printAc3(
  codec: 'ac3' | 'eac3' = 'ac3',
  blocks: 1 | 2 | 3 | 6 = 6,
  { dependent = false, map = 0, layout = 2, lfe = false } = {},
): Uint8Array {
  const bits = new BitWriter().u(0x0b77, 16);
  if (codec === 'ac3') {
    bits.u(0, 16).u(0, 2).u(8, 6).u(8, 5).u(0, 3).u(2, 3).u(0, 2).u(0, 1);
    return concatBytes([bits.finish(), new Uint8Array(256 - bits.finish().length).fill(0x11)]);
  }
  bits
    .u(dependent ? 1 : 0, 2)
    .u(0, 3)
    .u(99, 11)
    .u(0, 2)
    .u([1, 2, 3, 6].indexOf(blocks), 2)
    .u(layout, 3);
  bits.u(Number(lfe), 1).u(16, 5).u(31, 5).u(0, 1);
  if (dependent) bits.u(1, 1).u(map, 16);
  const head = bits.finish();
  return concatBytes([head, new Uint8Array(200 - head.length).fill(0x11)]);
}

/** An ID3 tag of `size` bytes behind its header, below 2^21. */
export function id3Tag(size: number, fill = 0x22): Uint8Array {
  const sizes = [size >> 14, (size >> 7) & 127, size & 127];
  return concatBytes([Uint8Array.of(0x49, 0x44, 0x33, 4, 0, 0, 0, ...sizes), new Uint8Array(size).fill(fill)]);
}

/** A splice_info_section (SCTE 35, 9.6) with a splice_insert at `pts`, or at once. */
export function printSpliceInsert(event: number, pts: number | undefined, adjustment = 0): Uint8Array {
  const command = new BitWriter().u(event, 32).u(0x7f, 8);
  command
    .u(1, 1)
    .u(1, 1)
    .u(0, 1)
    .u(pts === undefined ? 1 : 0, 1)
    .u(15, 4);
  if (pts !== undefined)
    command
      .u(1, 1)
      .u(63, 6)
      .u(Math.floor(pts / 2 ** 32), 1)
      .u(pts % 2 ** 32, 32);
  command.u(1, 16).u(0, 8).u(0, 8);
  return printSplice(5, command.finish(), adjustment);
}

/** A splice_info_section with any command. */
export function printSplice(type: number, command: Uint8Array, adjustment = 0): Uint8Array {
  const length = 11 + command.length + 2 + 4;
  const bits = new BitWriter().u(0xfc, 8).u(3, 4).u(length, 12).u(0, 8);
  bits
    .u(0, 1)
    .u(0, 6)
    .u(Math.floor(adjustment / 2 ** 32), 1)
    .u(adjustment % 2 ** 32, 32)
    .u(0, 8)
    .u(0xfff, 12);
  bits.u(command.length, 12).u(type, 8);
  const body = concatBytes([bits.finish(), command, Uint8Array.of(0, 0)]);
  const crc = crc32Mpeg(body);
  return concatBytes([body, Uint8Array.of(crc >>> 24, (crc >>> 16) & 0xff, (crc >>> 8) & 0xff, crc & 0xff)]);
}

/** Packets with a time stamp before each (192) or parity behind each (204). */
export function withStride(bytes: Uint8Array, stride: 192 | 204): Uint8Array {
  const packets: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 188) {
    const packet = bytes.subarray(at, at + 188);
    const extra = new Uint8Array(stride - 188).map((_, i) => (at / 188 + i * 71) & 0xff);
    packets.push(...(stride === 192 ? [extra, packet] : [packet, extra]));
  }
  return concatBytes(packets);
}
