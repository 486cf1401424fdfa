/**
 * Values of the data section of a MaxMind DB: fields of maps, texts and numbers.
 * In: the bytes of a section. Out: values; what is not looked for is skipped. FormatError for damaged ones.
 * MaxMind DB file format 2.0, "Data Field Format".
 */
import { FormatError } from '@oxbow/media/errors';

/** The used types. */
const [POINTER, TEXT, DOUBLE, UINT32, MAP, UINT128, ARRAY, BOOLEAN, FLOAT] = [1, 2, 3, 6, 7, 10, 11, 14, 15];
/** Longest text that is read, bytes; others are skipped. */
const MAX_TEXT = 200;
/** Values that one look-up skips. */
const MAX_SKIPPED = 10_000;

/** The head of a value. */
interface Head {
  readonly type: number;
  /** Bytes, or entries of a map or an array. */
  readonly size: number;
  /** Offset of its content. */
  readonly start: number;
}

/** A section. Offsets are from its start. */
export class MmdbValues {
  readonly #bytes: Buffer;
  readonly #from: number;
  #skipped = 0;

  /** @param from offset of the section in its file, for messages */
  constructor(bytes: Buffer, from: number) {
    this.#bytes = bytes;
    this.#from = from;
  }

  /** Whether the value at an offset is a map. @throws FormatError */
  isMap(at: number): boolean {
    return this.#headAt(at).type === MAP;
  }

  /**
   * Offset of the value of a field of the map at an offset; undefined if there is none.
   *
   * @throws FormatError
   */
  fieldOf(at: number, name: string): number | undefined {
    const map = this.#headAt(at);
    if (map.type !== MAP) return undefined;
    this.#skipped = 0;
    let offset = map.start;
    for (let entry = 0; entry < map.size; entry++) {
      const isField = this.#textAt(offset) === name;
      const value = this.#after(offset);
      if (isField) return value;
      offset = this.#after(value);
    }
    return undefined;
  }

  /** A text field of the map at an offset; undefined: none, or another type. @throws FormatError */
  textOf(at: number, name: string): string | undefined {
    const value = this.fieldOf(at, name);
    return value === undefined ? undefined : this.#textAt(value);
  }

  /** A whole number of a map, below 2^48; undefined: none, or another type. @throws FormatError */
  numberOf(at: number, name: string): number | undefined {
    const value = this.fieldOf(at, name);
    if (value === undefined) return undefined;
    const { type, size, start } = this.#headAt(value);
    const isWhole = type === 5 || type === UINT32 || type === 9;
    if (!isWhole || size > 6) return undefined;
    return size === 0 ? 0 : this.#bytes.readUIntBE(start, size);
  }

  /** The offset after the value at an offset. @throws FormatError for one that is not complete */
  skip(at: number): number {
    this.#skipped = 0;
    return this.#after(at);
  }

  #textAt(at: number): string | undefined {
    const { type, size, start } = this.#headAt(at);
    if (type !== TEXT || size > MAX_TEXT) return undefined;
    return this.#bytes.toString('utf8', start, start + size);
  }

  /** The head of a value, also of one that a pointer leads to. */
  #headAt(at: number): Head {
    const head = this.#ownHead(at);
    if (head.type !== POINTER) return head;
    const target = this.#ownHead(head.size);
    if (target.type === POINTER) throw this.#damaged(at, 'a pointer to a pointer');
    return target;
  }

  /** The head at an offset; the size of a pointer is its target. */
  #ownHead(at: number): Head {
    const control = this.#number(at, 1);
    let type = control >> 5;
    let start = at + 1;
    if (type === POINTER) {
      const width = ((control >> 3) & 3) + 1;
      const high = width === 4 ? 0 : (control & 7) * 256 ** width;
      const base = [0, 0, 2048, 526_336, 0][width]!;
      return { type, size: high + base + this.#number(start, width), start: start + width };
    }
    if (type === 0) {
      type = 7 + this.#number(start, 1);
      start += 1;
    }
    let size = control & 31;
    if (size >= 29) {
      const width = size - 28;
      size = [29, 285, 65_821][width - 1]! + this.#number(start, width);
      start += width;
    }
    if (type < TEXT || type > FLOAT) throw this.#damaged(at, `a value of type ${type}`);
    const isBytes = type !== MAP && type !== ARRAY && type !== BOOLEAN;
    const mostBytes = type === TEXT || type === 4 ? this.#bytes.length : type === UINT128 ? 16 : DOUBLE + 5;
    if (isBytes && (size > mostBytes || start + size > this.#bytes.length))
      throw this.#damaged(at, `a value of ${size} bytes`);
    return { type, size, start };
  }

  /** The offset after a value; what a pointer leads to is elsewhere. */
  #after(at: number): number {
    let offset = at;
    // Values within maps and arrays are counted, not nested: a deep file needs no deep stack.
    for (let left = 1; left > 0; left--) {
      if (++this.#skipped > MAX_SKIPPED) throw this.#damaged(at, `more than ${MAX_SKIPPED} values in a record`);
      const { type, size, start } = this.#ownHead(offset);
      offset = start;
      if (type === MAP) left += size * 2;
      else if (type === ARRAY) left += size;
      else if (type !== POINTER && type !== BOOLEAN) offset += size;
    }
    return offset;
  }

  #number(at: number, width: number): number {
    if (at < 0 || at + width > this.#bytes.length) throw this.#damaged(at, 'an offset outside of the data');
    return this.#bytes.readUIntBE(at, width);
  }

  #damaged(at: number, what: string): FormatError {
    return new FormatError(`MaxMind DB: ${what}`, this.#from + at);
  }
}
