/**
 * Event Message box: metadata between the fragments of a stream.
 * In: one box. Out: its fields. Pure. ISO/IEC 23009-1, 5.10.3.3 (versions 0 and 1).
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { Box } from './box.ts';

/** An event as it came. */
export interface EventMessage {
  /** scheme_id_uri. */
  readonly scheme: string;
  readonly value: string;
  readonly id: number;
  /** Ticks per second of the times below. */
  readonly timescale: number;
  /**
   * Ticks: from the start of the media timeline where `relative` is false, else from the first presentation
   * time of the next fragment.
   */
  readonly time: number;
  readonly relative: boolean;
  /** Ticks; 0 where it is not known. */
  readonly duration: number;
  /** message_data, a copy. */
  readonly data: Uint8Array;
}

const UNKNOWN_DURATION = 0xffffffff;

/**
 * Reads an `emsg`.
 *
 * @param box within `bytes`
 * @throws FormatError if it ends early, is of another version than 0 or 1, or has a timescale of 0
 */
export function parseEmsg(bytes: Uint8Array, box: Box): EventMessage {
  const reader = new ByteReader(bytes, "'emsg'", box.body, box.end);
  const version = reader.u8();
  reader.skip(3);
  if (version > 1) throw new FormatError(`emsg version ${version} is unknown`, box.start);
  const names = version === 0 ? [readText(reader), readText(reader)] : [];
  const timescale = reader.u32();
  const time = version === 1 ? reader.u64() : reader.u32();
  const duration = reader.u32();
  const id = reader.u32();
  if (version === 1) names.push(readText(reader), readText(reader));
  if (timescale === 0) throw new FormatError('emsg has a timescale of 0', box.start);
  return {
    scheme: names[0]!,
    value: names[1]!,
    id,
    timescale,
    time,
    relative: version === 0,
    duration: duration === UNKNOWN_DURATION ? 0 : duration,
    data: new Uint8Array(reader.take(reader.left)),
  };
}

/** UTF-8 up to a zero. */
function readText(reader: ByteReader): string {
  const { bytes, offset, left } = reader;
  const zero = bytes.subarray(offset, offset + left).indexOf(0);
  if (zero < 0) throw new FormatError("a string of 'emsg' has no end", offset);
  const text = new TextDecoder().decode(new Uint8Array(reader.take(zero)));
  reader.skip(1);
  return text;
}
