/**
 * Iterates over the samples of one track in the sample tables of a moov, in place: nothing is unpacked, so a
 * table that claims millions of samples costs no memory.
 * In: the boxes of an stbl. Out: one sample after the other, in decode order. Pure.
 * ISO/IEC 14496-12, 8.6.1 (stts, ctts), 8.6.2 (stss), 8.7.3 to 8.7.5 (stsz, stz2, stsc, stco, co64).
 */
import { FormatError } from '../../errors.ts';
import { type Box, findBox, needBox, readBoxes, u32At } from '../box.ts';

/** A sample as its tables describe it. */
interface TableSample {
  /** Sum of the durations before it, ticks. */
  readonly dts: number;
  /** Composition offset, ticks, may be negative. */
  readonly composition: number;
  /** Ticks. */
  readonly duration: number;
  readonly key: boolean;
  /** First byte in the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Sample entry that describes it, from 1. */
  readonly entry: number;
}

/** Most samples of a track; a day of 60 frames per second has 5,184,000. */
const MAX_SAMPLES = 16_000_000;

/** A full box that counts entries of one length. */
interface Table {
  readonly count: number;
  /** First byte of the first entry. */
  readonly at: number;
}

/** Position of the cursor. */
interface Place {
  index: number;
  dts: number;
  /** Entry of stts and samples left in it; the same of ctts. */
  time: { entry: number; left: number };
  composition: { entry: number; left: number };
  /** Current stsc entry, chunk counted from 0, samples left in it, offset of the next one. */
  run: number;
  chunk: number;
  inChunk: number;
  offset: number;
  /** Sample entry of the chunk. */
  entry: number;
  /** Entry of stss that comes next. */
  sync: number;
}

const START: Place = {
  index: 0,
  dts: 0,
  run: 0,
  chunk: -1,
  inChunk: 0,
  offset: 0,
  entry: 1,
  sync: 0,
  time: { entry: -1, left: 0 },
  composition: { entry: -1, left: 0 },
};

/** Iterates over the samples of one track. */
export class SampleCursor {
  readonly #bytes: Uint8Array;
  readonly #stts: Table;
  readonly #ctts: Table | undefined;
  readonly #stss: Table | undefined;
  readonly #stsc: Table;
  readonly #chunks: Table;
  readonly #isLong: boolean;
  readonly #sizes: Table;
  /** Bits of a size in its table; 0 if all are equal. */
  readonly #sizeBits: number;
  readonly #sameSize: number;
  /** Samples of the track. */
  readonly count: number;
  /** Offset for errors. */
  readonly #start: number;
  #place: Place = copyOf(START);
  #peeked: TableSample | undefined;

  /**
   * @param bytes of the moov; kept
   * @param stbl the box within `bytes`
   * @throws FormatError if a table is missing or shorter than it says, or there are more than 16 million
   *   samples
   */
  constructor(bytes: Uint8Array, stbl: Box) {
    const boxes = readBoxes(bytes, stbl.body, stbl.end);
    const table = (box: Box, entryBytes: number, skip = 4): Table => {
      const at = box.body + skip + 4;
      if (at > box.end) throw new FormatError(`'${box.type}' ends early`, box.start);
      const count = u32At(bytes, at - 4);
      if (count * entryBytes > box.end - at) throw new FormatError(`'${box.type}' is shorter than it says`, box.start);
      return { count, at };
    };
    const optional = (type: string, entryBytes: number) => {
      const box = findBox(boxes, type);
      return box && table(box, entryBytes);
    };
    this.#bytes = bytes;
    this.#start = stbl.start;
    this.#stts = table(needBox(boxes, 'stts', stbl), 8);
    this.#ctts = optional('ctts', 8);
    this.#stss = optional('stss', 4);
    this.#stsc = table(needBox(boxes, 'stsc', stbl), 12);
    const long = findBox(boxes, 'co64');
    this.#isLong = long !== undefined;
    this.#chunks = long ? table(long, 8) : table(needBox(boxes, 'stco', stbl), 4);
    const compact = findBox(boxes, 'stz2');
    const stsz = compact ?? needBox(boxes, 'stsz', stbl);
    const word = stsz.body + 8 <= stsz.end ? u32At(bytes, stsz.body + 4) : 0;
    this.#sizeBits = compact ? word & 0xff : word === 0 ? 32 : 0;
    this.#sameSize = compact ? 0 : word;
    if (compact && ![4, 8, 16].includes(this.#sizeBits)) throw new FormatError('stz2 has no such width', compact.start);
    this.#sizes = table(stsz, this.#sizeBits / 8, 8);
    this.count = this.#sizes.count;
    if (this.count > MAX_SAMPLES) throw new FormatError(`${this.count} samples are too many`, stsz.start);
    if (this.#stsc.count === 0 && this.count > 0) throw new FormatError('stsc is empty', stbl.start);
  }

  /**
   * Size of the lowest negative composition offset, ticks, 0 or more: decode times move back by it, so that
   * none is after its pts.
   */
  get reach(): number {
    let least = 0;
    for (let i = 0; i < (this.#ctts?.count ?? 0); i++)
      least = Math.min(least, i32At(this.#bytes, this.#ctts!.at + i * 8 + 4));
    return 0 - least;
  }

  /** The last sample entry that any sample uses, from 1. */
  get entries(): number {
    let most = 1;
    for (let i = 0; i < this.#stsc.count; i++) most = Math.max(most, u32At(this.#bytes, this.#stsc.at + i * 12 + 8));
    return most;
  }

  /** Sum of all durations in stts, ticks. */
  get ticks(): number {
    let ticks = 0;
    for (let i = 0; i < this.#stts.count; i++) {
      ticks += u32At(this.#bytes, this.#stts.at + i * 8) * u32At(this.#bytes, this.#stts.at + i * 8 + 4);
    }
    return ticks;
  }

  /** The next sample, without advancing; undefined after the last. Throws as `next`. */
  peek(): TableSample | undefined {
    this.#peeked ??= this.#read();
    return this.#peeked;
  }

  /**
   * The next sample; undefined after the last.
   *
   * @throws FormatError if tables contradict each other or times and offsets exceed 2^53
   */
  next(): TableSample | undefined {
    const sample = this.peek();
    this.#peeked = undefined;
    return sample;
  }

  /** Goes back to the first sample. */
  rewind(): void {
    this.#place = copyOf(START);
    this.#peeked = undefined;
  }

  #read(): TableSample | undefined {
    const place = this.#place;
    if (place.index >= this.count) return undefined;
    const duration = this.#run(this.#stts, place.time, 'stts') >>> 0;
    const composition = this.#ctts ? this.#run(this.#ctts, place.composition, 'ctts') : 0;
    const key = this.#isKey(place);
    const length = this.#sizeOf(place.index);
    const offset = this.#placeOf(place);
    const { dts } = place;
    place.index++;
    place.dts += duration;
    place.offset = offset + length;
    if (!Number.isSafeInteger(place.dts) || !Number.isSafeInteger(place.offset))
      this.#fail('times or offsets pass 2^53');
    return { dts, composition, duration, key, offset, length, entry: place.entry };
  }

  /** The current value of a table of (count, value) pairs. */
  #run(table: Table, at: { entry: number; left: number }, name: string): number {
    while (at.left === 0) {
      at.entry++;
      // Some writers end ctts early, for a last sample without an offset.
      if (at.entry >= table.count) return name === 'ctts' ? 0 : this.#fail(`${name} ends before the samples do`);
      at.left = u32At(this.#bytes, table.at + at.entry * 8);
    }
    at.left--;
    return i32At(this.#bytes, table.at + at.entry * 8 + 4);
  }

  #isKey(place: Place): boolean {
    const { count, at } = this.#stss ?? { count: -1, at: 0 };
    if (count < 0) return true;
    while (place.sync < count && u32At(this.#bytes, at + place.sync * 4) < place.index + 1) place.sync++;
    return place.sync < count && u32At(this.#bytes, at + place.sync * 4) === place.index + 1;
  }

  #sizeOf(index: number): number {
    const { at } = this.#sizes;
    const bytes = this.#bytes;
    switch (this.#sizeBits) {
      case 32:
        return u32At(bytes, at + index * 4);
      case 16:
        return bytes[at + index * 2]! * 256 + bytes[at + index * 2 + 1]!;
      case 8:
        return bytes[at + index]!;
      case 4:
        return (bytes[at + (index >> 1)]! >> (index & 1 ? 0 : 4)) & 15;
      default:
        return this.#sameSize;
    }
  }

  /** Offset of the next sample: after the previous one, or at the start of the next chunk. */
  #placeOf(place: Place): number {
    while (place.inChunk === 0) {
      place.chunk++;
      if (place.chunk >= this.#chunks.count) this.#fail('there are fewer chunks than samples need');
      const next = (place.run + 1) * 12 + this.#stsc.at;
      if (place.run + 1 < this.#stsc.count && u32At(this.#bytes, next) <= place.chunk + 1) place.run++;
      const entry = this.#stsc.at + place.run * 12;
      place.entry = u32At(this.#bytes, entry + 8);
      place.inChunk = u32At(this.#bytes, entry + 4);
      const { at } = this.#chunks;
      place.offset = this.#isLong
        ? u32At(this.#bytes, at + place.chunk * 8) * 2 ** 32 + u32At(this.#bytes, at + place.chunk * 8 + 4)
        : u32At(this.#bytes, at + place.chunk * 4);
    }
    place.inChunk--;
    return place.offset;
  }

  #fail(why: string): never {
    throw new FormatError(why, this.#start);
  }
}

function copyOf(place: Place): Place {
  return { ...place, time: { ...place.time }, composition: { ...place.composition } };
}

/** Signed 32 bits: some writers use negative composition offsets even in version 0. */
function i32At(bytes: Uint8Array, at: number): number {
  return u32At(bytes, at) | 0;
}
