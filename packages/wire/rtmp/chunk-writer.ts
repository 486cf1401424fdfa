/**
 * Messages to chunks.
 * In: messages. Out: arrays for the socket. RTMP 1.0 specification (Adobe, 2012), 5.3, 5.4.
 */
import { DEFAULT_CHUNK_SIZE, messageType } from './message.ts';

/** Chunk stream ids: one for each kind of message, so that the writer needs no table (5.3.1.1). */
const CONTROL = 2;
const COMMANDS = 3;
const DATA = 4;
const AUDIO = 5;
const VIDEO = 6;
/** A timestamp with this value is in the four bytes after the header. */
const EXTENDED = 0xffffff;

/** Writes chunks; the state is the chunk size. */
export class ChunkWriter {
  #chunkSize = DEFAULT_CHUNK_SIZE;

  /** Size of the chunks, bytes, after the peer was sent a Set Chunk Size message of this value. */
  set chunkSize(bytes: number) {
    this.#chunkSize = bytes;
  }

  /**
   * Prints a message with a complete header, so that each message is independent of those before.
   *
   * @param timestampMs 0 to 2^32 - 1
   * @param body copied
   * @returns a new array
   */
  print(type: number, timestampMs: number, streamId: number, body: Uint8Array): Uint8Array {
    const id = chunkStreamOf(type);
    const isExtended = timestampMs >= EXTENDED;
    const chunks = Math.max(1, Math.ceil(body.length / this.#chunkSize));
    const each = isExtended ? 5 : 1;
    const bytes = Buffer.allocUnsafe(12 + (isExtended ? 4 : 0) + body.length + (chunks - 1) * each);
    bytes[0] = id;
    bytes.writeUIntBE(isExtended ? EXTENDED : timestampMs, 1, 3);
    bytes.writeUIntBE(body.length, 4, 3);
    bytes[7] = type;
    bytes.writeUInt32LE(streamId, 8);
    let at = 12;
    if (isExtended) at = bytes.writeUInt32BE(timestampMs, at);
    for (let from = 0; from < body.length; from += this.#chunkSize) {
      if (from > 0) {
        bytes[at++] = 0xc0 | id;
        if (isExtended) at = bytes.writeUInt32BE(timestampMs, at);
      }
      const piece = body.subarray(from, from + this.#chunkSize);
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}

function chunkStreamOf(type: number): number {
  switch (type) {
    case messageType.audio:
      return AUDIO;
    case messageType.video:
      return VIDEO;
    case messageType.data:
      return DATA;
    case messageType.command:
      return COMMANDS;
    default:
      return CONTROL;
  }
}
