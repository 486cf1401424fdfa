/**
 * AMF0: the values of RTMP commands and of FLV metadata.
 * In: bytes of a message, or values. Out: values, or bytes. Pure, bounded in depth and count. AMF 0
 * specification (Adobe, 2007), 2.
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import { readAmf3 } from './amf3.ts';
import {
  AmfBudget,
  type AmfLimits,
  type AmfObject,
  AmfReferences,
  type AmfValue,
  amfLimits,
  createAmfObject,
  isAmfObject,
} from './value.ts';
import { AmfWriter } from './writer.ts';

/** Type markers (2.1). */
const NUMBER = 0;
const BOOLEAN = 1;
const STRING = 2;
const OBJECT = 3;
const NULL = 5;
const UNDEFINED = 6;
const REFERENCE = 7;
const ECMA_ARRAY = 8;
const OBJECT_END = 9;
const STRICT_ARRAY = 10;
const DATE = 11;
const LONG_STRING = 12;
const UNSUPPORTED = 13;
const XML = 15;
const TYPED_OBJECT = 16;
/** The next value is AMF3. */
const AVMPLUS = 17;

interface Context {
  readonly reader: ByteReader;
  readonly budget: AmfBudget;
  readonly references: AmfReferences;
}

const utf8 = new TextDecoder();

/**
 * Reads all values of a message.
 *
 * @param bytes the message; byte arrays in the result are views of it
 * @param options.start offset of the first value
 * @param options.limits default `amfLimits`
 * @throws FormatError if it ends early, has an unknown marker, or exceeds a limit
 */
export function parseAmf0(
  bytes: Uint8Array,
  { start = 0, limits = amfLimits }: { start?: number; limits?: AmfLimits } = {},
): AmfValue[] {
  const reader = new ByteReader(bytes, 'AMF0', start);
  const context = { reader, budget: new AmfBudget(limits), references: new AmfReferences() };
  const values: AmfValue[] = [];
  while (reader.left > 0) values.push(readValue(context));
  return values;
}

function readValue(context: Context): AmfValue {
  const { reader, budget } = context;
  const at = reader.offset;
  const marker = reader.u8();
  budget.count(1, at);
  switch (marker) {
    case NUMBER:
      return reader.f64();
    case BOOLEAN:
      return reader.u8() !== 0;
    case STRING:
      return utf8.decode(reader.take(reader.u16()));
    case LONG_STRING:
    case XML:
      return utf8.decode(reader.take(reader.u32()));
    case NULL:
      return null;
    case UNDEFINED:
    case UNSUPPORTED:
      return undefined;
    case REFERENCE:
      return context.references.get(reader.u16(), budget, at);
    case DATE: {
      const ms = reader.f64();
      reader.skip(2); // time zone, reserved
      return new Date(ms);
    }
    case OBJECT:
      return readNested(context, at, () => readProperties(context, undefined));
    case TYPED_OBJECT:
      reader.skip(reader.u16()); // name of the class
      return readNested(context, at, () => readProperties(context, undefined));
    case ECMA_ARRAY: {
      const count = reader.u32();
      return readNested(context, at, () => readProperties(context, count));
    }
    case STRICT_ARRAY:
      return readNested(context, at, () => readArray(context, at));
    case AVMPLUS:
      return readAmf3(reader, budget);
    default:
      throw new FormatError(`unknown AMF0 marker ${marker}`, at);
  }
}

/** Reads an object or array one level deeper, with its number for references. */
function readNested<T extends AmfValue>({ budget, references }: Context, at: number, read: () => T): T {
  const index = references.reserve();
  const before = budget.values;
  budget.enter(at);
  const value = read();
  budget.leave();
  references.set(index, value, budget.values - before);
  return value;
}

/**
 * Reads names and values up to the end marker.
 *
 * @param count of an ECMA array, a hint; some encoders omit the end marker at the end of the message
 */
function readProperties(context: Context, count: number | undefined): AmfObject {
  const { reader } = context;
  const object = createAmfObject();
  for (let read = 0; ; read++) {
    if (count !== undefined && read >= count && reader.left === 0) return object;
    const name = utf8.decode(reader.take(reader.u16()));
    if (name === '' && reader.left > 0 && reader.bytes[reader.offset] === OBJECT_END) {
      reader.skip(1);
      return object;
    }
    object[name] = readValue(context);
  }
}

function readArray(context: Context, at: number): AmfValue[] {
  const { reader } = context;
  const count = reader.u32();
  if (count > reader.left) throw new FormatError(`an AMF0 array of ${count} values ends early`, at);
  const values: AmfValue[] = [];
  for (let i = 0; i < count; i++) values.push(readValue(context));
  return values;
}

/**
 * Prints values one after the other. Byte arrays, which AMF0 does not have, are null.
 *
 * @param options.ecmaArrays names at the top level that are printed as ECMA arrays instead of objects:
 *   `onMetaData` of FLV
 * @returns a new array
 * @throws RangeError if a name is longer than 65,535 bytes
 */
export function printAmf0(values: readonly AmfValue[], { ecmaArrays = false } = {}): Uint8Array {
  const writer = new AmfWriter();
  for (const value of values) writeValue(writer, value, ecmaArrays);
  return writer.bytes();
}

function writeValue(writer: AmfWriter, value: AmfValue, ecmaArrays: boolean): void {
  if (typeof value === 'number') {
    writer.u8(NUMBER);
    writer.f64(value);
  } else if (typeof value === 'boolean') {
    writer.u8(BOOLEAN);
    writer.u8(value ? 1 : 0);
  } else if (typeof value === 'string') {
    writeString(writer, value);
  } else if (value === undefined) {
    writer.u8(UNDEFINED);
  } else if (value instanceof Date) {
    writer.u8(DATE);
    writer.f64(value.getTime());
    writer.u16(0);
  } else if (Array.isArray(value)) {
    writer.u8(STRICT_ARRAY);
    writer.u32(value.length);
    for (const each of value as readonly AmfValue[]) writeValue(writer, each, ecmaArrays);
  } else if (isAmfObject(value)) {
    writeObject(writer, value, ecmaArrays);
  } else {
    writer.u8(NULL);
  }
}

function writeString(writer: AmfWriter, text: string): void {
  const bytes = writer.encode(text);
  if (bytes.length <= 0xffff) {
    writer.u8(STRING);
    writer.u16(bytes.length);
  } else {
    writer.u8(LONG_STRING);
    writer.u32(bytes.length);
  }
  writer.raw(bytes);
}

function writeObject(writer: AmfWriter, object: AmfObject, ecmaArrays: boolean): void {
  const entries = Object.entries(object);
  if (ecmaArrays) {
    writer.u8(ECMA_ARRAY);
    writer.u32(entries.length);
  } else {
    writer.u8(OBJECT);
  }
  for (const [name, value] of entries) {
    const bytes = writer.encode(name);
    if (bytes.length > 0xffff) throw new RangeError('a name of AMF0 is longer than 65,535 bytes');
    writer.u16(bytes.length);
    writer.raw(bytes);
    writeValue(writer, value, false);
  }
  writer.u16(0);
  writer.u8(OBJECT_END);
}
