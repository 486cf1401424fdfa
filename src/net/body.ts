/**
 * The body of a reply, decoded, within bounds.
 * In: node's IncomingMessage. Out: bytes. One limit applies to the bytes received and to the decoded bytes.
 * RFC 9110, 8.4.
 */
import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, gunzipSync } from 'node:zlib';
import type { OxbowError } from '../lib/errors.ts';
import { netFailure, shownUrl, toNetFailure } from './failure.ts';
import type { Patience } from './patience.ts';

/** Limits of a body. The creator of `patience` destroys the message when it aborts. */
export interface BodyLimits {
  readonly url: URL;
  readonly maxBytes: number;
  readonly patience: Patience;
}

/** The error for a body that is too large. */
export function tooLarge({ url, maxBytes }: Pick<BodyLimits, 'url' | 'maxBytes'>): OxbowError {
  return netFailure('too-large', `${shownUrl(url)} is larger than ${maxBytes} bytes.`);
}

/**
 * @throws OxbowError `source-failed` for an encoding that is not gzip, deflate or br
 */
function decoder(encoding: string, first: Uint8Array, url: URL): Transform {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    case 'deflate':
      // Some servers send deflate without the zlib header.
      return first.length > 0 && (first[0]! & 0x0f) === 8 ? createInflate() : createInflateRaw();
    default:
      throw netFailure('encoding', `${shownUrl(url)} is encoded as ${encoding.slice(0, 40)}, which is not supported.`);
  }
}

/**
 * Reads a body as sent, to its end; leaving early closes the connection.
 *
 * @throws OxbowError `source-failed` when it is larger than `maxBytes`; errors of the connection
 */
export async function* readRaw(message: IncomingMessage, limits: BodyLimits): AsyncGenerator<Uint8Array, void> {
  let received = 0;
  try {
    if (Number(message.headers['content-length']) > limits.maxBytes) throw tooLarge(limits);
    for await (const chunk of message as AsyncIterable<Uint8Array>) {
      limits.patience.received(chunk.length);
      received += chunk.length;
      if (received > limits.maxBytes) throw tooLarge(limits);
      limits.patience.rest();
      yield chunk;
      limits.patience.goOn();
    }
  } finally {
    if (!message.complete || !message.readableEnded) message.destroy();
  }
}

/**
 * Reads the complete body and unpacks it, as pieces. Without an iterator, which costs a turn of the queue and
 * an object for each piece: recording reads everything this way.
 *
 * @throws as `readBody` does
 */
export async function collectBody(message: IncomingMessage, limits: BodyLimits): Promise<Uint8Array[]> {
  if (encodingOf(message) !== '') return await Array.fromAsync(readBody(message, limits));
  const { url, patience } = limits;
  try {
    patience.throwIfAborted();
    if (Number(message.headers['content-length']) > limits.maxBytes) throw tooLarge(limits);
    return await collectRaw(message, limits);
  } catch (error) {
    throw patience.isAborted ? patience.reason : toNetFailure(error, url);
  } finally {
    patience[Symbol.dispose]();
    if (!message.readableEnded) message.destroy();
  }
}

function collectRaw(message: IncomingMessage, limits: BodyLimits): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    let received = 0;
    const failed = () => reject(message.errored ?? new Error('The connection has ended within the answer.'));
    message.on('data', (piece: Uint8Array) => {
      limits.patience.received(piece.length);
      received += piece.length;
      if (received > limits.maxBytes) reject(tooLarge(limits));
      else pieces.push(piece);
    });
    message.once('end', () => (message.complete ? resolve(pieces) : failed()));
    message.once('close', failed); // after `end` the promise is settled
    if (message.closed) failed();
  });
}

/** The content coding; empty if there is none. */
function encodingOf({ headers }: IncomingMessage): string {
  const encoding = String(headers['content-encoding'] ?? '')
    .trim()
    .toLowerCase();
  return encoding === 'identity' ? '' : encoding;
}

/**
 * Reads a body to its end and unpacks it; breaking off closes the connection and stops the timeouts.
 *
 * @throws OxbowError `source-failed` when a bound is passed or the connection breaks; the caller's abort
 *   reason when it aborts
 */
export async function* readBody(message: IncomingMessage, limits: BodyLimits): AsyncGenerator<Uint8Array, void> {
  const { url, patience } = limits;
  try {
    patience.throwIfAborted();
    const encoding = encodingOf(message);
    const raw = readRaw(message, limits);
    yield* encoding === '' ? raw : unpack(raw, encoding, limits);
  } catch (error) {
    throw patience.isAborted ? patience.reason : toNetFailure(error, url);
  } finally {
    patience[Symbol.dispose]();
    // A generator that waits for the next byte cannot return, so the connection is closed.
    if (!message.readableEnded) message.destroy();
  }
}

/**
 * Unpacks a body as it arrives.
 *
 * @param encoding its Content-Encoding in lower case
 * @throws OxbowError `source-failed` when it is larger than `maxBytes`, or its encoding is not supported;
 *   errors of zlib
 */
export async function* unpack(
  raw: AsyncGenerator<Uint8Array>,
  encoding: string,
  limits: Pick<BodyLimits, 'url' | 'maxBytes'>,
): AsyncGenerator<Uint8Array, void> {
  const first = await raw.next();
  if (first.done) return;
  const transform = decoder(encoding, first.value, limits.url);
  const chunks = async function* () {
    yield first.value;
    yield* raw;
  };
  let unpacked = 0;
  // Errors of both sides are thrown by the iteration below.
  const out: Readable = pipeline(chunks, transform, () => {});
  for await (const chunk of out as AsyncIterable<Uint8Array>) {
    unpacked += chunk.length;
    if (unpacked > limits.maxBytes) throw tooLarge(limits);
    yield chunk;
  }
}

/** A body that is this short is unpacked at once, if the result is short too, bytes. */
const MAX_AT_ONCE_BYTES = 16 * 1024;
const MAX_UNPACKED_AT_ONCE_BYTES = 256 * 1024;

/**
 * Unpacks a complete body, as `unpack` does; a short one without a stream.
 *
 * @throws as `unpack` does
 */
export async function unpackWhole(
  pieces: readonly Uint8Array[],
  encoding: string,
  limits: Pick<BodyLimits, 'url' | 'maxBytes'>,
): Promise<Uint8Array[]> {
  const [first] = pieces;
  if (!first) return [];
  if (pieces.length === 1 && (encoding === 'gzip' || encoding === 'x-gzip') && first.length <= MAX_AT_ONCE_BYTES) {
    const maxOutputLength = Math.min(limits.maxBytes, MAX_UNPACKED_AT_ONCE_BYTES);
    try {
      return [gunzipSync(first, { maxOutputLength })];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error;
    }
  }
  const raw = (async function* () {
    yield* pieces;
  })();
  return await Array.fromAsync(unpack(raw, encoding, limits));
}
