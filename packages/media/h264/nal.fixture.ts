/**
 * NAL units for tests of H.264 and HEVC, and their parts: Exp-Golomb codes, emulation prevention, and what a
 * reader of broken bytes may throw.
 * In: values, bytes. Out: bits, bytes. Pure.
 */
import assert from 'node:assert/strict';
import { BitWriter } from '../bits.ts';
import { FormatError } from '../errors.ts';

/** Writes ue(v) for each value. */
export function ues(bits: BitWriter, ...values: number[]): BitWriter {
  for (const value of values) {
    const length = 32 - Math.clz32(value + 1);
    bits.u(0, length - 1).u(value + 1, length);
  }
  return bits;
}

/** Inserts emulation prevention. */
export function escaped(rbsp: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const byte of rbsp) {
    if (out.length >= 2 && out.at(-1) === 0 && out.at(-2) === 0 && byte <= 3) out.push(3);
    out.push(byte);
  }
  return Uint8Array.from(out);
}

/** What a sequence parameter set says. */
export interface SpsShape {
  readonly profile?: number;
  /** chroma_format_idc, and bits of samples; of profiles that have them. */
  readonly chroma?: number;
  readonly bits?: number;
  /** Macroblocks; the height is even. */
  readonly widthMbs?: number;
  readonly heightMbs?: number;
  /** frame_mbs_only_flag is 0, and mb_adaptive_frame_field_flag. */
  readonly allowsFields?: boolean;
  readonly adaptive?: boolean;
  /** Width and height of a sample. */
  readonly aspect?: readonly [width: number, height: number];
  /** Picture timing messages have pic_struct. */
  readonly structs?: boolean;
  /** Bits of each of the two delays in picture timing messages, after an HRD; 0: no HRD. */
  readonly delays?: number;
}

/** A picture parameter set of CAVLC with id 0. */
export const PPS = Uint8Array.of(0x68, 0xee, 0x3c, 0x80);

/** A sequence parameter set with id 0, frame_num of 4 and pic_order_cnt_lsb of 8 bits. */
export function printSpsOf(shape: SpsShape = {}): Uint8Array {
  const {
    profile = 77,
    chroma = 1,
    bits: depth = 8,
    widthMbs = 4,
    heightMbs = 4,
    adaptive = false,
    delays = 0,
  } = shape;
  const { allowsFields = false, structs = false, aspect } = shape;
  const bits = new BitWriter().u(0x67, 8).u(profile, 8).u(0, 8).u(30, 8);
  ues(bits, 0);
  if (profile >= 100) {
    ues(bits, chroma);
    if (chroma === 3) bits.u(0, 1);
    ues(bits, depth - 8, depth - 8).u(0, 2);
  }
  ues(bits, 0, 0, 4, 2).u(0, 1);
  ues(bits, widthMbs - 1, heightMbs / (allowsFields ? 2 : 1) - 1).u(allowsFields ? 0 : 1, 1);
  if (allowsFields) bits.u(adaptive ? 1 : 0, 1);
  bits.u(1, 1).u(0, 1).u(1, 1); // direct, no cropping; a VUI
  bits.u(aspect ? 1 : 0, 1);
  if (aspect) bits.u(255, 8).u(aspect[0], 16).u(aspect[1], 16);
  bits.u(0, 4); // without overscan, colours, chroma place, timing
  bits.u(delays > 0 ? 1 : 0, 1);
  if (delays > 0) {
    ues(bits, 0).u(0, 8);
    ues(bits, 10, 10).u(0, 1).u(0, 5);
    for (let i = 0; i < 2; i++) bits.u(delays - 1, 5);
    bits.u(0, 5);
  }
  bits.u(0, 1); // no second HRD
  if (delays > 0) bits.u(0, 1);
  return escaped(
    bits
      .u(structs ? 1 : 0, 1)
      .u(0, 1)
      .u(1, 1)
      .finish(),
  );
}

/** The first slice of a picture of such a sequence: an IDR, of a frame or a top field. */
export function printSliceOf({ allowsFields = false }: SpsShape, field?: 'top'): Uint8Array {
  const bits = ues(new BitWriter().u(0x65, 8), 0, 7, 0).u(0, 4);
  if (allowsFields) bits.u(field ? 1 : 0, 1);
  if (field) bits.u(0, 1);
  return escaped(ues(bits, 0).u(0, 8).u(1, 1).finish());
}

/** Runs a reader, which may throw a FormatError and nothing else. */
export function attempt(read: () => void): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof FormatError, String(error));
  }
}
