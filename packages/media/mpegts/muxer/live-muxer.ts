/**
 * Muxes live frames as one endless MPEG-TS: a receiver may join at any key frame.
 * In: the tracks of each run, and frames in the order in which they come. Out: payloads of at most seven
 * packets for UDP and SRT. Tables come before each key frame and every 100 ms, the clock with each frame of
 * its track and at least every 90 ms. Counters and times continue over runs: times are UTC, and a run whose
 * UTC was measured better than that of the one before it begins where that one has ended. ISO/IEC 13818-1,
 * 2.4 and 2.7.
 */
import type { Frame, Track } from '../../frame.ts';
import { type Run, usToTicks } from '../../run.ts';
import { PACKET_BYTES } from '../packet.ts';
import { PES_TIMESCALE } from '../timestamps.ts';
import { packetsOf, packetsOfSection, writePacketOfClock, writeSection, writeUnit } from './muxer-packets.ts';
import { canTsCarry, FIRST_PID, PAT_PID, PMT_PID, printPat, printPmt } from './muxer-tables.ts';
import { type AccessUnit, fitsPes, unitMaker } from './muxer-units.ts';

/** Bytes of a full payload: seven packets fit into a datagram of Ethernet. */
export const PAYLOAD_BYTES: number = 7 * PACKET_BYTES;
/** Interval of the tables without a key frame, ticks of 90 kHz: 100 ms. */
const TABLES_EVERY = 9000;
/** The clock is sent this often at least, ticks of 90 kHz: 90 ms (2.7.2 allows 100 ms). */
const CLOCK_EVERY = 8100;
/**
 * Sound of the previous run may reach beyond its pictures by this much, and delays the next run, ticks of 90
 * kHz: 250 ms.
 */
const MAX_OVERLAP = 22_500;
/** PMT versions (2.4.4.9). */
const VERSIONS = 32;
const COUNTS = 16;

interface Stream {
  readonly pid: number;
  readonly unitOf: (frame: Frame) => AccessUnit;
}

/** A muxer for one receiver, or for several that get the same bytes. */
export class LiveTsMuxer {
  readonly #write: (payload: Uint8Array) => void;
  readonly #pat = printPat();
  readonly #counters = new Map<number, number>();
  #pmt: Uint8Array | undefined;
  #version = -1;
  #streams: ReadonlyMap<number, Stream> = new Map();
  #clockPid = 0;
  /** From the timeline of the run to that of the output, ticks. */
  #shift = { ticks: 0 };
  /** The next frame is the first one of its run. */
  #isFirst = true;
  /** Where the frames of the clock's track and those of all others end, ticks of the output. */
  #clockEnd = Number.NEGATIVE_INFINITY;
  #otherEnd = Number.NEGATIVE_INFINITY;
  #tablesAt = Number.NEGATIVE_INFINITY;
  #clockAt = Number.NEGATIVE_INFINITY;
  #payload = new Uint8Array(PAYLOAD_BYTES);
  #filled = 0;
  #scratch = new Uint8Array(0);

  /** @param write gets each payload: whole packets, at most 1,316 bytes; valid only during the call */
  constructor(write: (payload: Uint8Array) => void) {
    this.#write = write;
  }

  /**
   * Begins a run. Call it before its first frame, not for a soft re-anchor.
   *
   * @returns the tracks that MPEG-TS can carry; their frames are muxed, others are left out
   * @throws FormatError if a configuration is malformed
   */
  startRun(tracks: readonly Track[], { utcOffsetUs }: Pick<Run, 'utcOffsetUs'>): readonly Track[] {
    this.flush();
    const carried = tracks.filter(canTsCarry);
    this.#shift = { ticks: usToTicks(utcOffsetUs, PES_TIMESCALE) };
    this.#isFirst = true;
    const clockIndex = Math.max(
      0,
      carried.findIndex(({ kind }) => kind === 'video'),
    );
    this.#clockPid = FIRST_PID + clockIndex;
    this.#version = (this.#version + 1) % VERSIONS;
    this.#pmt = carried.length > 0 ? printPmt(carried, this.#clockPid, this.#version) : undefined;
    this.#streams = new Map(
      carried.map((track, index) => [
        track.id,
        {
          pid: FIRST_PID + index,
          unitOf: unitMaker(track, index, this.#shift),
        },
      ]),
    );
    this.#tablesAt = this.#clockAt = Number.NEGATIVE_INFINITY;
    return carried;
  }

  /**
   * Muxes a frame; one of a track that is left out, or of data that is too long, is ignored. Complete units
   * are written at once with each video frame.
   *
   * @throws FormatError if a NAL unit reaches past its frame
   */
  frame(frame: Frame): void {
    const stream = this.#streams.get(frame.trackId);
    if (!stream || !this.#pmt) return;
    const { pid } = stream;
    const isClock = pid === this.#clockPid;
    if (this.#isFirst) this.#join(stream.unitOf(frame));
    const unit = stream.unitOf(frame);
    if (!unit.video && !fitsPes(unit.length)) return;
    if (isClock) this.#clockEnd = Math.max(this.#clockEnd, unit.dts + unit.duration);
    else this.#otherEnd = Math.max(this.#otherEnd, unit.pts + unit.duration);
    const randomAccess = unit.key && (unit.video || isClock);
    // Before they are due: the next frame comes a frame later.
    const sinceTables = Math.abs(unit.dts + unit.duration - this.#tablesAt);
    if (sinceTables > TABLES_EVERY || (unit.video && unit.key)) this.#tables(this.#pmt, unit.dts);
    if (!isClock && unit.dts + unit.duration - this.#clockAt > CLOCK_EVERY) this.#clock(unit.dts);
    if (isClock) this.#clockAt = Math.max(this.#clockAt, unit.dts);
    const packets = packetsOf(unit.length, isClock, randomAccess);
    const bytes = this.#room(packets);
    const counter = this.#counters.get(pid) ?? 0;
    writeUnit(bytes, 0, pid, unit, { clock: isClock, randomAccess, packets }, counter);
    this.#counters.set(pid, (counter + packets) % COUNTS);
    this.#add(bytes, packets);
    if (unit.video || this.#streams.size === 1) this.flush();
  }

  /**
   * Begins a run after what was sent: receivers drop what is before it, up to the next key frame. The UTC of
   * a run is measured while it is sent, so the next one may begin earlier than this one has ended.
   */
  #join({ dts, pts }: AccessUnit): void {
    this.#isFirst = false;
    const overlap = Math.min(MAX_OVERLAP, this.#otherEnd - pts);
    const late = Math.max(0, this.#clockEnd - dts, overlap);
    this.#shift.ticks += late;
    this.#clockEnd = this.#otherEnd = Number.NEGATIVE_INFINITY;
  }

  /** Writes the packets that do not fill a payload yet. */
  flush(): void {
    if (this.#filled === 0) return;
    const payload = this.#payload.subarray(0, this.#filled);
    this.#filled = 0;
    this.#write(payload);
  }

  #tables(pmt: Uint8Array, at: number): void {
    this.#tablesAt = at;
    this.#section(PAT_PID, this.#pat);
    this.#section(PMT_PID, pmt);
  }

  #section(pid: number, section: Uint8Array): void {
    const packets = packetsOfSection(section);
    const bytes = this.#room(packets);
    const counter = this.#counters.get(pid) ?? 0;
    writeSection(bytes, 0, pid, section, counter);
    this.#counters.set(pid, (counter + packets) % COUNTS);
    this.#add(bytes, packets);
  }

  #clock(time: number): void {
    // Before the first frame of the clock's track, and while it pauses.
    this.#clockAt = time;
    const bytes = this.#room(1);
    const counter = this.#counters.get(this.#clockPid) ?? 0;
    writePacketOfClock(bytes, 0, this.#clockPid, time, (counter + COUNTS - 1) % COUNTS);
    this.#add(bytes, 1);
  }

  #room(packets: number): Uint8Array {
    const size = packets * PACKET_BYTES;
    if (this.#scratch.length < size) this.#scratch = new Uint8Array(2 * size);
    return this.#scratch;
  }

  /** Adds packets to payloads, and writes the full ones. */
  #add(bytes: Uint8Array, packets: number): void {
    const size = packets * PACKET_BYTES;
    for (let at = 0; at < size; ) {
      const take = Math.min(PAYLOAD_BYTES - this.#filled, size - at);
      this.#payload.set(bytes.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      if (this.#filled === PAYLOAD_BYTES) this.flush();
    }
  }
}
