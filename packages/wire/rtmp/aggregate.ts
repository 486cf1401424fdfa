/**
 * Aggregate messages: several messages in one.
 * In: the body of a message of type 22. Out: its messages. RTMP 1.0 specification (Adobe, 2012), 7.1.6.
 */
import { FormatError } from '@oxbow/media/errors';

/** Header of a message within an aggregate, as in FLV. */
const HEADER_BYTES = 11;

/**
 * Delivers the messages of an aggregate. Their timestamps are moved so that the first one has the timestamp
 * of the aggregate.
 *
 * @param onMessage its body is a view of `body`
 * @throws FormatError if a message ends after the aggregate
 */
export function readAggregate(
  body: Uint8Array,
  timestampMs: number,
  onMessage: (type: number, timestampMs: number, body: Uint8Array) => void,
): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let offsetMs: number | undefined;
  for (let at = 0; at < body.length; ) {
    if (at + HEADER_BYTES > body.length) throw new FormatError('an aggregate message ends early', at);
    const length = view.getUint32(at) & 0xffffff;
    const ownMs = ((view.getUint32(at + 4) >>> 8) | (view.getUint8(at + 7) << 24)) >>> 0;
    offsetMs ??= timestampMs - ownMs;
    const start = at + HEADER_BYTES;
    if (start + length > body.length) throw new FormatError('a message of an aggregate ends early', at);
    onMessage(view.getUint8(at) & 0x1f, (ownMs + offsetMs) >>> 0, body.subarray(start, start + length));
    at = start + length + 4; // the size of the message follows it
  }
}
