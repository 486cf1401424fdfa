/**
 * Parts of NAL units for tests of H.264 and HEVC: Exp-Golomb codes, emulation prevention, and what a reader of broken bytes may throw.
 * In: values, bytes. Out: bits, bytes. Pure.
 */
import assert from 'node:assert/strict';
import type { BitWriter } from '../../lib/bits.ts';
import { FormatError } from '../../lib/errors.ts';

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

/** Runs a reader, which may throw a FormatError and nothing else. */
export function attempt(read: () => void): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof FormatError, String(error));
  }
}
