/**
 * Writes transport packets: sections, PES packets, and packets with only the clock.
 * In: a section, or an access unit and how it is carried. Out: bytes in the caller's buffer. ISO/IEC 13818-1,
 * 2.4.3.2 to 2.4.3.7. Pure.
 */
import { PACKET_BYTES } from '../packet.ts';
import { TURN } from '../timestamps.ts';
import { type AccessUnit, writePayload } from './muxer-units.ts';

/** Bytes of a packet behind its header. */
const ROOM_BYTES = PACKET_BYTES - 4;
/**
 * The clock runs this far behind the decode times, so that media is there before it is due: 200 ms of 90 kHz.
 */
const DELAY = 18_000;

/** Bytes of a PES header with two times. */
const MAX_PES_HEADER = 19;

/** How the packets of one PES packet begin, and how many there are. */
export interface Carriage {
  /** The first packet has the program clock reference. */
  readonly clock: boolean;
  /** The first packet has the random_access_indicator. */
  readonly randomAccess: boolean;
  /** At least `packetsOf`, at most one for each byte. */
  readonly packets: number;
}

/** Least number of packets for a PES packet of `length` bytes, its header included. */
export function packetsOf(length: number, clock: boolean, randomAccess: boolean): number {
  const first = ROOM_BYTES - leadBytes(clock, randomAccess);
  return length <= first ? 1 : 1 + Math.ceil((length - first) / ROOM_BYTES);
}

/** Bytes of the adaptation field before any stuffing. */
function leadBytes(clock: boolean, randomAccess: boolean): number {
  if (clock) return 8;
  return randomAccess ? 2 : 0;
}

/** How many packets a section takes, the pointer_field before it included (2.4.4.1). */
export function packetsOfSection(section: Uint8Array): number {
  return Math.ceil((1 + section.length) / ROOM_BYTES);
}

/**
 * Writes all packets of one section.
 *
 * @param counter of the first packet
 * @returns where the next packet goes
 */
export function writeSection(
  out: Uint8Array,
  start: number,
  pid: number,
  section: Uint8Array,
  counter: number,
): number {
  const packets = packetsOfSection(section);
  const end = start + packets * PACKET_BYTES;
  out.fill(0xff, start, end);
  let done = 0;
  for (let i = 0; i < packets; i++) {
    const at = start + i * PACKET_BYTES;
    writeHeader(out, at, pid, i === 0, 0x10 | ((counter + i) & 0x0f));
    const lead = i === 0 ? 1 : 0;
    if (i === 0) out[at + 4] = 0; // pointer_field: the section begins here
    const take = Math.min(section.length - done, ROOM_BYTES - lead);
    out.set(section.subarray(done, done + take), at + 4 + lead);
    done += take;
  }
  return end;
}

/**
 * Writes one packet with the clock and no payload.
 *
 * @param time decode time to which the clock belongs, ticks of 90 kHz
 * @param counter that of the last packet with a payload: this one does not count (2.4.3.3)
 */
export function writePacketOfClock(out: Uint8Array, at: number, pid: number, time: number, counter: number): void {
  writeHeader(out, at, pid, false, 0x20 | counter);
  writeAdaptation(out, at + 4, ROOM_BYTES, 0x10, time);
}

/**
 * Writes all packets of one PES packet.
 *
 * @param counter of the first packet
 * @returns where the next packet goes
 */
export function writeUnit(
  out: Uint8Array,
  start: number,
  pid: number,
  unit: AccessUnit,
  { clock, randomAccess, packets }: Carriage,
  counter: number,
): number {
  const pes = new Uint8Array(unit.length);
  writePayload(unit, pes);
  const isPlain = packets === packetsOf(unit.length, clock, randomAccess);
  let at = start;
  let done = 0;
  for (let i = 0; i < packets; i++) {
    const lead = i === 0 ? leadBytes(clock, randomAccess) : 0;
    const left = unit.length - done;
    const behind = packets - i - 1;
    // Spread evenly, with the whole PES header in the first packet where there are bytes enough for the
    // others.
    const even = Math.max(Math.ceil(left / (behind + 1)), i === 0 ? Math.min(MAX_PES_HEADER, left - behind) : 0);
    const take = Math.min(isPlain ? left : even, ROOM_BYTES - lead);
    const adaptation = ROOM_BYTES - take;
    writeHeader(out, at, pid, i === 0, (adaptation > 0 ? 0x30 : 0x10) | ((counter + i) & 0x0f));
    const flags = i === 0 ? (randomAccess ? 0x40 : 0) | (clock ? 0x10 : 0) : 0;
    if (adaptation > 0) writeAdaptation(out, at + 4, adaptation, flags, unit.dts);
    out.set(pes.subarray(done, done + take), at + 4 + adaptation);
    done += take;
    at += PACKET_BYTES;
  }
  return at;
}

function writeHeader(out: Uint8Array, at: number, pid: number, starts: boolean, controlAndCounter: number): void {
  out[at] = 0x47;
  out[at + 1] = (starts ? 0x40 : 0) | (pid >> 8);
  out[at + 2] = pid & 0xff;
  out[at + 3] = controlAndCounter;
}

/** adaptation_field (2.4.3.4) of `bytes` bytes, its length byte included; filled up with stuffing. */
function writeAdaptation(out: Uint8Array, at: number, bytes: number, flags: number, time: number): void {
  out[at] = bytes - 1;
  if (bytes === 1) return;
  out[at + 1] = flags;
  let to = at + 2;
  if (flags & 0x10) {
    const base = wrapped(time - DELAY);
    const low = base % 2 ** 25; // 8 bits above it go to the first byte
    out[to] = Math.floor(base / 2 ** 25);
    out[to + 1] = low >> 17;
    out[to + 2] = low >> 9;
    out[to + 3] = low >> 1;
    out[to + 4] = ((low & 1) << 7) | 0x7e; // reserved bits, extension 0
    out[to + 5] = 0;
    to += 6;
  }
  out.fill(0xff, to, at + bytes);
}

function wrapped(time: number): number {
  return ((time % TURN) + TURN) % TURN;
}
