/**
 * Opus as RTP payloads: a packet is a payload.
 * In: frames. Out: payloads. Pure. RFC 7587 4.2.
 */
import { FormatError } from '../../errors.ts';
import type { Frame } from '../../frame.ts';

/**
 * The payload of a frame: its data; none for an empty frame.
 *
 * @throws FormatError for a packet of more than `maxBytes`, which RTP cannot divide: 20 ms have at most 1,275
 *   bytes, and in practice 400
 */
export function opusPayloads({ data }: Frame, maxBytes: number): readonly Uint8Array[] {
  if (data.length > maxBytes) {
    throw new FormatError(
      `an Opus packet of ${data.length} bytes, more than the ${maxBytes} of an RTP payload`,
      maxBytes,
    );
  }
  return data.length > 0 ? [data] : [];
}
