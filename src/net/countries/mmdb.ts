/**
 * Reads a file in the MaxMind DB format: the country of an address.
 * In: the bytes of a file, which are kept and never changed. Out: codes of countries. A damaged file is a
 * FormatError when it is opened or checked; a look-up never throws. MaxMind DB file format 2.0.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FormatError } from '@oxbow/media/errors';
import { isCountryCode } from '../../api/access/country-codes.ts';
import type { IpAddress } from '../address.ts';
import { MmdbValues } from './mmdb-values.ts';

/** Before the metadata, at the end of the file. */
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
/** The metadata is in the last bytes of a file. */
const METADATA_BYTES = 128 * 1024;
/** Zeros between the tree and the data. */
const SEPARATOR_BYTES = 16;
/** Records whose country is remembered. */
const MAX_RECORDS = 65_536;
/** Nodes and records that are checked before other work of the process has its turn. */
const CHECKED_AT_ONCE = 20_000;

/** What a file says of itself. */
interface Metadata {
  readonly nodeCount: number;
  /** Bits of one of the two records of a node. */
  readonly recordBits: 24 | 28 | 32;
  readonly isIpv6: boolean;
  /** Such as `GeoLite2-Country`; at most 100 characters. */
  readonly type: string;
  /** When it was made, unix s. */
  readonly builtS: number;
}

/** An open file. */
export class Mmdb {
  readonly metadata: Metadata;
  readonly #bytes: Buffer;
  readonly #values: MmdbValues;
  /** The node at which IPv4 addresses begin; larger than the last node: it is a record. */
  readonly #ipv4Start: number;
  /** Of records, by their offset. */
  readonly #countries = new Map<number, string | undefined>();

  /** @throws FormatError for bytes that are not such a file */
  constructor(bytes: Buffer) {
    const tail = bytes.subarray(-METADATA_BYTES);
    const marker = tail.lastIndexOf(MARKER);
    if (marker < 0) throw new FormatError('no metadata of a MaxMind DB', bytes.length);
    const end = bytes.length - tail.length + marker;
    this.metadata = readMetadata(bytes, end + MARKER.length);
    const { nodeCount, recordBits, isIpv6 } = this.metadata;
    const dataStart = (nodeCount * recordBits) / 4 + SEPARATOR_BYTES;
    if (dataStart > end) throw new FormatError(`a tree of ${nodeCount} nodes in ${end} bytes`, 0);
    this.#bytes = bytes;
    this.#values = new MmdbValues(bytes.subarray(dataStart, end), dataStart);
    this.#ipv4Start = 0;
    // IPv4 addresses are in ::/96.
    if (isIpv6) this.#ipv4Start = this.#descend(new Uint8Array(12), 0);
  }

  /** Code of the country of an address; undefined: unknown, or the record is damaged. */
  find(address: IpAddress): string | undefined {
    if (address.length === 16 && !this.metadata.isIpv6) return undefined;
    const { nodeCount } = this.metadata;
    const record = this.#descend(address, address.length === 4 ? this.#ipv4Start : 0);
    if (record <= nodeCount) return undefined;
    const offset = record - nodeCount - SEPARATOR_BYTES;
    if (this.#countries.has(offset)) return this.#countries.get(offset);
    let country: string | undefined;
    try {
      country = this.#countryAt(offset);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
    if (this.#countries.size >= MAX_RECORDS) this.#countries.clear();
    this.#countries.set(offset, country);
    return country;
  }

  /**
   * Checks all nodes and all records, and lets other work have its turn between them.
   *
   * @throws FormatError for the first that is damaged; the reason of `signal`
   */
  async check({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { nodeCount } = this.metadata;
    const checked = new Set<number>();
    let countries = 0;
    for (let node = 0, steps = 0; node < nodeCount; node++) {
      for (const side of [0, 1]) {
        const record = this.#recordOf(node, side);
        if (record <= nodeCount) continue;
        const offset = record - nodeCount - SEPARATOR_BYTES;
        if (checked.has(offset)) continue;
        checked.add(offset);
        if (this.#countryAt(offset) !== undefined) countries++;
      }
      if (++steps % CHECKED_AT_ONCE !== 0) continue;
      await nextTurn();
      signal.throwIfAborted();
    }
    if (countries === 0) throw new FormatError(`no country in any record of "${this.metadata.type}"`, 0);
  }

  /** The record, or the node, at the end of the bits of an address. */
  #descend(address: IpAddress, from: number): number {
    const { nodeCount } = this.metadata;
    let node = from;
    for (let bit = 0; bit < address.length * 8 && node < nodeCount; bit++) {
      node = this.#recordOf(node, (address[bit >> 3]! >> (7 - (bit & 7))) & 1);
    }
    return node;
  }

  /** @param side 0 or 1 */
  #recordOf(node: number, side: number): number {
    const bytes = this.#bytes;
    switch (this.metadata.recordBits) {
      case 24:
        return bytes.readUIntBE(node * 6 + side * 3, 3);
      case 28: {
        const at = node * 7;
        const middle = bytes[at + 3]!;
        return side === 0
          ? bytes.readUIntBE(at, 3) + (middle >> 4) * 2 ** 24
          : bytes.readUIntBE(at + 4, 3) + (middle & 15) * 2 ** 24;
      }
      case 32:
        return bytes.readUInt32BE(node * 8 + side * 4);
    }
  }

  /**
   * `country.iso_code` of MaxMind and DB-IP; a text `country_code` or `country` of others. Where an address
   * is registered does not count: its users may be elsewhere.
   */
  #countryAt(offset: number): string | undefined {
    const values = this.#values;
    const country = values.fieldOf(offset, 'country');
    const code =
      (country !== undefined && values.isMap(country) ? values.textOf(country, 'iso_code') : undefined) ??
      values.textOf(offset, 'country_code') ??
      values.textOf(offset, 'country');
    const upper = code?.toUpperCase();
    return upper !== undefined && isCountryCode(upper) ? upper : undefined;
  }
}

function readMetadata(bytes: Buffer, at: number): Metadata {
  const values = new MmdbValues(bytes.subarray(at), at);
  values.skip(0); // of a file that was cut off, a part is missing
  const major = values.numberOf(0, 'binary_format_major_version');
  if (major !== 2) throw new FormatError(`version ${major ?? 'unknown'} of the MaxMind DB format`, at);
  const nodeCount = values.numberOf(0, 'node_count') ?? 0;
  const recordBits = values.numberOf(0, 'record_size') ?? 0;
  const version = values.numberOf(0, 'ip_version');
  if (recordBits !== 24 && recordBits !== 28 && recordBits !== 32)
    throw new FormatError(`records of ${recordBits} bits`, at);
  if (nodeCount < 1) throw new FormatError('a tree without nodes', at);
  if (version !== 4 && version !== 6) throw new FormatError(`addresses of version ${version ?? 'unknown'}`, at);
  const type = (values.textOf(0, 'database_type') ?? '').slice(0, 100);
  return { nodeCount, recordBits, isIpv6: version === 6, type, builtS: values.numberOf(0, 'build_epoch') ?? 0 };
}
