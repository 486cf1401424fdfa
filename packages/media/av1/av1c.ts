/**
 * The AV1 codec configuration record, and the delimiters that a sample leaves out.
 * In: the body of an `av1C` box, temporal units. Out: the codec string, views of the units. Pure. AV1 Codec
 * ISO Media File Format Binding, 2.3 (record), 2.4 (samples), 5 (codecs parameter); AV1 Bitstream, 5.3.2 (OBU
 * header) and 4.10.5 (leb128).
 */
import { FormatError } from '../errors.ts';

const OBU_TEMPORAL_DELIMITER = 2;
const two = (value: number) => String(value).padStart(2, '0');

/**
 * The RFC 6381 codec string of a record, e.g. `av01.0.04M.08`.
 *
 * @param record body of an `av1C`
 * @throws FormatError if it is shorter than 4 bytes or of another version
 */
export function av1Codecs(record: Uint8Array): string {
  if (record.length < 4 || record[0] !== 0x81) throw new FormatError('av1C is too short or of an unknown version', 0);
  const profile = record[1]! >> 5;
  const level = record[1]! & 0x1f;
  const tier = record[2]! & 0x80 ? 'H' : 'M';
  const isHigh = (record[2]! & 0x40) !== 0;
  const isTwelve = profile === 2 && (record[2]! & 0x20) !== 0;
  const bitDepth = isHigh ? (isTwelve ? 12 : 10) : 8;
  return `av01.${profile}.${two(level)}${tier}.${two(bitDepth)}`;
}

/**
 * A temporal unit without the temporal delimiter before it: samples have none (2.4), but some files keep it.
 *
 * @param unit open bitstream units, each with its size
 * @returns a view of `unit`
 */
export function withoutTemporalDelimiter(unit: Uint8Array): Uint8Array {
  const head = unit[0];
  if (head === undefined || ((head >> 3) & 15) !== OBU_TEMPORAL_DELIMITER) return unit;
  const sizeAt = head & 4 ? 2 : 1; // extension
  // It has no payload: one byte of size, which is 0.
  return head & 2 && unit[sizeAt] === 0 ? unit.subarray(sizeAt + 1) : unit;
}
