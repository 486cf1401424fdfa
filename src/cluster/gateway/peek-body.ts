/**
 * Reads the beginning of a request's body and puts it back, so that the request can be answered here or
 * passed on.
 * In: a request. Out: the result of `read`.
 */
import type { IncomingMessage } from 'node:http';
import { OxbowError } from '../../lib/errors.ts';

/** How a body is looked at. */
interface PeekOptions<T> {
  /** Most bytes that are read. */
  readonly maxBytes: number;
  /** Called with the bytes so far; undefined: more is needed. */
  readonly read: (bytes: Buffer) => T | undefined;
  /**
   * `read` is called once, with all of the body: a client that sends byte by byte would have it parsed as
   * often.
   */
  readonly isWhole?: boolean;
}

/**
 * Reads until `read` returns something.
 *
 * @returns undefined if all of the body, or `maxBytes` of it, has nothing
 * @throws OxbowError `bad-request` for a body that is empty, or of which the end was not known before it
 *   came: it cannot be put back
 */
export function peekBody<T>(
  request: IncomingMessage,
  { maxBytes, read, isWhole = false }: PeekOptions<T>,
): Promise<T | undefined> {
  const length = Number(request.headers['content-length'] ?? Number.NaN);
  return new Promise((resolve, reject) => {
    if (length === 0) return resolve(undefined);
    const chunks: Buffer[] = [];
    let taken = 0;
    const done = (value: T | undefined) => {
      stop();
      // In the turn in which the last of it was read: after the end nothing can be put back.
      if (taken > 0 && !request.destroyed) request.unshift(Buffer.concat(chunks));
      resolve(value);
    };
    const look = () => {
      for (let chunk: Buffer | null = request.read(); chunk !== null; chunk = request.read()) {
        chunks.push(chunk);
        taken += chunk.length;
      }
      if (taken === 0) return;
      const isOver = taken >= maxBytes || taken === length || request.complete;
      if (isWhole && !isOver) return;
      const value = read(Buffer.concat(chunks));
      if (value !== undefined || isOver) done(value);
    };
    const cut = () => {
      stop();
      reject(new OxbowError('bad-request', 'The body of the request is empty, or its length is not known.'));
    };
    const stop = () => request.off('readable', look).off('end', cut).off('close', cut).off('error', cut);
    request.on('readable', look).once('end', cut).once('close', cut).once('error', cut);
  });
}
