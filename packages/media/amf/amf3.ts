/**
 * AMF3: the values of newer Flash clients, as a message or within AMF0.
 * In: bytes of a message. Out: values. Pure, bounded in depth and count. AMF 3 specification (Adobe, 2013),
 * 3.
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import { AmfBudget, type AmfLimits, AmfReferences, type AmfValue, amfLimits, createAmfObject } from './value.ts';

/** Type markers (3.1). */
const UNDEFINED = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
const INTEGER = 4;
const DOUBLE = 5;
const STRING = 6;
const XML_DOCUMENT = 7;
const DATE = 8;
const ARRAY = 9;
const OBJECT = 10;
const XML = 11;
const BYTE_ARRAY = 12;
const VECTOR_INT = 13;
const VECTOR_UINT = 14;
const VECTOR_DOUBLE = 15;
const VECTOR_OBJECT = 16;
const DICTIONARY = 17;

/** The externalizable classes whose content is one value. */
const WRAPPERS = new Set(['flex.messaging.io.ArrayCollection', 'flex.messaging.io.ObjectProxy']);
/** Members of a class. */
const MAX_MEMBERS = 1024;

interface Traits {
  readonly className: string;
  readonly isExternalizable: boolean;
  readonly isDynamic: boolean;
  readonly members: readonly string[];
}

interface Context {
  readonly reader: ByteReader;
  readonly budget: AmfBudget;
  readonly objects: AmfReferences;
  readonly strings: string[];
  readonly traits: Traits[];
}

const utf8 = new TextDecoder();

/**
 * Reads all values of a message.
 *
 * @param bytes the message; byte arrays in the result are views of it
 * @throws FormatError if it ends early, has an unknown marker or class, or exceeds a limit
 */
export function parseAmf3(bytes: Uint8Array, { limits = amfLimits }: { limits?: AmfLimits } = {}): AmfValue[] {
  const context = createContext(new ByteReader(bytes, 'AMF3'), new AmfBudget(limits));
  const values: AmfValue[] = [];
  while (context.reader.left > 0) values.push(readValue(context));
  return values;
}

/**
 * Reads one value that AMF0 announced; it has its own references.
 *
 * @throws FormatError as `parseAmf3`
 */
export function readAmf3(reader: ByteReader, budget: AmfBudget): AmfValue {
  return readValue(createContext(reader, budget));
}

function createContext(reader: ByteReader, budget: AmfBudget): Context {
  return { reader, budget, objects: new AmfReferences(), strings: [], traits: [] };
}

function readValue(context: Context): AmfValue {
  const { reader, budget } = context;
  const at = reader.offset;
  const marker = reader.u8();
  budget.count(1, at);
  switch (marker) {
    case UNDEFINED:
      return undefined;
    case NULL:
      return null;
    case FALSE:
      return false;
    case TRUE:
      return true;
    case INTEGER:
      return (readU29(reader) << 3) >> 3;
    case DOUBLE:
      return reader.f64();
    case STRING:
      return readString(context);
    default:
      return readComplex(context, marker, at);
  }
}

/** Reads a value that has a number for references. */
function readComplex(context: Context, marker: number, at: number): AmfValue {
  const { reader, budget, objects } = context;
  if (marker < XML_DOCUMENT || marker > DICTIONARY) throw new FormatError(`unknown AMF3 marker ${marker}`, at);
  const header = readU29(reader);
  if ((header & 1) === 0) return objects.get(header >> 1, budget, at);
  const index = objects.reserve();
  const before = budget.values;
  budget.enter(at);
  const value = readContent(context, marker, header >>> 1, at);
  budget.leave();
  objects.set(index, value, budget.values - before);
  return value;
}

/** @param lengthOrFlags the header without its lowest bit: a length, or flags of an object */
function readContent(context: Context, marker: number, lengthOrFlags: number, at: number): AmfValue {
  const { reader } = context;
  switch (marker) {
    case XML_DOCUMENT:
    case XML:
      return utf8.decode(reader.take(lengthOrFlags));
    case DATE:
      return new Date(reader.f64());
    case ARRAY:
      return readArray(context, lengthOrFlags, at);
    case OBJECT:
      return readObject(context, lengthOrFlags, at);
    case BYTE_ARRAY:
      return reader.take(lengthOrFlags);
    case VECTOR_INT:
      return readVector(context, lengthOrFlags, 4, at, () => reader.i32());
    case VECTOR_UINT:
      return readVector(context, lengthOrFlags, 4, at, () => reader.u32());
    case VECTOR_DOUBLE:
      return readVector(context, lengthOrFlags, 8, at, () => reader.f64());
    case VECTOR_OBJECT:
      reader.skip(1); // fixed length or not
      readString(context); // name of the class
      return readItems(context, lengthOrFlags, at);
    default:
      return readDictionary(context, lengthOrFlags, at);
  }
}

/** Unsigned integer of up to 29 bits in one to four bytes (1.3.1). */
function readU29(reader: ByteReader): number {
  let value = 0;
  for (let i = 0; i < 3; i++) {
    const byte = reader.u8();
    value = (value << 7) | (byte & 0x7f);
    if (byte < 0x80) return value;
  }
  return (value << 8) | reader.u8();
}

function readString(context: Context): string {
  const { reader, strings } = context;
  const at = reader.offset;
  const header = readU29(reader);
  if ((header & 1) === 0) {
    const text = strings[header >> 1];
    if (text === undefined) throw new FormatError(`AMF3 string reference ${header >> 1} is unknown`, at);
    return text;
  }
  const text = utf8.decode(reader.take(header >>> 1));
  if (text !== '') strings.push(text);
  return text;
}

/** Array (3.11): names and values, then `count` values without names; an object if it has names. */
function readArray(context: Context, count: number, at: number): AmfValue {
  const named = createAmfObject();
  let hasNames = false;
  for (let name = readString(context); name !== ''; name = readString(context)) {
    hasNames = true;
    named[name] = readValue(context);
  }
  const items = readItems(context, count, at);
  if (!hasNames) return items;
  for (const [index, item] of items.entries()) named[index] = item;
  return named;
}

function readItems(context: Context, count: number, at: number): AmfValue[] {
  if (count > context.reader.left) throw new FormatError(`an AMF3 array of ${count} values ends early`, at);
  const items: AmfValue[] = [];
  for (let i = 0; i < count; i++) items.push(readValue(context));
  return items;
}

function readVector(context: Context, count: number, size: number, at: number, read: () => number): number[] {
  context.reader.skip(1); // fixed length or not
  if (count * size > context.reader.left) throw new FormatError(`an AMF3 vector of ${count} values ends early`, at);
  context.budget.count(count, at);
  return Array.from({ length: count }, read);
}

function readDictionary(context: Context, count: number, at: number): AmfValue {
  context.reader.skip(1); // weak keys or not
  if (count * 2 > context.reader.left) throw new FormatError(`an AMF3 dictionary of ${count} entries ends early`, at);
  const object = createAmfObject();
  for (let i = 0; i < count; i++) {
    const key = readValue(context);
    const value = readValue(context);
    // A dictionary may have objects as keys; only keys that can be names are kept.
    if (typeof key === 'string' || typeof key === 'number') object[key] = value;
  }
  return object;
}

/** Object (3.12): its traits, their values, then dynamic members. */
function readObject(context: Context, flags: number, at: number): AmfValue {
  const traits = readTraits(context, flags, at);
  if (traits.isExternalizable) {
    if (!WRAPPERS.has(traits.className)) {
      throw new FormatError(`the AMF3 class "${traits.className.slice(0, 64)}" has an unknown format`, at);
    }
    return readValue(context);
  }
  const object = createAmfObject();
  for (const member of traits.members) object[member] = readValue(context);
  if (!traits.isDynamic) return object;
  for (let name = readString(context); name !== ''; name = readString(context)) object[name] = readValue(context);
  return object;
}

function readTraits(context: Context, flags: number, at: number): Traits {
  const { reader, traits } = context;
  if ((flags & 1) === 0) {
    const knownTraits = traits[flags >> 1];
    if (!knownTraits) throw new FormatError(`AMF3 traits reference ${flags >> 1} is unknown`, at);
    return knownTraits;
  }
  const isExternalizable = (flags & 2) !== 0;
  const count = isExternalizable ? 0 : flags >> 3;
  if (count > Math.min(reader.left, MAX_MEMBERS)) throw new FormatError(`an AMF3 class of ${count} members`, at);
  const className = readString(context);
  const members = Array.from({ length: count }, () => readString(context));
  const added = { className, isExternalizable, isDynamic: (flags & 4) !== 0, members };
  traits.push(added);
  return added;
}
