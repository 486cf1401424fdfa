/**
 * The DTLS record layer: plain and encrypted records of epochs 0 and 1.
 * In: datagrams. Out: records; datagrams with a record each. RFC 6347 4.1; AES-128-GCM as in RFC 5288.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { ByteReader } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';

/** Content types, RFC 5246 6.2.1. */
export const contentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

/** DTLS 1.2 on the wire. */
export const DTLS_1_2 = 0xfefd;
const HEADER_BYTES = 13;
const EXPLICIT_NONCE_BYTES = 8;
const TAG_BYTES = 16;

/** A record, still encrypted in epochs above 0. */
export interface DtlsRecord {
  readonly type: number;
  readonly epoch: number;
  /** 48 bits. */
  readonly sequence: number;
  /** A view of the datagram. */
  readonly fragment: Uint8Array;
}

/**
 * Splits a datagram into records.
 *
 * @throws FormatError if it ends within a record
 */
export function parseRecords(datagram: Uint8Array): DtlsRecord[] {
  const reader = new ByteReader(datagram, 'DTLS record');
  const records: DtlsRecord[] = [];
  while (reader.left > 0) {
    const type = reader.u8();
    const at = reader.offset;
    if (reader.u8() !== 0xfe) throw new FormatError('unknown version of a DTLS record', at);
    reader.skip(1); // a ClientHello may be sent as DTLS 1.0
    const epoch = reader.u16();
    const sequence = reader.u16() * 2 ** 32 + reader.u32();
    records.push({ type, epoch, sequence, fragment: reader.take(reader.u16()) });
  }
  return records;
}

/** Prints a record. @param fragment plain in epoch 0, otherwise encrypted */
export function printRecord({ type, epoch, sequence, fragment }: DtlsRecord): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + fragment.length);
  const view = new DataView(record.buffer);
  record[0] = type;
  view.setUint16(1, DTLS_1_2);
  view.setUint16(3, epoch);
  view.setUint16(5, Math.floor(sequence / 2 ** 32));
  view.setUint32(7, sequence >>> 0);
  view.setUint16(11, fragment.length);
  record.set(fragment, HEADER_BYTES);
  return record;
}

/** Key and fixed part of the nonce of one direction. */
export interface RecordKeys {
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** 4 bytes. */
  readonly salt: Uint8Array;
}

/** Encrypts a record of epoch 1 or above. @param record with the plain fragment */
export function sealRecord({ key, salt }: RecordKeys, record: DtlsRecord): DtlsRecord {
  const explicit = recordNumber(record);
  const cipher = createCipheriv('aes-128-gcm', key, Buffer.concat([salt, explicit]));
  cipher.setAAD(additionalData(record, record.fragment.length));
  const sealed = Buffer.concat([explicit, cipher.update(record.fragment), cipher.final(), cipher.getAuthTag()]);
  return { ...record, fragment: sealed };
}

/** Decrypts a record; undefined if it is forged or damaged. */
export function openRecord({ key, salt }: RecordKeys, record: DtlsRecord): Uint8Array | undefined {
  const { fragment } = record;
  const length = fragment.length - EXPLICIT_NONCE_BYTES - TAG_BYTES;
  if (length < 0) return undefined;
  const decipher = createDecipheriv(
    'aes-128-gcm',
    key,
    Buffer.concat([salt, fragment.subarray(0, EXPLICIT_NONCE_BYTES)]),
  );
  decipher.setAAD(additionalData(record, length));
  decipher.setAuthTag(fragment.subarray(-TAG_BYTES));
  const plain = decipher.update(fragment.subarray(EXPLICIT_NONCE_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined; // the tag does not match
  }
  return plain;
}

/** Epoch and sequence number, 8 bytes. */
function recordNumber({ epoch, sequence }: DtlsRecord): Buffer {
  const number = Buffer.alloc(8);
  number.writeUInt16BE(epoch, 0);
  number.writeUIntBE(sequence, 2, 6);
  return number;
}

function additionalData(record: DtlsRecord, length: number): Buffer {
  const data = Buffer.alloc(HEADER_BYTES);
  recordNumber(record).copy(data);
  data[8] = record.type;
  data.writeUInt16BE(DTLS_1_2, 9);
  data.writeUInt16BE(length, 11);
  return data;
}
