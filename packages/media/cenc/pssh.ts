/**
 * Protection System Specific Header boxes: what a DRM system needs to get a licence.
 * In: a system, key ids and its data; or a box of any maker. Out: the box, or its fields. Pure.
 * ISO/IEC 23001-7, 8.1.
 */

import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import { BoxWriter, readBoxes } from '../isobmff/box.ts';
import { BLOCK, bytesOfUuid, uuidOf } from './protection.ts';

/** Key ids, and bytes of data, that one box may have. */
const MAX_KIDS = 256;
const MAX_DATA = 64 * 1024;

/** The content of a pssh. */
export interface Pssh {
  /** SystemID as a UUID. */
  readonly system: string;
  /** 16 bytes each. A box without any is of version 0. */
  readonly kids: readonly Uint8Array[];
  readonly data: Uint8Array;
}

/**
 * Writes a box: version 1 with key ids, version 0 without.
 *
 * @throws FormatError if the system is no UUID, or a bound is passed
 */
export function printPssh({ system, kids, data }: Pssh): Uint8Array {
  const id = bytesOfUuid(system);
  if (!id) throw new FormatError(`'pssh' of a system that is no UUID: ${system}`, 0);
  if (kids.length > MAX_KIDS || data.length > MAX_DATA) throw new FormatError("'pssh' is too large", 0);
  const writer = new BoxWriter(new Uint8Array(36 + BLOCK * kids.length + data.length));
  const box = writer.openFull('pssh', kids.length > 0 ? 1 : 0, 0);
  writer.raw(id);
  if (kids.length > 0) writer.u32(kids.length);
  for (const kid of kids) writer.raw(kid);
  writer.u32(data.length);
  writer.raw(data);
  writer.close(box);
  return writer.bytes.slice(0, writer.offset);
}

/**
 * Reads one box with its header.
 *
 * @throws FormatError if it is another box, of a version above 1, ends early or passes a bound
 */
export function parsePssh(bytes: Uint8Array): Pssh {
  const [box, ...others] = readBoxes(bytes);
  if (box?.type !== 'pssh' || others.length > 0) throw new FormatError("not one 'pssh' box", 0);
  const reader = new ByteReader(bytes, "'pssh'", box.body, box.end);
  const version = reader.u8();
  if (version > 1) throw new FormatError(`'pssh' of version ${version}`, box.body);
  reader.skip(3);
  const system = uuidOf(reader.take(BLOCK));
  const count = version === 1 ? reader.u32() : 0;
  if (count > MAX_KIDS) throw new FormatError("'pssh' with too many key ids", reader.offset);
  const kids = Array.from({ length: count }, () => reader.take(BLOCK));
  const length = reader.u32();
  if (length > MAX_DATA) throw new FormatError("'pssh' is too large", reader.offset);
  const data = reader.take(length);
  if (reader.left > 0) throw new FormatError("'pssh' has bytes after its data", reader.offset);
  return { system, kids, data };
}
