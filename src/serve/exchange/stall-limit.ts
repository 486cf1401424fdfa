/**
 * A body that arrives, with a limit for silence.
 * In: the stream of a request. Out: its pieces; an error when no byte arrives for too long, or the client
 * disconnects.
 */
import type { Readable } from 'node:stream';
import { OxbowError } from '../../lib/errors.ts';

/**
 * The pieces of a body, read no faster than they are consumed.
 *
 * @param stallMs longest time without a byte, ms
 * @throws OxbowError `bad-request` if the body ends early or nothing arrives for this long
 */
export async function* withStallLimit(body: Readable, stallMs: number): AsyncGenerator<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    timer = setTimeout(() => body.destroy(new Error(`no byte arrived for ${stallMs / 1000} s`)), stallMs);
  };
  try {
    begin();
    // Not destroyed when the consumer stops: the answer is sent over the same connection.
    for await (const piece of body.iterator({ destroyOnReturn: false })) {
      clearTimeout(timer);
      yield piece as Uint8Array;
      begin();
    }
  } catch (error) {
    throw new OxbowError('bad-request', 'The body did not arrive completely.', { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
