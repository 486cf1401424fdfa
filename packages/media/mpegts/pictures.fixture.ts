/**
 * H.264 in field pictures, which no free encoder makes: each frame an intra field of raw samples, and a field
 * that repeats it.
 * In: how many frames. Out: access units in byte stream format that any decoder reads. ITU-T H.264, 7.3; raw
 * samples: 7.3.5 (I_PCM). And repacketized transport streams: PES packets with several access units, or with
 * pieces of them.
 */
import { BitWriter } from '../bits.ts';
import { concatBytes } from '../bytes.ts';
import { PacketWriter, PMT, printPat, printPmt, type Times, VIDEO } from './packets.fixture.ts';
import { PesAssembler } from './pes.ts';

const MACROBLOCKS = 8; // of a field of 64x32
const IDR_EVERY = 8;

function ue(bits: BitWriter, value: number): BitWriter {
  const length = 32 - Math.clz32(value + 1);
  return bits.u(0, length - 1).u(value + 1, length);
}

/** The NAL unit of an RBSP: trailing bit, emulation prevention, header. */
function nal(header: number, bits: BitWriter, tail: Uint8Array = new Uint8Array(0)): Uint8Array {
  bits.u(1, 1);
  const rbsp = concatBytes([bits.finish(), tail]);
  const out = [header];
  let zeros = 0;
  for (const byte of rbsp) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(out);
}

/** Main profile, 64x64, fields. */
export function fieldSps(): Uint8Array {
  const bits = new BitWriter().u(77, 8).u(0, 8).u(30, 8);
  for (const value of [0, 0, 0, 4, 2]) ue(bits, value); // id, frame_num of 4 bits, poc type 0 of 8 bits, reference frames
  ue(ue(bits.u(0, 1), 3), 1);
  return nal(0x67, bits.u(0, 1).u(0, 1).u(1, 1).u(0, 1).u(0, 1)); // fields, no MBAFF, direct 8x8, no cropping, no VUI
}

/** CAVLC, one slice group. */
export function fieldPps(): Uint8Array {
  const bits = ue(ue(new BitWriter(), 0), 0).u(0, 2);
  for (const value of [0, 0, 0]) ue(bits, value);
  bits.u(0, 1).u(0, 2);
  for (const value of [0, 0, 0]) ue(bits, value); // QP, all 0
  return nal(0x68, bits.u(0, 3));
}

/** SEI with a recovery point of recovery_frame_cnt 0. */
export const RECOVERY_POINT = Uint8Array.of(6, 6, 1, 0xc4, 0x80);

/** A frame in two field pictures. */
export interface FieldFrame {
  readonly top: Uint8Array;
  readonly bottom: Uint8Array;
  readonly idr: boolean;
}

/** NAL units of `count` frames: an IDR each 8, and an intra field first in all others. */
export function fieldFrames(count: number): FieldFrame[] {
  return Array.from({ length: count }, (_, i) => {
    const since = i % IDR_EVERY;
    return { top: intraField(since, i), bottom: repeatedField(since), idr: since === 0 };
  });
}

function head(since: number, type: number, bottom: boolean, idr: boolean): BitWriter {
  const bits = ue(ue(ue(new BitWriter(), 0), type), 0); // first_mb_in_slice, slice_type, PPS
  bits.u(since, 4).u(1, 1).u(Number(bottom), 1);
  if (idr) ue(bits, 0);
  return bits.u(2 * since + Number(bottom), 8);
}

function intraField(since: number, seed: number): Uint8Array {
  const idr = since === 0;
  const bits = head(since, 7, false, idr).u(0, idr ? 2 : 1);
  ue(bits, 0); // slice_qp_delta
  for (let block = 0; block < MACROBLOCKS; block++) {
    ue(bits, 25);
    while (bits.length % 8 !== 0) bits.u(0, 1);
    for (let i = 0; i < 384; i++) bits.u(1 + ((seed * 31 + block * 7 + i) % 250), 8);
  }
  return nal(idr ? 0x65 : 0x61, bits);
}

function repeatedField(since: number): Uint8Array {
  const bits = head(since, 5, true, false).u(0, 1).u(0, 1).u(0, 1); // no overrides, no sliding window changes
  ue(ue(bits, 0), MACROBLOCKS); // slice_qp_delta, mb_skip_run
  return nal(0x61, bits);
}

/** One PES of a stream. */
export interface Pes {
  readonly payload: Uint8Array;
  readonly times: Times;
}

/** PES packets of the PID, whole. */
export function pesOf(bytes: Uint8Array, pid: number): Pes[] {
  const found: Pes[] = [];
  const assembler = new PesAssembler({
    header: () => {},
    unit({ pts, dts }, data, from, to) {
      const times = pts === undefined ? {} : dts === undefined || dts === pts ? { pts } : { pts, dts };
      found.push({ payload: data.slice(from, to), times });
    },
    lost: (reason) => {
      throw new Error(reason);
    },
    late: () => {},
  });
  for (let at = 0; at < bytes.length; at += 188) {
    if ((((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!) !== pid || (bytes[at + 3]! & 0x10) === 0) continue;
    const from = at + 4 + (bytes[at + 3]! & 0x20 ? 1 + bytes[at + 4]! : 0);
    if (bytes[at + 1]! & 0x40) assembler.start(bytes, from, at + 188);
    else assembler.append(bytes, from, at + 188);
  }
  assembler.finish();
  return found;
}

/** A transport stream of one video track with these PES packets. */
export function streamOf(pes: readonly Pes[], { type = 0x1b, told = false } = {}): Uint8Array {
  const writer = new PacketWriter();
  const head = [writer.section(0, printPat()), writer.section(PMT, printPmt([[type, VIDEO]]))];
  return concatBytes([...head, ...pes.map(({ payload, times }) => writer.pes(VIDEO, payload, times, told))]);
}

/** `size` access units in each PES, with the times of the first. */
export function grouped(pes: readonly Pes[], size: number): Pes[] {
  const groups: Pes[] = [];
  for (let at = 0; at < pes.length; at += size) {
    const payload = concatBytes(pes.slice(at, at + size).map((one) => one.payload));
    groups.push({ payload, times: pes[at]!.times });
  }
  return groups;
}

/**
 * PES packets of `size` bytes, wherever that cuts, each with the times of the first access unit that begins
 * in it.
 */
export function recut(pes: readonly Pes[], size: number): Pes[] {
  const whole = concatBytes(pes.map((one) => one.payload));
  const starts: { at: number; times: Times }[] = [];
  let offset = 0;
  for (const { payload, times } of pes) {
    starts.push({ at: offset, times });
    offset += payload.length;
  }
  return Array.from({ length: Math.ceil(whole.length / size) }, (_, i) => {
    const [from, to] = [i * size, Math.min(whole.length, (i + 1) * size)];
    const first = starts.find(({ at }) => at >= from && at < to);
    return { payload: whole.slice(from, to), times: first?.times ?? {} };
  });
}
