/**
 * WebSocket frames of the server, built once and sent to any number of connections: not masked, not
 * compressed, not fragmented.
 * In: JSON, or nothing for a ping. Out: bytes, which are never changed. Pure. RFC 6455 5.2.
 */

const TEXT = 0x81; // FIN, opcode 1
const PING = 0x89; // FIN, opcode 9

/** A ping without a body. */
export const pingFrame: Uint8Array = Uint8Array.of(PING, 0);

/**
 * Prints a text message.
 *
 * @param text of any length
 */
export function printFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = TEXT;
  if (head === 2) frame[1] = length;
  else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, head, 'utf8');
  return frame;
}
