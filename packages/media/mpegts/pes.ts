/**
 * Packetized elementary stream: assembles the packets of one PID into PES units with timestamps.
 * In: payloads of transport packets, in order. Out: PES payloads in memory that may be kept. ISO/IEC 13818-1,
 * 2.4.3.6 and 2.4.3.7.
 */
import { FormatError } from '../errors.ts';
import type { FrameMemory } from './demuxer-options.ts';

const MAX_PES_BYTES = 8 * 1024 * 1024;
const MIN_SLAB_BYTES = 16 * 1024;
const MAX_SLAB_BYTES = 1024 * 1024;
/** Slab size: a slab is freed with its last unit, so it should not span minutes of audio. */
const PES_PER_SLAB = 5;
/** The same of memory that is given: it is used again after a segment. */
const PES_PER_GIVEN = 16;
const MAX_GIVEN_BYTES = 128 * 1024;
/**
 * A payload of at least this many bytes leaves room for an adaptation field with a PCR only; a shorter one
 * has stuffing before it.
 */
const FULL_BYTES = 176;
/** Spare bytes before each PES, so that a sample can be built in place (toSample). */
const HEADROOM = 32;

/** The optional PES header. */
export interface PesHeader {
  /** Bytes from the start code to the payload. */
  readonly bytes: number;
  /** Length of the PES from its start code; undefined if unbounded. */
  readonly total: number | undefined;
  /** 33 bits of 90 kHz, or undefined. */
  readonly pts: number | undefined;
  /** 33 bits of 90 kHz; equal to `pts` if the header has none. */
  readonly dts: number | undefined;
}

/** A header that is written again for each PES packet of a PID. */
type OwnHeader = { -readonly [Field in keyof PesHeader]: PesHeader[Field] };

function emptyHeader(): OwnHeader {
  return { bytes: 0, total: undefined, pts: undefined, dts: undefined };
}

/**
 * Parses the header of a PES packet; undefined while it is incomplete.
 *
 * @param into is written and returned; default: a new one
 * @throws FormatError if it is not a PES packet of audio or video, or marker bits are wrong
 */
export function parsePesHeader(
  bytes: Uint8Array,
  from: number,
  to: number,
  into: OwnHeader = emptyHeader(),
): PesHeader | undefined {
  if (to - from < 9) return undefined;
  if (bytes[from] !== 0 || bytes[from + 1] !== 0 || bytes[from + 2] !== 1)
    throw new FormatError('no PES start code', from);
  const streamId = bytes[from + 3]!;
  const isMedia = streamId >= 0xc0 && streamId <= 0xef;
  // private_stream_1, metadata, extended stream id
  const isSupported = isMedia || streamId === 0xbd || streamId === 0xfc || streamId === 0xfd;
  if (!isSupported || (bytes[from + 6]! & 0xc0) !== 0x80)
    throw new FormatError(`PES of stream id ${streamId} is not media`, from);
  const length = (bytes[from + 4]! << 8) | bytes[from + 5]!;
  const flags = bytes[from + 7]!;
  const header = 9 + bytes[from + 8]!;
  if (to - from < header) return undefined;
  const total = length === 0 ? undefined : 6 + length;
  if (total !== undefined && total < header) throw new FormatError('PES shorter than its header', from);
  const hasDts = (flags & 0x40) !== 0;
  const hasTimes = (flags & 0x80) !== 0;
  if (hasTimes && header < (hasDts ? 19 : 14)) throw new FormatError('PES header too short for its times', from);
  into.bytes = header;
  into.total = total;
  into.pts = hasTimes ? parseTime(bytes, from + 9) : undefined;
  into.dts = hasTimes && hasDts ? parseTime(bytes, from + 14) : into.pts;
  return into;
}

function parseTime(bytes: Uint8Array, at: number): number {
  const a = bytes[at]!;
  const b = bytes[at + 1]!;
  const c = bytes[at + 2]!;
  const d = bytes[at + 3]!;
  const e = bytes[at + 4]!;
  if ((a & c & e & 1) !== 1) throw new FormatError('PES time with a wrong marker bit', at);
  return ((a >> 1) & 7) * 2 ** 30 + ((b << 22) | ((c >> 1) << 15) | (d << 7) | (e >> 1));
}

// Word view of the last input bytes, shared by all PIDs of an input.
const noBytes: Uint8Array = new Uint8Array(0);
const noWords: Int32Array = new Int32Array(0);
let viewed = noBytes;
let words = noWords;

/** Receives the units of one PID. */
export interface PesSink {
  /**
   * A unit began; its payload follows in `unit`, unless it is damaged.
   *
   * @param header here and in `unit` valid only during the call
   * @param bytes from `from` to `to` the first bytes of the payload; valid only during the call
   */
  header(header: PesHeader, bytes: Uint8Array, from: number, to: number): void;
  /**
   * A complete unit. `bytes` belongs to the sink from `from - 32` to `to`, and may be kept and changed there.
   *
   * @param from first byte of the payload
   */
  unit(header: PesHeader, bytes: Uint8Array, from: number, to: number): void;
  /**
   * A unit was dropped: packets were lost or it was malformed. Or bytes of it came after `settle` had
   * delivered it.
   */
  lost(reason: string): void;
  /** Bytes that came after `settle` had delivered their unit, and were dropped. */
  late(bytes: number): void;
}

/** How long a feed has run, on two clocks of any origin that never step. */
export interface FeedTime {
  readonly timeMs: number;
  /** The same without the times in which nothing came, ms. */
  readonly fedMs: number;
}

/** Assembles the PES packets of one PID in slabs of memory that units share. */
export class PesAssembler {
  readonly #sink: PesSink;
  readonly #memory: FrameMemory | undefined;
  #slab = noBytes;
  #slabWords = noWords;
  /** First byte of the open PES, and the end of its last. */
  #from = 0;
  #to = 0;
  /** Length of the last payload, bytes. */
  #tail = 0;
  /** Moving mean of the length of a PES, bytes. */
  #usual = 0;
  /** Of the open PES; undefined before it is whole, otherwise `#own`. */
  #header: PesHeader | undefined;
  readonly #own = emptyHeader();
  /** `early`: delivered before its end was known; `late`: and then there were further bytes. */
  #state: 'waiting' | 'open' | 'complete' | 'early' | 'late' | 'dropping' = 'waiting';
  #starts = 0;
  /** What `settle` saw of the newest PES, and when. */
  #seen = { starts: 0, bytes: 0, timeMs: 0, fedMs: 0, isSettled: true };

  /** @param memory for the units; default: new buffers */
  constructor(sink: PesSink, memory?: FrameMemory) {
    this.#sink = sink;
    this.#memory = memory;
  }

  /** A payload that begins a PES packet; the open one is delivered first. */
  start(bytes: Uint8Array, from: number, to: number): void {
    this.finish();
    this.#starts++;
    this.#state = 'open';
    this.#header = undefined;
    this.#from = this.#to + HEADROOM;
    // Aligned so that the bytes after this payload are at a multiple of 4, where complete words can be
    // copied.
    this.#from += -(this.#from + to - from) & 3;
    this.#to = this.#from;
    this.append(bytes, from, to);
  }

  /** A continued payload. */
  append(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (this.#state !== 'open') {
      this.#late(length);
      return;
    }
    this.#tail = length;
    if (this.#to + length > this.#slab.length) this.#grow(length);
    this.#copy(bytes, from, length);
    this.#to += length;
    if (this.#header === undefined) this.#parse();
    const total = this.#header?.total;
    const size = this.#to - this.#from;
    if (size > MAX_PES_BYTES) this.#drop(`a PES packet of more than ${MAX_PES_BYTES} bytes`);
    else if (total !== undefined && size >= total) this.#deliver(total);
  }

  /** Whether the last bytes taken equal these: the packet is a duplicate (2.4.3.3). */
  endsWith(bytes: Uint8Array, from: number, to: number): boolean {
    const length = to - from;
    if (this.#to - length < this.#from || this.#state === 'waiting') return false;
    for (let i = 1; i <= length; i++) if (this.#slab[this.#to - i] !== bytes[to - i]) return false;
    return true;
  }

  /** Packets are missing here: drops the open PES, up to the next start. */
  lose(reason: string): void {
    if (this.#state === 'open') {
      this.#drop(reason);
      return;
    }
    if (this.#state !== 'complete' && this.#state !== 'early') return;
    this.#state = 'dropping'; // the unit before was whole and is no longer ours; the one after it is missing
    this.#sink.lost(reason);
  }

  /** No further packets follow: delivers the open PES. */
  finish(): void {
    if (this.#state !== 'open') return;
    const size = this.#to - this.#from;
    if (this.#header === undefined) this.#drop('a PES packet without a whole header');
    else if (this.#header.total !== undefined) this.#drop('a PES packet was cut off');
    else this.#deliver(size);
  }

  /** The input was interrupted: delivers the open PES only if its end is known. */
  cut(): void {
    if (this.#state !== 'open') return;
    const isWhole = this.#header?.total === undefined && this.#header !== undefined && this.#tail < FULL_BYTES;
    if (isWhole) this.finish();
    else this.#drop('a PES packet was cut off');
  }

  /**
   * Delivers the open PES of unknown length if it has had no bytes for the deadline. If its last packet was
   * full, its end is not known: a network that pauses is no reason to deliver it, so only time counts in
   * which other packets came.
   *
   * @returns whether the newest PES is delivered and has had no bytes for the deadline; true once for each
   *   PES
   */
  settle({ timeMs, fedMs }: FeedTime, deadlineMs: number): boolean {
    const seen = this.#seen;
    const isOpen = this.#state === 'open';
    if (!isOpen && this.#state !== 'complete') return false;
    const bytes = this.#to - this.#from;
    if (seen.starts !== this.#starts || seen.bytes !== bytes) {
      this.#seen = { starts: this.#starts, bytes, timeMs, fedMs, isSettled: false };
      return false;
    }
    const isEndKnown = !isOpen || this.#tail < FULL_BYTES;
    if (seen.isSettled || (isEndKnown ? timeMs - seen.timeMs : fedMs - seen.fedMs) < deadlineMs) return false;
    if (isOpen) {
      if (this.#header === undefined || this.#header.total !== undefined) return false;
      this.finish();
      this.#state = 'early';
    }
    seen.isSettled = true;
    return true;
  }

  /** Bytes of a PES that is not open. */
  #late(length: number): void {
    if (this.#state === 'early') {
      this.#state = 'late';
      this.#sink.lost('bytes of a PES packet came after the assembly deadline');
    }
    if (this.#state === 'late') this.#sink.late(length);
  }

  #parse(): void {
    try {
      this.#header = parsePesHeader(this.#slab, this.#from, this.#to, this.#own);
      const header = this.#header;
      if (header) this.#sink.header(header, this.#slab, this.#from + header.bytes, this.#to);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#drop(error.message);
    }
  }

  #deliver(size: number): void {
    const header = this.#header!;
    this.#state = 'complete';
    this.#usual += (size - this.#usual) / 8;
    this.#sink.unit(header, this.#slab, this.#from + header.bytes, this.#from + size);
  }

  #drop(reason: string): void {
    this.#state = 'dropping';
    this.#to = this.#from;
    this.#sink.lost(reason);
  }

  /** A loop over words takes half the time of `set`, which needs a view for each packet. */
  #copy(bytes: Uint8Array, from: number, length: number): void {
    const source = bytes.byteOffset + from;
    if (((source | this.#to | length) & 3) !== 0) {
      const slab = this.#slab;
      let write = this.#to;
      for (let read = from; read < from + length; read++) slab[write++] = bytes[read]!;
      return;
    }
    if (bytes !== viewed) {
      viewed = bytes;
      words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
    }
    const target = this.#slabWords;
    const origin = words;
    const end = (source + length) >> 2;
    let write = this.#to >> 2;
    for (let read = source >> 2; read < end; read++) target[write++] = origin[read]!;
  }

  /** Releases the slab to its units, because no data follows soon. Called after `finish`. */
  release(): void {
    this.#slab = noBytes;
    this.#slabWords = noWords;
    this.#from = 0;
    this.#to = 0;
  }

  /** Moves the open PES to a new slab with room for `more` bytes; the old one stays with its units. */
  #grow(more: number): void {
    const open = this.#to - this.#from;
    const slab = this.#newSlab(2 * (HEADROOM + open + more));
    const start = HEADROOM + (-(HEADROOM + open) & 3);
    slab.set(this.#slab.subarray(this.#from, this.#to), start);
    this.#slab = slab;
    this.#slabWords = new Int32Array(slab.buffer, 0, slab.length >> 2);
    this.#from = start;
    this.#to = start + open;
  }

  #newSlab(wanted: number): Uint8Array {
    const usual = (units: number, most: number) => Math.min(most, Math.max(MIN_SLAB_BYTES, units * this.#usual));
    if (!this.#memory) return new Uint8Array(Math.ceil(Math.max(wanted, usual(PES_PER_SLAB, MAX_SLAB_BYTES))));
    // Few sizes, so that a used one fits.
    return this.#memory.take(2 ** Math.ceil(Math.log2(Math.max(wanted, usual(PES_PER_GIVEN, MAX_GIVEN_BYTES)))));
  }
}
