/**
 * Gives a media engine process random access to bytes that it has no file of: the parent answers its reads
 * over descriptor 3.
 * In: something that reads ranges. Out: bytes for child/stream-input. The child has one request at a time.
 *
 * A request is u64 offset, u32 count; an answer u32 length and the bytes, or 2^32 - 1 where the read failed.
 * Big-endian.
 */
import type { Duplex } from 'node:stream';
import { ByteReader } from '@oxbow/media/bytes';

/** Descriptor of the child on which it requests ranges. */
export const inputDescriptor = 3;
/** Bytes before the data of an answer. */
export const READ_ANSWER_HEADER_BYTES = 4;
const REQUEST_BYTES = 12;
const FAILED = 0xffff_ffff;
/** Largest range that a child may request. */
const MAX_READ = 16 * 1024 * 1024;

/** Bytes that a child may read at any position. */
export interface StreamInput {
  /** Bytes. */
  readonly length: number;
  /**
   * Reads a range; fewer bytes at the end. The child waits for it, so an answer that comes later slows the
   * child: this is how its owner limits its output.
   */
  read(offset: number, count: number): Promise<Uint8Array>;
}

/** Serializes a request. */
export function printReadRequest(offset: number, count: number): Uint8Array {
  const request = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(request.buffer);
  view.setBigUint64(0, BigInt(offset));
  view.setUint32(8, count);
  return request;
}

/**
 * Length of the data after the header of an answer; undefined if the read failed.
 *
 * @param header its first bytes
 */
export function parseReadAnswer(header: Uint8Array): number | undefined {
  const length = new ByteReader(header, 'read answer').u32();
  return length === FAILED ? undefined : length;
}

/**
 * Answers the reads of a child until its pipe closes.
 *
 * @param failed receives the error of a read that failed, and of a request that is malformed
 */
export function serveReads(pipe: Duplex, input: StreamInput, failed: (error: unknown) => void): void {
  let partial = new Uint8Array(0);
  let serving: Promise<void> = Promise.resolve();
  const answer = async (offset: number, count: number) => {
    const header = new Uint8Array(READ_ANSWER_HEADER_BYTES);
    const view = new DataView(header.buffer);
    try {
      const bytes = await input.read(offset, count);
      view.setUint32(0, bytes.length);
      pipe.write(header);
      pipe.write(bytes);
    } catch (error) {
      failed(error);
      view.setUint32(0, FAILED);
      pipe.write(header);
    }
  };
  pipe.on('error', () => {}); // The child has ended: its owner has the reason.
  pipe.on('data', (bytes: Uint8Array) => {
    partial = new Uint8Array([...partial, ...bytes]);
    while (partial.length >= REQUEST_BYTES) {
      const reader = new ByteReader(partial, 'read request');
      const offset = reader.u64();
      const count = reader.u32();
      partial = partial.slice(REQUEST_BYTES);
      if (count === 0 || count > MAX_READ || offset + count > input.length) {
        failed(new RangeError(`the media engine requested ${count} bytes at ${offset} of ${input.length}`));
        return;
      }
      serving = serving.then(() => answer(offset, count));
    }
  });
}
