/**
 * Reads the body of a request before it is passed on, because its signature covers it.
 * In: a request of a client. Out: its bytes. docs/decisions/0082.
 */
import type { IncomingMessage } from 'node:http';
import { OxbowError } from '../lib/errors.ts';

/** A body that is being read. */
interface WholeBody {
  /**
   * Rejects with an OxbowError `payload-too-large`, `bad-request` if the client left, or with the error of
   * `destroy`.
   */
  readonly bytes: Promise<Buffer>;
  /** Reads no further. */
  destroy(error?: Error): void;
}

/** Begins to read a body. Nothing of it can be put back. */
export function readWhole(request: IncomingMessage, maxBytes: number): WholeBody {
  const { promise: bytes, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  const take = (chunk: Buffer) => {
    length += chunk.length;
    chunks.push(chunk);
    if (length > maxBytes) stop(new OxbowError('payload-too-large', `The body has more than ${maxBytes} bytes.`));
  };
  const stop = (error?: Error) => {
    request.off('data', take).off('end', finish).off('close', cut).off('error', cut).pause();
    reject(error ?? new OxbowError('bad-request', 'The body of the request did not come.'));
  };
  const finish = () => {
    resolve(Buffer.concat(chunks));
    stop();
  };
  const cut = () => stop();
  request.on('data', take).once('end', finish).once('close', cut).once('error', cut);
  return { bytes, destroy: stop };
}
