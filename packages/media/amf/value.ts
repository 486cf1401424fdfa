/**
 * Values of the Action Message Format, and the bounds of a parse.
 * In: nothing. Out: types for AMF0 and AMF3; a budget that both parsers share. Pure.
 */
import { FormatError } from '../errors.ts';

/** An anonymous or typed object, or an associative array. Has no prototype, so any name is only a name. */
export interface AmfObject {
  readonly [name: string]: AmfValue;
}

/**
 * A value. A `Date` is UTC; a `Uint8Array` (AMF3 ByteArray) is a view of the input. XML is a string; vectors
 * are arrays. Values that AMF calls unsupported are undefined.
 */
export type AmfValue =
  | undefined
  | null
  | boolean
  | number
  | string
  | Date
  | Uint8Array
  | readonly AmfValue[]
  | AmfObject;

/** Bounds of one parse. */
export interface AmfLimits {
  /** Objects within objects. */
  readonly depth: number;
  /**
   * Values in total, also those inside objects. A value that is referenced counts once for each reference.
   */
  readonly values: number;
}

/**
 * Bounds that no encoder comes near: a command has about 20 values, the metadata of a file with an index some
 * thousands.
 */
export const amfLimits: AmfLimits = { depth: 32, values: 16_384 };

/** What remains of the bounds. */
export class AmfBudget {
  readonly #limits: AmfLimits;
  #depth = 0;
  #values = 0;

  constructor(limits: AmfLimits) {
    this.#limits = limits;
  }

  /** Values so far. */
  get values(): number {
    return this.#values;
  }

  /**
   * Counts values.
   *
   * @param offset of the input, for the error
   * @throws FormatError if there are too many
   */
  count(values: number, offset: number): void {
    this.#values += values;
    if (this.#values > this.#limits.values) {
      throw new FormatError(`more than ${this.#limits.values} AMF values`, offset);
    }
  }

  /**
   * Enters an object or array; `leave` is its end.
   *
   * @throws FormatError if it is too deep
   */
  enter(offset: number): void {
    if (++this.#depth > this.#limits.depth) throw new FormatError(`AMF deeper than ${this.#limits.depth}`, offset);
  }

  /** Leaves an object or array. */
  leave(): void {
    this.#depth--;
  }
}

/**
 * Objects and arrays of a message by their number, for references. A reference within its object is
 * refused: values have no cycle.
 */
export class AmfReferences {
  readonly #entries: { value: AmfValue; values: number | undefined }[] = [];

  /** Takes the next number, before the content is read. */
  reserve(): number {
    return this.#entries.push({ value: undefined, values: undefined }) - 1;
  }

  /**
   * Sets a value whose content has been read.
   *
   * @param values number of values in it
   */
  set(index: number, value: AmfValue, values: number): void {
    this.#entries[index] = { value, values };
  }

  /**
   * The value of a reference, which counts as its whole content.
   *
   * @throws FormatError if the number is unknown, or of an object that is not complete
   */
  get(index: number, budget: AmfBudget, offset: number): AmfValue {
    const entry = this.#entries[index];
    if (entry?.values === undefined) throw new FormatError(`AMF reference ${index} has no complete object`, offset);
    budget.count(entry.values, offset);
    return entry.value;
  }
}

/** Creates an object without prototype, for names of the input. */
export function createAmfObject(): Record<string, AmfValue> {
  return Object.create(null) as Record<string, AmfValue>;
}

/** Whether a value is an object, not an array, Date or byte array. */
export function isAmfObject(value: AmfValue): value is AmfObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  );
}
