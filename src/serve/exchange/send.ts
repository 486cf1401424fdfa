/**
 * Sends the body of a reply, from memory or from files, no faster than the client receives it.
 * In: body parts and a range of them. Out: bytes on the response. An answer that cannot be completed is
 * aborted, not ended.
 */
import type { RangeReader } from '../../archive/range-reader.ts';
import type { BodyPart } from '../../delivery/reply.ts';
import type { AnswerBody, Exchange } from './exchange.ts';

/** Most bytes read from a file at once for one client. */
const READ_BYTES = 256 * 1024;
/** Longer parts are downloads, each different: they would evict shared blocks from the cache. */
const MAX_SHARED_BYTES = 4 * 1024 * 1024;
/** A client that receives nothing for this long is disconnected, ms. */
const STALL_MS = 60_000;

/**
 * The bytes [start, end) of the body, as body parts.
 *
 * @param start first byte, counted over all parts
 * @param end first byte not to send
 */
export function cutBody(body: readonly BodyPart[], start: number, end: number): BodyPart[] {
  const cut: BodyPart[] = [];
  let at = 0;
  for (const part of body) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, part.length);
    at += part.length;
    if (from >= to) continue;
    cut.push(to - from === part.length ? part : cutBodyPart(part, from, to));
  }
  return cut;
}

function cutBodyPart(part: BodyPart, from: number, to: number): BodyPart {
  if (part instanceof Uint8Array) return part.subarray(from, to);
  if ('read' in part) return { length: to - from, read: async () => (await part.read()).subarray(from, to) };
  if ('blocks' in part) return { length: to - from, blocks: (start, end) => part.blocks(from + start, from + end) };
  return { location: part.location, offset: part.offset + from, length: to - from };
}

/** Whether all bytes are in memory, so that they can be sent without waiting. */
export function areInMemory(body: readonly BodyPart[]): body is readonly Uint8Array[] {
  return body.every((part) => part instanceof Uint8Array);
}

/**
 * The body in blocks: segments as views of shared blocks, longer files in 256 KiB, parts in memory or
 * generated ones whole.
 *
 * Throws the system's error, or RangeError if a file is shorter than the index says.
 */
export async function* readBlocks(
  body: readonly BodyPart[],
  reader: Pick<RangeReader, 'read' | 'shared'>,
): AsyncGenerator<Uint8Array> {
  for (const part of body) {
    if (part instanceof Uint8Array) {
      yield part;
      continue;
    }
    if ('read' in part) {
      yield await part.read();
      continue;
    }
    if ('blocks' in part) {
      yield* part.blocks(0, part.length);
      continue;
    }
    if (part.length <= MAX_SHARED_BYTES) {
      yield* await reader.shared(part.location, part.offset, part.length);
      continue;
    }
    for (let done = 0; done < part.length; done += READ_BYTES) {
      yield await reader.read(part.location, part.offset + done, Math.min(READ_BYTES, part.length - done));
    }
  }
}

/** Sends parts in memory and ends the answer. Disconnects a client that does not receive it. */
export function sendMemory({ body, cut }: Exchange, parts: readonly Uint8Array[]): void {
  for (const part of parts.slice(0, -1)) body.write(part);
  body.end(parts.at(-1));
  if (body.writableLength > 0) body.setTimeout(STALL_MS, cut);
}

/**
 * Sends the blocks and ends the answer. Resolves when the client has received all of it or disconnected.
 * Rejects and aborts the answer if a block cannot be read, so that the client does not take it for complete.
 */
export async function sendBlocks(exchange: Exchange, blocks: AsyncIterable<Uint8Array>): Promise<void> {
  const { body, cut } = exchange;
  exchange.holdsOwn?.();
  body.setTimeout(STALL_MS, cut);
  try {
    for await (const block of blocks) {
      if (body.destroyed) return;
      if (!body.write(block) && !(await drained(body))) return;
    }
  } catch (error) {
    cut();
    throw error;
  }
  body.end();
}

/** Resolves true when the buffer is empty, false when the client has disconnected. */
function drained(body: AnswerBody): Promise<boolean> {
  if (body.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const settle = (isOpen: boolean) => {
      body.off('drain', onDrain);
      body.off('close', onClose);
      resolve(isOpen);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    body.on('drain', onDrain);
    body.on('close', onClose);
  });
}
