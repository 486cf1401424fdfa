/**
 * Sends the pieces of a reply, from memory or from files, no faster than the client takes them.
 * In: pieces and a range of them. Out: bytes on the response; what was begun and cannot be finished is cut off, not ended.
 */
import type { RangeReader } from '../../archive/range-reader.ts';
import type { Piece } from '../../delivery/reply.ts';
import type { AnswerBody, Exchange } from './exchange.ts';

/** Bytes read from a file and waiting for one client, at most; of what others ask for as well, they are shared. */
const READ_BYTES = 256 * 1024;
/** Longer stretches are downloads, of which no two are alike: they would drive out what is shared. */
const MAX_SHARED_BYTES = 4 * 1024 * 1024;
/** A client that takes nothing for so long is given up, milliseconds. */
const STALL_MS = 60_000;

/**
 * The stretch [start, end) of the pieces, as pieces.
 *
 * @param start first byte, counted over all pieces
 * @param end first byte not to send
 */
export function cutPieces(pieces: readonly Piece[], start: number, end: number): Piece[] {
  const cut: Piece[] = [];
  let at = 0;
  for (const piece of pieces) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, piece.length);
    at += piece.length;
    if (from >= to) continue;
    cut.push(to - from === piece.length ? piece : cutPiece(piece, from, to));
  }
  return cut;
}

function cutPiece(piece: Piece, from: number, to: number): Piece {
  if (piece instanceof Uint8Array) return piece.subarray(from, to);
  if ('read' in piece) return { length: to - from, read: async () => (await piece.read()).subarray(from, to) };
  return { location: piece.location, offset: piece.offset + from, length: to - from };
}

/** Whether all bytes are at hand, so that they can be sent without waiting. */
export function areInMemory(pieces: readonly Piece[]): pieces is readonly Uint8Array[] {
  return pieces.every((piece) => piece instanceof Uint8Array);
}

/**
 * The pieces in blocks: segments as views of what is shared, longer files 256 KiB at a time, what is in memory or made on the way whole.
 *
 * Throws the system's error, or RangeError where a file is shorter than the index says.
 */
export async function* readBlocks(
  pieces: readonly Piece[],
  reader: Pick<RangeReader, 'read' | 'shared'>,
): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) {
      yield piece;
      continue;
    }
    if ('read' in piece) {
      yield await piece.read();
      continue;
    }
    if (piece.length <= MAX_SHARED_BYTES) {
      yield* await reader.shared(piece.location, piece.offset, piece.length);
      continue;
    }
    for (let done = 0; done < piece.length; done += READ_BYTES) {
      yield await reader.read(piece.location, piece.offset + done, Math.min(READ_BYTES, piece.length - done));
    }
  }
}

/** Ends an answer that is in memory; a client that takes nothing of it is given up. */
export function sendMemory({ body, cut }: Exchange, pieces: readonly Uint8Array[]): void {
  for (const piece of pieces.slice(0, -1)) body.write(piece);
  body.end(pieces.at(-1));
  if (body.writableLength > 0) body.setTimeout(STALL_MS, cut);
}

/**
 * Writes the blocks and ends the answer. Resolves when the client has taken all of it or has gone away.
 * A block that cannot be had cuts the answer off, so that the client does not take a part for the whole, and rejects.
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

/** Resolves true when the client has taken what was written, false when it has gone away. */
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
