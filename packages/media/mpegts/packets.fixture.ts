/**
 * Writes transport streams by hand, for what ffmpeg does not make: damage, odd tables, chosen times.
 * In: tables and PES payloads. Out: packets.
 */

import { BitWriter } from '../bits.ts';
import { concatBytes } from '../bytes.ts';
import { crc32Mpeg } from '../crc32-mpeg.ts';
import type { Frame, Track } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import { createTsDemuxer } from './demuxer.ts';
import type { TsDemuxerOptions } from './demuxer-options.ts';

/** Times of a PES, 90 kHz; 33 bits are taken. */
export interface Times {
  readonly pts?: number;
  readonly dts?: number;
}

/** Writes packets with running continuity counters. */
export class PacketWriter {
  readonly #counters = new Map<number, number>();

  /** One section, alone in its packets. */
  section(pid: number, section: Uint8Array): Uint8Array {
    return this.#packets(pid, concatBytes([Uint8Array.of(0), section]), 0xff);
  }

  /** A PES packet. `bounded` writes PES_packet_length. */
  pes(pid: number, payload: Uint8Array, times: Times, bounded = pid !== VIDEO): Uint8Array {
    return this.#packets(pid, printPes(payload, times, bounded));
  }

  /** Next continuity_counter of a PID. */
  counter(pid: number): number {
    const counter = ((this.#counters.get(pid) ?? -1) + 1) & 15;
    this.#counters.set(pid, counter);
    return counter;
  }

  #packets(pid: number, unit: Uint8Array, fill?: number): Uint8Array {
    const packets: Uint8Array[] = [];
    for (let at = 0; at < unit.length; at += 184) {
      const piece = unit.subarray(at, at + 184);
      const packet = new Uint8Array(188).fill(0xff);
      const stuffing = fill === undefined ? 184 - piece.length : 0;
      packet.set([0x47, (at === 0 ? 0x40 : 0) | (pid >> 8), pid & 0xff, (stuffing ? 0x30 : 0x10) | this.counter(pid)]);
      if (stuffing) packet[4] = stuffing - 1;
      if (stuffing > 1) packet[5] = 0;
      packet.set(piece, 4 + stuffing);
      packets.push(packet);
    }
    return concatBytes(packets);
  }
}

export const PMT = 0x100;
export const VIDEO = 0x101;
export const AUDIO = 0x102;

function printPes(payload: Uint8Array, { pts, dts }: Times, told: boolean): Uint8Array {
  const times = [
    ...(pts === undefined ? [] : printTime(dts === undefined ? 2 : 3, pts)),
    ...(dts === undefined ? [] : printTime(1, dts)),
  ];
  const length = told ? 3 + times.length + payload.length : 0;
  const flags = (pts === undefined ? 0 : 0x80) | (dts === undefined ? 0 : 0x40);
  const header = [0, 0, 1, told ? 0xc0 : 0xe0, length >> 8, length & 0xff, 0x80, flags, times.length, ...times];
  return concatBytes([Uint8Array.from(header), payload]);
}

function printTime(prefix: number, ticks: number): number[] {
  const raw = BigInt.asUintN(33, BigInt(ticks));
  const part = (shift: bigint, bits: bigint) => Number((raw >> shift) & ((1n << bits) - 1n));
  return [
    (prefix << 4) | (part(30n, 3n) << 1) | 1,
    part(22n, 8n),
    (part(15n, 7n) << 1) | 1,
    part(7n, 8n),
    (part(0n, 7n) << 1) | 1,
  ];
}

/** A section with its CRC. */
export function printSection(tableId: number, id: number, body: readonly number[], version = 0): Uint8Array {
  const length = 5 + body.length + 4;
  const head = [tableId, 0xb0 | (length >> 8), length & 0xff, id >> 8, id & 0xff, 0xc1 | (version << 1), 0, 0, ...body];
  const crc = crc32Mpeg(Uint8Array.from(head));
  return Uint8Array.from([...head, crc >>> 24, (crc >>> 16) & 0xff, (crc >>> 8) & 0xff, crc & 0xff]);
}

/** A PAT of `[program number, PMT PID]`. */
export function printPat(programs: readonly (readonly [number, number])[] = [[1, PMT]]): Uint8Array {
  return printSection(
    0,
    1,
    programs.flatMap(([number, pid]) => [number >> 8, number & 0xff, 0xe0 | (pid >> 8), pid & 0xff]),
  );
}

/** A PMT of `[stream_type, PID, language or descriptors]`. */
export function printPmt(
  streams: readonly (readonly [number, number, (string | readonly number[])?])[],
  version = 0,
): Uint8Array {
  const body = streams.flatMap(([type, pid, more = []]) => {
    const letters = typeof more === 'string' ? [...more].map((c) => c.charCodeAt(0)) : [];
    const descriptor = typeof more === 'string' ? [0x0a, 4, ...letters, 0] : more;
    return [type, 0xe0 | (pid >> 8), pid & 0xff, 0xf0, descriptor.length, ...descriptor];
  });
  return printSection(2, 1, [0xe1, 0x01, 0xf0, 0, ...body], version);
}

/** Appends ue(v). */
function ue(bits: BitWriter, value: number): BitWriter {
  const length = 32 - Math.clz32(value + 1);
  return bits.u(0, length - 1).u(value + 1, length);
}

/** A baseline H.264 SPS of the given size in macroblocks. */
export function printSps(widthMbs = 4, heightMbs = 3): Uint8Array {
  const bits = new BitWriter().u(0x67, 8).u(66, 8).u(0xc0, 8).u(30, 8);
  for (const value of [0, 0, 0, 0, 1]) ue(bits, value); // id, frame_num, poc type, poc lsb, ref frames
  bits.u(0, 1);
  ue(ue(bits, widthMbs - 1), heightMbs - 1);
  return bits.u(1, 1).u(1, 1).u(0, 1).u(0, 1).u(1, 1).finish();
}

export const PPS = Uint8Array.of(0x68, 0xce, 0x38, 0x80);

/** An access unit in byte stream format. */
export function printUnit(...nals: readonly Uint8Array[]): Uint8Array {
  return concatBytes(nals.flatMap((nal) => [Uint8Array.of(0, 0, 0, 1), nal]));
}

/**
 * A slice NAL unit that no decoder would like: IDR or not, the first of its picture or not, filled to `size`.
 */
export function printSlice(idr: boolean, size = 40, first = true): Uint8Array {
  return new Uint8Array(size)
    .fill(0x55)
    .fill(idr ? 0x65 : 0x41, 0, 1)
    .fill(first ? 0x9a : 0x5a, 1, 2);
}

/** An ADTS frame of AAC-LC, `size` bytes of payload. */
export function printAdts(size: number, rateIndex = 3, channels = 2): Uint8Array {
  const total = size + 7;
  const bits = new BitWriter().u(0xfff1, 16).u(1, 2).u(rateIndex, 4).u(0, 1).u(channels, 3).u(0, 4);
  bits.u(total, 13).u(0x7ff, 11).u(0, 2);
  return concatBytes([bits.finish(), new Uint8Array(size).fill(0x21)]);
}

/** What a demuxer delivered. */
export interface Delivered {
  readonly tracks: (readonly Track[])[];
  readonly frames: Frame[];
  readonly damage: string[];
  readonly leftOut: (readonly LeftOutTrack[])[];
}

/** A demuxer that collects. */
export function collect(options: TsDemuxerOptions = {}) {
  const delivered: Delivered = { tracks: [], frames: [], damage: [], leftOut: [] };
  const demuxer = createTsDemuxer(
    {
      tracks: (tracks) => delivered.tracks.push(tracks),
      frame: (frame) => delivered.frames.push(frame),
      damage: (reason) => delivered.damage.push(reason),
      leftOut: (tracks) => delivered.leftOut.push(tracks),
    },
    options,
  );
  return { ...delivered, demuxer };
}

/** What a whole stream gives, pushed in pieces of `size`. */
export function demuxAll(bytes: Uint8Array, size: number = bytes.length, options: TsDemuxerOptions = {}): Delivered {
  const { demuxer, ...delivered } = collect(options);
  for (let at = 0; at < bytes.length; at += size) demuxer.push(bytes.subarray(at, at + size));
  demuxer.flush();
  return delivered;
}
