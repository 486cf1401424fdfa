/**
 * Prints AMF3 for tests: oxbow only reads it.
 * In: values. Out: bytes. AMF 3 specification (Adobe, 2013), 3.
 */
import { type AmfValue, isAmfObject } from './value.ts';
import { AmfWriter } from './writer.ts';

/** Type markers (3.1). */
const UNDEFINED = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
const INTEGER = 4;
const DOUBLE = 5;
const STRING = 6;
const DATE = 8;
const ARRAY = 9;
const OBJECT = 10;
const BYTE_ARRAY = 12;

/** Values that an integer of 29 bits with sign can have. */
const MIN_INTEGER = -(2 ** 28);
const MAX_INTEGER = 2 ** 28 - 1;

/**
 * Prints values one after the other, without references.
 *
 * @returns a new array
 */
export function printAmf3(values: readonly AmfValue[]): Uint8Array {
  const writer = new AmfWriter();
  for (const value of values) writeValue(writer, value);
  return writer.bytes();
}

function writeValue(writer: AmfWriter, value: AmfValue): void {
  if (typeof value === 'number') {
    writeNumber(writer, value);
  } else if (value === undefined || value === null) {
    writer.u8(value === null ? NULL : UNDEFINED);
  } else if (typeof value === 'boolean') {
    writer.u8(value ? TRUE : FALSE);
  } else if (typeof value === 'string') {
    writer.u8(STRING);
    writeText(writer, value);
  } else if (value instanceof Date) {
    writer.u8(DATE);
    writeU29(writer, 1);
    writer.f64(value.getTime());
  } else if (value instanceof Uint8Array) {
    writer.u8(BYTE_ARRAY);
    writeU29(writer, (value.length << 1) | 1);
    writer.raw(value);
  } else if (isAmfObject(value)) {
    writer.u8(OBJECT);
    writeU29(writer, 0b1011); // own traits, dynamic, no members
    writeText(writer, '');
    for (const [name, member] of Object.entries(value)) {
      if (name === '') continue; // the empty name is the end
      writeText(writer, name);
      writeValue(writer, member);
    }
    writeText(writer, '');
  } else {
    writer.u8(ARRAY);
    writeU29(writer, (value.length << 1) | 1);
    writeText(writer, '');
    for (const each of value) writeValue(writer, each);
  }
}

function writeNumber(writer: AmfWriter, value: number): void {
  if (Number.isInteger(value) && !Object.is(value, -0) && value >= MIN_INTEGER && value <= MAX_INTEGER) {
    writer.u8(INTEGER);
    writeU29(writer, value & 0x1fffffff);
  } else {
    writer.u8(DOUBLE);
    writer.f64(value);
  }
}

function writeText(writer: AmfWriter, text: string): void {
  const bytes = writer.encode(text);
  writeU29(writer, (bytes.length << 1) | 1);
  writer.raw(bytes);
}

function writeU29(writer: AmfWriter, value: number): void {
  if (value > 0x1fffff) {
    writer.u8((value >>> 22) | 0x80);
    writer.u8(((value >>> 15) & 0x7f) | 0x80);
    writer.u8(((value >>> 8) & 0x7f) | 0x80);
    writer.u8(value & 0xff);
    return;
  }
  if (value > 0x3fff) writer.u8((value >>> 14) | 0x80);
  if (value > 0x7f) writer.u8(((value >>> 7) & 0x7f) | 0x80);
  writer.u8(value & 0x7f);
}
