/**
 * Writes a ZIP file in one pass, without compression: media is compressed already, and readers seek in stored
 * files. Files of unknown size have their sizes behind them (data descriptor), those that may be larger than
 * 4 GiB in ZIP64 form.
 * In: names, bytes in order. Out: the bytes of the ZIP file; length and SHA-256 of each file in it.
 * APPNOTE.TXT 6.3.10 (PKWARE), 4.3. Memory: a record of about 200 bytes for each file.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The largest value of a 32-bit field; this one says that the ZIP64 field has the number. */
const MAX_32 = 0xffff_ffff;
/**
 * A file that is expected to be at most this long gets no ZIP64 fields, bytes: the estimate may be too low.
 */
const SURELY_SHORT = 3 * 2 ** 30;
const MAX_16 = 0xffff;
/** Needed to read: 4.5 has ZIP64. */
const VERSION = 45;
/** Made on UNIX, so that the permissions are read. */
const MADE_BY = (3 << 8) | VERSION;
/** A regular file that everyone may read, in the upper half of the attributes. */
const ATTRIBUTES = 0o100644 * 2 ** 16;
/** Bit 3: sizes follow the data. Bit 11: names are UTF-8. */
const FLAGS = (1 << 3) | (1 << 11);
const ZIP64_TAG = 1;

/** A file in the archive. */
export interface ZippedFile {
  readonly name: string;
  /** Bytes. */
  readonly length: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

interface Entry extends ZippedFile {
  readonly crc: number;
  /** Where its header begins, bytes. */
  readonly offset: number;
}

/** What a file is written with. */
interface FileRequest {
  /** Parts joined by `/`, UTF-8, at most 1000 bytes. */
  readonly name: string;
  /** Expected length, bytes. */
  readonly expected: number;
  /** Writes the content; if it throws before its first byte, the archive has no such file. */
  readonly content: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>;
}

/** One ZIP file. One call at a time. */
export class ZipWriter {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #date: Buffer;
  readonly #entries: Entry[] = [];
  #length = 0;

  /**
   * @param write writes bytes at the end; calls are in order and one at a time
   * @param options.nowMs time of all files, ms since 1970; ZIP stores it to two seconds, here in UTC
   */
  constructor(write: (bytes: Uint8Array) => Promise<void>, { nowMs }: { readonly nowMs: number }) {
    this.#write = write;
    this.#date = dosTime(nowMs);
  }

  /** The files so far, in order. */
  get files(): readonly ZippedFile[] {
    return this.#entries;
  }

  /** Length so far, bytes. */
  get length(): number {
    return this.#length;
  }

  /** Adds a file. */
  async add({ name, expected, content }: FileRequest): Promise<ZippedFile> {
    const isLong = expected > SURELY_SHORT;
    const offset = this.#length;
    const hash = createHash('sha256');
    let [crc, length] = [0, 0];
    const begin = () => this.#append(this.#localHeader(name, isLong));
    let isBegun = false;
    await content(async (bytes) => {
      if (!isBegun) await begin();
      isBegun = true;
      crc = crc32(bytes, crc);
      hash.update(bytes);
      length += bytes.length;
      await this.#append(bytes);
    });
    if (!isBegun) await begin();
    assert.ok(isLong || length < MAX_32, `${name} is ${length} bytes long, ${expected} were expected`);
    await this.#append(descriptor(crc, length, isLong));
    const entry: Entry = { name, length, sha256: hash.digest('hex'), crc, offset };
    this.#entries.push(entry);
    return entry;
  }

  /** Adds a file whose content is in memory. */
  addBytes(name: string, bytes: Uint8Array): Promise<ZippedFile> {
    return this.add({ name, expected: bytes.length, content: (write) => write(bytes) });
  }

  /** Writes the directory, which ends the archive. */
  async finish(): Promise<void> {
    const start = this.#length;
    for (const entry of this.#entries) await this.#append(this.#directoryRecord(entry));
    const size = this.#length - start;
    const count = this.#entries.length;
    if (count >= MAX_16 || start >= MAX_32 || size >= MAX_32) await this.#append(zip64End(count, size, start));
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(Math.min(count, MAX_16), 8);
    end.writeUInt16LE(Math.min(count, MAX_16), 10);
    end.writeUInt32LE(Math.min(size, MAX_32), 12);
    end.writeUInt32LE(Math.min(start, MAX_32), 16);
    await this.#append(end);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#length += bytes.length;
    await this.#write(bytes);
  }

  /** 4.3.7. A ZIP64 field without sizes announces that those behind the data have 8 bytes. */
  #localHeader(name: string, isLong: boolean): Buffer {
    const text = Buffer.from(name);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(VERSION, 4);
    header.writeUInt16LE(FLAGS, 6);
    this.#date.copy(header, 10);
    if (isLong) header.fill(0xff, 18, 26);
    header.writeUInt16LE(text.length, 26);
    const extra = isLong ? zip64Field([0, 0]) : Buffer.alloc(0);
    header.writeUInt16LE(extra.length, 28);
    return Buffer.concat([header, text, extra]);
  }

  /** 4.3.12. */
  #directoryRecord({ name, length, crc, offset }: Entry): Buffer {
    const text = Buffer.from(name);
    const record = Buffer.alloc(46);
    record.writeUInt32LE(0x02014b50, 0);
    record.writeUInt16LE(MADE_BY, 4);
    record.writeUInt16LE(VERSION, 6);
    record.writeUInt16LE(FLAGS, 8);
    this.#date.copy(record, 12);
    record.writeUInt32LE(crc, 16);
    record.writeUInt32LE(Math.min(length, MAX_32), 20);
    record.writeUInt32LE(Math.min(length, MAX_32), 24);
    record.writeUInt16LE(text.length, 28);
    // Only the fields that are 0xffffffff are in the ZIP64 field, in this order (4.5.3).
    const large = [...(length >= MAX_32 ? [length, length] : []), ...(offset >= MAX_32 ? [offset] : [])];
    const extra = large.length > 0 ? zip64Field(large) : Buffer.alloc(0);
    record.writeUInt16LE(extra.length, 30);
    record.writeUInt32LE(ATTRIBUTES, 38);
    record.writeUInt32LE(Math.min(offset, MAX_32), 42);
    return Buffer.concat([record, text, extra]);
  }
}

function zip64Field(values: readonly number[]): Buffer {
  const field = Buffer.alloc(4 + 8 * values.length);
  field.writeUInt16LE(ZIP64_TAG, 0);
  field.writeUInt16LE(8 * values.length, 2);
  for (const [i, value] of values.entries()) field.writeBigUInt64LE(BigInt(value), 4 + 8 * i);
  return field;
}

/** 4.3.9. */
function descriptor(crc: number, length: number, isLong: boolean): Buffer {
  const bytes = Buffer.alloc(isLong ? 24 : 16);
  bytes.writeUInt32LE(0x08074b50, 0);
  bytes.writeUInt32LE(crc, 4);
  if (isLong) {
    bytes.writeBigUInt64LE(BigInt(length), 8);
    bytes.writeBigUInt64LE(BigInt(length), 16);
  } else {
    bytes.writeUInt32LE(length, 8);
    bytes.writeUInt32LE(length, 12);
  }
  return bytes;
}

/** The end of the directory with 64-bit numbers, and the record that points to it (4.3.14, 4.3.15). */
function zip64End(count: number, size: number, start: number): Buffer {
  const bytes = Buffer.alloc(56 + 20);
  bytes.writeUInt32LE(0x06064b50, 0);
  bytes.writeBigUInt64LE(44n, 4);
  bytes.writeUInt16LE(MADE_BY, 12);
  bytes.writeUInt16LE(VERSION, 14);
  bytes.writeBigUInt64LE(BigInt(count), 24);
  bytes.writeBigUInt64LE(BigInt(count), 32);
  bytes.writeBigUInt64LE(BigInt(size), 40);
  bytes.writeBigUInt64LE(BigInt(start), 48);
  bytes.writeUInt32LE(0x07064b50, 56);
  bytes.writeBigUInt64LE(BigInt(start + size), 64);
  bytes.writeUInt32LE(1, 72);
  return bytes;
}

/** Time and date of MS-DOS, which begin in 1980. */
function dosTime(nowMs: number): Buffer {
  const at = new Date(Math.max(nowMs, Date.UTC(1980)));
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1);
  const date = ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate();
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(time, 0);
  bytes.writeUInt16LE(date & MAX_16, 2);
  return bytes;
}
