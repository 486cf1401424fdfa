/**
 * Data messages: `onMetaData` and others.
 * In: a message of type 18 or 15. Out: its body as FLV has it. RTMP 1.0 specification (Adobe, 2012), 7.1.2.
 */
import { messageType } from './message.ts';

/** `@setDataFrame` as an AMF0 string: publishers put it before what a server should keep. */
const SET_DATA_FRAME = Buffer.from('\x02\x00\x0d@setDataFrame', 'latin1');

/**
 * The body without what FLV does not have: the leading zero of AMF3 messages, and `@setDataFrame`.
 *
 * @returns a view of `body`
 */
export function dataBody(type: number, body: Uint8Array): Uint8Array {
  const start = type === messageType.dataAmf3 && body[0] === 0 ? 1 : 0;
  const isFrame = SET_DATA_FRAME.every((byte, i) => body[start + i] === byte);
  return body.subarray(start + (isFrame ? SET_DATA_FRAME.length : 0));
}
