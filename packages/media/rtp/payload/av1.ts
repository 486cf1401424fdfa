/**
 * RTP payload format of AV1: open bitstream units, whole or in fragments.
 * In: payloads. Out: temporal units whose units carry their size, without temporal delimiters.
 * RTP Payload Format For AV1, 4.3 (elements), 4.4 (aggregation header), 5; AV1 Bitstream, 5.3 (OBU headers).
 */

import { av1Config, parseAv1Unit } from '../../av1/sequence-header.ts';
import { ByteReader, concatBytes, sameBytes } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import { type Depacketizer, type DepacketizerOutput, MAX_UNIT_BYTES } from './payload.ts';
import { UnitAssembler, type VideoPayload, type VideoUnit } from './unit-assembler.ts';

/** OBU types that samples leave out: temporal delimiter, tile list, padding. */
const LEFT_OUT: ReadonlySet<number> = new Set([2, 8, 15]);
const MAX_UNITS = 4096;
const MAX_PIECES = 65_536;
/** Bits of an OBU header. */
const OBU = { extension: 4, hasSize: 2 } as const;

/** Reads AV1. */
export function createAv1Depacketizer(out: DepacketizerOutput): Depacketizer {
  return new UnitAssembler(new Av1Payload(out), out);
}

class Av1Payload implements VideoPayload {
  readonly #out: DepacketizerOutput;
  /** Each unit in pieces. */
  #units: Uint8Array[][] = [];
  /** The last unit continues in the next packet. */
  #continues = false;
  #bytes = 0;
  #pieces = 0;
  #header: Uint8Array | undefined;

  constructor(out: DepacketizerOutput) {
    this.#out = out;
  }

  payload(payload: Uint8Array): void {
    const reader = new ByteReader(payload, 'AV1 payload');
    const head = reader.u8();
    const count = (head >> 4) & 3;
    let isRest = (head & 0x80) !== 0;
    if (isRest !== this.#continues) {
      throw new FormatError(isRest ? 'a fragment of an AV1 unit without its start' : 'an AV1 unit without its end', 0);
    }
    for (let i = 1; reader.left > 0; i++) {
      const size = i === count ? reader.left : leb128(reader);
      const element = reader.take(size);
      if (isRest) this.#units.at(-1)!.push(element);
      else this.#units.push([element]);
      this.#bytes += size;
      this.#pieces++;
      if (this.#bytes > MAX_UNIT_BYTES || this.#units.length > MAX_UNITS || this.#pieces > MAX_PIECES) {
        throw new FormatError(`a temporal unit of more than ${MAX_UNIT_BYTES} bytes or ${MAX_UNITS} units`, 0);
      }
      isRest = false;
      if (i === count && reader.left > 0) throw new FormatError('bytes after the last AV1 element', reader.offset);
    }
    this.#continues = (head & 0x40) !== 0 && this.#units.length > 0;
  }

  unit(): VideoUnit | undefined {
    const units = this.#units;
    const isCut = this.#continues;
    this.clear();
    if (isCut) throw new FormatError('a temporal unit ends within an AV1 unit', 0);
    const data = concatBytes(
      units.flatMap((pieces) => withSize(pieces.length === 1 ? pieces[0]! : concatBytes(pieces))),
    );
    if (data.length === 0) return undefined;
    const { sequenceHeader, isKey } = parseAv1Unit(data);
    if (sequenceHeader && !(this.#header && sameBytes(this.#header, sequenceHeader))) {
      const config = av1Config(sequenceHeader);
      this.#header = sequenceHeader.slice();
      this.#out.config(config);
    }
    return this.#header ? { key: isKey, data } : undefined;
  }

  clear(): void {
    this.#units = [];
    this.#continues = false;
    this.#bytes = 0;
    this.#pieces = 0;
  }
}

/** A unit with a size field, in pieces; nothing for those that samples leave out. */
function withSize(unit: Uint8Array): Uint8Array[] {
  const head = unit[0];
  if (head === undefined || LEFT_OUT.has((head >> 3) & 15)) return [];
  if (head & OBU.hasSize) return [unit];
  const headerBytes = head & OBU.extension ? 2 : 1;
  if (unit.length < headerBytes) throw new FormatError('an AV1 unit ends within its header', unit.length);
  const header = unit.slice(0, headerBytes);
  header[0] = head | OBU.hasSize;
  return [header, printLeb128(unit.length - headerBytes), unit.subarray(headerBytes)];
}

function leb128(reader: ByteReader): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = reader.u8();
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value;
  }
  throw new FormatError('the size of an AV1 element has more than 5 bytes', reader.offset);
}

function printLeb128(value: number): Uint8Array {
  const bytes: number[] = [];
  let remaining = value;
  for (; remaining >= 0x80; remaining >>>= 7) bytes.push((remaining & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, remaining]);
}
