/**
 * Splice sections written by hand.
 * In: what is to be spliced. Out: a splice_info_section with its CRC. Used by tests only. ANSI/SCTE 35, 9.6
 * and 9.7.
 */
import { BitWriter } from '../bits.ts';
import { concatBytes } from '../bytes.ts';
import { crc32Mpeg } from '../crc32-mpeg.ts';

/** A section of any command. */
export interface SectionPlan {
  readonly type: number;
  readonly command: Uint8Array;
  readonly descriptors?: Uint8Array;
  /** Ticks of 90 kHz. */
  readonly adjustment?: number;
  readonly encrypted?: boolean;
}

function u33(bits: BitWriter, value: number): void {
  bits.u(value >= 2 ** 32 ? 1 : 0, 1).u(value % 2 ** 32, 32);
}

/** Writes a section. */
export function printSection(plan: SectionPlan): Uint8Array {
  const { type, command, descriptors = new Uint8Array(0), adjustment = 0, encrypted = false } = plan;
  const bits = new BitWriter();
  const length = 11 + command.length + 2 + descriptors.length + 4;
  bits
    .u(0xfc, 8)
    .u(0x3, 4)
    .u(length, 12)
    .u(0, 8)
    .u(encrypted ? 1 : 0, 1)
    .u(0, 6);
  u33(bits, adjustment);
  bits.u(0, 8).u(0xfff, 12).u(command.length, 12).u(type, 8);
  const tail = new BitWriter().u(descriptors.length, 16).finish();
  const body = concatBytes([bits.finish(), command, tail, descriptors]);
  return concatBytes([body, new BitWriter().u(crc32Mpeg(body), 32).finish()]);
}

function spliceTime(bits: BitWriter, pts: number | undefined): void {
  if (pts === undefined) {
    bits.u(0x7f, 8);
    return;
  }
  bits.u(0x7f, 7);
  u33(bits, pts % 2 ** 33);
}

/** splice_insert() of a whole program. */
export function spliceInsert(plan: {
  readonly eventId: number;
  readonly out: boolean;
  readonly pts?: number;
  /** Ticks of 90 kHz. */
  readonly duration?: number;
  readonly adjustment?: number;
}): Uint8Array {
  const { eventId, out, pts, duration, adjustment = 0 } = plan;
  const bits = new BitWriter().u(eventId, 32).u(0x7f, 8);
  bits
    .u(out ? 1 : 0, 1)
    .u(1, 1)
    .u(duration === undefined ? 0 : 1, 1)
    .u(pts === undefined ? 1 : 0, 1)
    .u(0xf, 4);
  if (pts !== undefined) spliceTime(bits, pts);
  if (duration !== undefined) u33(bits.u(0x7f, 7), duration);
  bits.u(1, 16).u(0, 16);
  return printSection({ type: 5, command: bits.finish(), adjustment });
}

/** time_signal() with segmentation descriptors. */
export function timeSignal(
  pts: number | undefined,
  segmentations: readonly { readonly eventId: number; readonly type: number; readonly duration?: number }[],
): Uint8Array {
  const command = new BitWriter();
  spliceTime(command, pts);
  const descriptors = segmentations.map(({ eventId, type, duration }) => {
    const bits = new BitWriter().u(0x43554549, 32).u(eventId, 32).u(0x7f, 8);
    bits
      .u(1, 1)
      .u(duration === undefined ? 0 : 1, 1)
      .u(0x3f, 6);
    if (duration !== undefined) bits.u(Math.floor(duration / 2 ** 32), 8).u(duration % 2 ** 32, 32);
    bits.u(0, 8).u(0, 8).u(type, 8).u(0, 8).u(0, 8);
    const body = bits.finish();
    return concatBytes([Uint8Array.of(2, body.length), body]);
  });
  return printSection({ type: 6, command: command.finish(), descriptors: concatBytes(descriptors) });
}
