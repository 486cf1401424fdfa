/**
 * Program specific information: the programs (PAT) and their streams (PMT).
 * In: payloads of PAT and PMT packets. Out: sections, and parsed tables. ISO/IEC 13818-1, 2.4.4.
 */
import { ByteReader } from '../bytes.ts';
import { crc32Mpeg } from '../crc32-mpeg.ts';
import { FormatError } from '../errors.ts';

/** Most bytes of a section of PAT and PMT, and of a private one (2.4.4.11). */
const MAX_TABLE_BYTES = 1024;
const MAX_PRIVATE_BYTES = 4096;
const MAX_STREAMS = 64;

/** Options of a section reader. */
interface SectionOptions {
  /** Called when the last section is repeated. */
  readonly repeated?: () => void;
  /** Private sections may be longer than those of PAT and PMT. */
  readonly isPrivate?: boolean;
}

/** Assembles the sections of one PID, and passes on new ones. */
export class SectionReader {
  readonly #section: (section: Uint8Array) => void;
  readonly #damage: (reason: string) => void;
  readonly #repeated: (() => void) | undefined;
  readonly #bytes: Uint8Array;
  #length = 0;
  #open = false;
  #last = new Uint8Array(0);

  /**
   * @param section gets each complete section with a valid CRC that differs from the previous one; may keep
   *   it
   * @param damage gets a sentence for each dropped section
   */
  constructor(
    section: (section: Uint8Array) => void,
    damage: (reason: string) => void,
    { repeated, isPrivate = false }: SectionOptions = {},
  ) {
    this.#section = section;
    this.#damage = damage;
    this.#repeated = repeated;
    this.#bytes = new Uint8Array(isPrivate ? MAX_PRIVATE_BYTES : MAX_TABLE_BYTES);
  }

  /**
   * One packet's payload.
   *
   * @param starts payload_unit_start_indicator: the payload begins with a pointer_field
   */
  push(bytes: Uint8Array, from: number, to: number, starts: boolean): void {
    let at = from;
    if (starts) {
      const start = at + 1 + (bytes[at] ?? 0);
      if (start > to) {
        this.reset();
        return;
      }
      if (this.#open) this.#append(bytes, at + 1, start);
      this.#length = 0;
      this.#open = true;
      at = start;
    }
    while (this.#open && at < to) {
      if (this.#length === 0 && bytes[at] === 0xff) {
        this.reset();
        return;
      } // stuffing up to the end of the packet
      at = this.#append(bytes, at, to);
    }
  }

  /** Drops an incomplete section: packets were lost. */
  reset(): void {
    this.#open = false;
    this.#length = 0;
  }

  /** Takes bytes up to the end of the section; returns where the next one begins. */
  #append(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (this.#length < 3 && at < to) this.#bytes[this.#length++] = bytes[at++]!;
    if (this.#length < 3) return at;
    const size = 3 + (((this.#bytes[1]! & 0x0f) << 8) | this.#bytes[2]!);
    if (size > this.#bytes.length || size < 12) {
      this.reset();
      this.#damage(`a PSI section of ${size} bytes`);
      return to;
    }
    const take = Math.min(size - this.#length, to - at);
    // Sections are short, and tables come ten times a second: a loop makes no view of each.
    for (let i = 0; i < take; i++) this.#bytes[this.#length++] = bytes[at + i]!;
    if (this.#length === size) this.#complete();
    return at + take;
  }

  #complete(): void {
    const length = this.#length;
    this.#length = 0;
    if (this.#repeats(length)) {
      this.#repeated?.();
      return;
    }
    const section = this.#bytes.slice(0, length);
    if (crc32Mpeg(section) !== 0) {
      this.#damage('a PSI section with a wrong CRC');
      return;
    }
    this.#last = section;
    this.#section(section);
  }

  /** Whether the section of this length is the last one again. */
  #repeats(length: number): boolean {
    if (length !== this.#last.length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[i] !== this.#last[i]) return false;
    return true;
  }
}

interface Pat {
  /** Programs in the order of the table, without the network's PID. */
  readonly programs: readonly { readonly number: number; readonly pmtPid: number }[];
}

/**
 * Parses a program association section; undefined for another table or one that is not yet valid.
 *
 * @param section whole, CRC checked
 * @throws FormatError if it ends early
 */
export function parsePat(section: Uint8Array): Pat | undefined {
  const reader = openTable(section, 0x00);
  if (!reader) return undefined;
  const programs: { number: number; pmtPid: number }[] = [];
  while (reader.left >= 4) {
    const number = reader.u16();
    const pmtPid = reader.u16() & 0x1fff;
    if (number !== 0) programs.push({ number, pmtPid });
  }
  return { programs };
}

/** One descriptor of a PMT (2.6). */
export interface Descriptor {
  readonly tag: number;
  readonly body: Uint8Array;
}

/** One elementary stream of a PMT. */
export interface PmtStream {
  readonly pid: number;
  /** stream_type, e.g. 0x1b. */
  readonly type: number;
  /** ISO 639-2 code from its descriptor, lower case, or `und`. */
  readonly language: string;
  /** The complete ones. */
  readonly descriptors: readonly Descriptor[];
  /** Descriptors of the program: registrations of its stream types. */
  readonly ofProgram: readonly Descriptor[];
}

export interface Pmt {
  readonly program: number;
  /** 0 to 31; another one with each change of the table. */
  readonly version: number;
  readonly streams: readonly PmtStream[];
}

/**
 * Parses a program map section; undefined for another table or one that is not yet valid.
 *
 * @param section whole, CRC checked
 * @throws FormatError if it ends early or has more than 64 streams
 */
export function parsePmt(section: Uint8Array): Pmt | undefined {
  const reader = openTable(section, 0x02);
  if (!reader) return undefined;
  reader.skip(2); // PCR_PID
  const ofProgram = descriptorsIn(reader.take(reader.u16() & 0x0fff));
  const streams: PmtStream[] = [];
  while (reader.left >= 5) {
    const type = reader.u8();
    const pid = reader.u16() & 0x1fff;
    const descriptors = descriptorsIn(reader.take(reader.u16() & 0x0fff));
    streams.push({ pid, type, language: languageOf(descriptors), descriptors, ofProgram });
    if (streams.length > MAX_STREAMS) throw new FormatError(`more than ${MAX_STREAMS} streams in a PMT`, reader.offset);
  }
  return { program: (section[3]! << 8) | section[4]!, version: (section[5]! >> 1) & 0x1f, streams };
}

/** A reader after the 8 bytes that begin all tables, up to the CRC. */
function openTable(section: Uint8Array, tableId: number): ByteReader | undefined {
  const current = (section[5]! & 1) === 1;
  if (section[0] !== tableId || !current) return undefined;
  return new ByteReader(section, tableId === 0 ? 'PAT' : 'PMT', 8, section.length - 4);
}

function descriptorsIn(bytes: Uint8Array): Descriptor[] {
  const descriptors: Descriptor[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const next = at + 2 + bytes[at + 1]!;
    if (next > bytes.length) break;
    descriptors.push({ tag: bytes[at]!, body: bytes.subarray(at + 2, next) });
    at = next;
  }
  return descriptors;
}

/** ISO_639_language_descriptor (2.6.18). */
function languageOf(descriptors: readonly Descriptor[]): string {
  for (const { tag, body } of descriptors) {
    if (tag !== 0x0a || body.length < 3) continue;
    const code = String.fromCharCode(...body.subarray(0, 3)).toLowerCase();
    if (/^[a-z]{3}$/.test(code)) return code;
  }
  return 'und';
}
