/**
 * Muxes one segment as MPEG-TS that can be read alone: tables, then every track's frames by time.
 * In: tracks and frames, as stored segments give them. Out: whole transport packets; the same input gives the
 * same bytes. Pure. ISO/IEC 13818-1, 2.4; RFC 8216bis 3.1.2.
 *
 * Each PID's counter begins at 0, and its packets with a payload come in a multiple of 16: segments may be
 * joined in any order, and no counter ever jumps.
 */
import type { Frame, Track } from '../../frame.ts';
import { PACKET_BYTES } from '../packet.ts';
import {
  type Carriage,
  packetsOf,
  packetsOfSection,
  writePacketOfClock,
  writeSection,
  writeUnit,
} from './muxer-packets.ts';
import { assertTsCarries, FIRST_PID, PAT_PID, PMT_PID, printPat, printPmt } from './muxer-tables.ts';
import { type AccessUnit, accessUnitsOf } from './muxer-units.ts';

/** What becomes one segment. */
export interface SegmentInput {
  /**
   * All tracks of the program, also those without a frame in this segment: the tables are the same in every
   * segment.
   */
  readonly tracks: readonly Track[];
  /**
   * By track id, in decode order. Video: NAL units after lengths of 4 bytes; audio: raw access units; data:
   * ID3 tags.
   */
  readonly frames: ReadonlyMap<number, readonly Frame[]>;
}

/** A counter has 4 bits (2.4.3.3). */
const COUNTS = 16;
/** The clock is sent this often at least, ticks of 90 kHz: 90 ms (2.7.2 requires 100 ms). */
const CLOCK_EVERY = 8100;

/** One item in sending order: a PES packet, or only the clock. */
interface Sent {
  readonly pid: number;
  /** Decode time, ticks of 90 kHz, not wrapped. */
  readonly time: number;
  readonly unit?: AccessUnit;
  /** How the unit's packets begin, and how many there are. */
  readonly carriage?: Carriage;
}

/**
 * One segment of MPEG-TS.
 *
 * @returns a new array of whole packets of 188 bytes
 * @throws OxbowError `unsupported-media` for AV1, VP9, text, metadata other than ID3, and AAC that ADTS
 *   cannot carry
 * @throws FormatError if a NAL unit reaches past its frame, or a record is malformed
 */
export function muxSegment(input: SegmentInput): Uint8Array {
  const { tracks } = input;
  const sent = planSegment(input);
  const clockPid = clockPidOf(tracks);
  const pat = printPat();
  const pmt = printPmt(tracks, clockPid);
  const out = new Uint8Array(lengthOf(sent, pmt));
  const counters = new Map<number, number>();
  let at = 0;
  let tables = 0;
  for (let i = 0; i < sent.length || tables < COUNTS; i++) {
    // The tables come sixteen times, evenly over the output: a receiver may begin in the middle.
    while (tables < COUNTS && tables * sent.length <= i * COUNTS) {
      at = writeSection(out, at, PAT_PID, pat, tables);
      at = writeSection(out, at, PMT_PID, pmt, tables * packetsOfSection(pmt));
      tables++;
    }
    const item = sent[i];
    if (!item) continue;
    const counter = counters.get(item.pid) ?? 0;
    if (item.unit) {
      at = writeUnit(out, at, item.pid, item.unit, item.carriage!, counter);
      counters.set(item.pid, (counter + item.carriage!.packets) % COUNTS);
    } else {
      writePacketOfClock(out, at, item.pid, item.time, (counter + COUNTS - 1) % COUNTS);
      at += PACKET_BYTES;
    }
  }
  return out;
}

/**
 * How long `muxSegment` makes the segment, bytes. Costs little more than a look at each NAL unit's length.
 *
 * @throws OxbowError and FormatError as `muxSegment`
 */
export function muxedLength(input: SegmentInput): number {
  return lengthOf(planSegment(input), printPmt(input.tracks, clockPidOf(input.tracks)));
}

function lengthOf(sent: readonly Sent[], pmt: Uint8Array): number {
  const tables = COUNTS * (1 + packetsOfSection(pmt));
  return PACKET_BYTES * sent.reduce((sum, { carriage }) => sum + (carriage?.packets ?? 1), tables);
}

/**
 * All units of all tracks in the order of their times, with as many packets as make each PID's count a
 * multiple of 16.
 */
function planSegment({ tracks, frames }: SegmentInput): Sent[] {
  assertTsCarries(tracks);
  const clockPid = clockPidOf(tracks);
  const sent: Sent[] = [];
  const clock: number[] = [];
  tracks.forEach((track, index) => {
    const pid = FIRST_PID + index;
    const units = accessUnitsOf(track, frames.get(track.id) ?? [], index);
    const plain = units.map((unit) => carriageOf(unit, pid === clockPid));
    const count = plain.reduce((sum, { packets }) => sum + packets, 0);
    for (const [i, unit] of units.entries()) {
      const spare = i === units.length - 1 ? (COUNTS - (count % COUNTS)) % COUNTS : 0;
      sent.push({ pid, time: unit.dts, unit, carriage: { ...plain[i]!, packets: plain[i]!.packets + spare } });
      if (pid === clockPid) clock.push(unit.dts);
    }
    const last = units.at(-1);
    if (pid === clockPid && last) clock.push(last.dts + last.duration);
  });
  // A segment without frames of the PCR track has packets with only a PCR, over the times of the other
  // tracks.
  if (clock.length === 0 && sent.length > 0) {
    const times = sent.map(({ time }) => time);
    const first = times.reduce((least, time) => Math.min(least, time));
    sent.push({ pid: clockPid, time: first });
    clock.push(
      first,
      times.reduce((most, time) => Math.max(most, time)),
    );
  }
  for (let i = 1; i < clock.length; i++) {
    for (let time = clock[i - 1]! + CLOCK_EVERY; time < clock[i]!; time += CLOCK_EVERY) {
      sent.push({ pid: clockPid, time });
    }
  }
  return sent.sort(
    (a, b) => a.time - b.time || Number(a.unit !== undefined) - Number(b.unit !== undefined) || a.pid - b.pid,
  );
}

/** The first video track has the clock, else the first track. */
function clockPidOf(tracks: readonly Track[]): number {
  return (
    FIRST_PID +
    Math.max(
      0,
      tracks.findIndex((track) => track.kind === 'video'),
    )
  );
}

/** The clock goes with each unit of its track; a unit at which decoding can begin says so. */
function carriageOf(unit: AccessUnit, clock: boolean): Carriage {
  const randomAccess = unit.key && (unit.video || clock);
  return { clock, randomAccess, packets: packetsOf(unit.length, clock, randomAccess) };
}
