/**
 * AV1 as RTP payloads: OBUs without their sizes, up to three in a packet, fragmented where they do not fit.
 * In: temporal units. Out: payloads. Pure. RTP Payload Format For AV1, 4.4 (aggregation header), 4.5
 * (structure), 5 (packetization).
 */

import { sequenceHeaderOf } from '../../av1/sequence-header.ts';
import { FormatError } from '../../errors.ts';
import type { Frame } from '../../frame.ts';

/** obu_type. */
const [SEQUENCE_HEADER, DELIMITER, TILE_LIST, PADDING] = [1, 2, 8, 15];
/** Left out of packets, 5. */
const NOT_SENT: readonly number[] = [DELIMITER, TILE_LIST, PADDING];
const EXTENSION_FLAG = 0x04;
const SIZE_FLAG = 0x02;
/** Bits of the aggregation header. */
const [CONTINUES, CONTINUED, NEW_SEQUENCE] = [0x80, 0x40, 0x08];
/** With up to three elements the last one needs no length. */
const MAX_ELEMENTS = 3;
const MAX_OBUS = 4096;
/** An element is not begun at the end of a packet for less than this. */
const LEAST_PIECE_BYTES = 16;

/** An OBU as it is sent: its header without the flag of a size, and its payload. */
interface Obu {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/**
 * Creates the packetizer of an AV1 track. A key frame without a sequence header gets that of the record.
 *
 * @param record body of the `av1C`
 * @throws FormatError if the record is malformed
 */
export function createAv1Payloads(record: Uint8Array, maxBytes: number): (frame: Frame) => readonly Uint8Array[] {
  const header = sequenceHeaderOf(record);
  const ownHeader = header ? splitObus(header) : [];
  return ({ data, key }) => {
    const obus = splitObus(data);
    const hasHeader = obus.some(({ type }) => type === SEQUENCE_HEADER);
    const sent = key && obus.length > 0 && !hasHeader ? [...ownHeader, ...obus] : obus;
    return pack(sent, maxBytes, key);
  };
}

/**
 * The OBUs of a temporal unit that are sent.
 *
 * @throws FormatError if one ends after the unit, or there are more than 4,096
 */
function splitObus(unit: Uint8Array): Obu[] {
  const obus: Obu[] = [];
  let at = 0;
  for (let count = 0; at < unit.length; count++) {
    if (count === MAX_OBUS) throw new FormatError(`more than ${MAX_OBUS} OBUs in a temporal unit`, at);
    const head = unit[at]!;
    const headBytes = head & EXTENSION_FLAG ? 2 : 1;
    let from = at + headBytes;
    let end = unit.length;
    if (head & SIZE_FLAG) {
      const size = parseLeb128(unit, from);
      from = size.end;
      end = from + size.value;
    }
    if (from > end || end > unit.length) throw new FormatError('an OBU ends after its temporal unit', at);
    const type = (head >> 3) & 15;
    if (!NOT_SENT.includes(type)) obus.push({ type, bytes: withoutSize(unit, at, headBytes, from, end) });
    at = end;
  }
  return obus;
}

function withoutSize(unit: Uint8Array, at: number, headBytes: number, from: number, end: number): Uint8Array {
  if (!(unit[at]! & SIZE_FLAG)) return unit.subarray(at, end);
  const bytes = new Uint8Array(headBytes + end - from);
  bytes.set(unit.subarray(at, at + headBytes));
  bytes[0]! &= ~SIZE_FLAG;
  bytes.set(unit.subarray(from, end), headBytes);
  return bytes;
}

/** Distributes OBUs over packets of at most `maxBytes`, each with up to three elements. */
function pack(obus: readonly Obu[], maxBytes: number, isKey: boolean): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let elements: Uint8Array[] = [];
  let used = 1; // the aggregation header
  let continues = false;
  const flush = (continued: boolean) => {
    if (elements.length === 0) return;
    const bits = (continues ? CONTINUES : 0) | (continued ? CONTINUED : 0);
    const sequence = isKey && payloads.length === 0 ? NEW_SEQUENCE : 0;
    payloads.push(print(bits | sequence | (elements.length << 4), elements, used));
    elements = [];
    used = 1;
    continues = continued;
  };
  for (const { bytes } of obus) {
    let remaining = bytes;
    while (remaining.length > 0) {
      // The element before gets a length now.
      const previous = elements.at(-1);
      const lengthBytes = previous ? leb128Bytes(previous.length) : 0;
      const room = maxBytes - used - lengthBytes;
      if (elements.length === MAX_ELEMENTS || (room < remaining.length && room < LEAST_PIECE_BYTES)) {
        flush(false);
        continue;
      }
      const piece = remaining.subarray(0, room);
      elements.push(piece);
      used += lengthBytes + piece.length;
      remaining = remaining.subarray(piece.length);
      if (remaining.length > 0) flush(true);
    }
  }
  flush(false);
  return payloads;
}

function print(header: number, elements: readonly Uint8Array[], bytes: number): Uint8Array {
  const payload = new Uint8Array(bytes);
  payload[0] = header;
  let at = 1;
  for (const [i, element] of elements.entries()) {
    if (i < elements.length - 1) {
      for (let left = element.length; ; left >>>= 7) {
        payload[at++] = (left & 0x7f) | (left > 0x7f ? 0x80 : 0);
        if (left <= 0x7f) break;
      }
    }
    payload.set(element, at);
    at += element.length;
  }
  return payload;
}

function leb128Bytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}

function parseLeb128(bytes: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) throw new FormatError('the size of an OBU ends early', from);
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: from + i + 1 };
  }
  throw new FormatError('the size of an OBU has more than 8 bytes', from);
}
