/**
 * VP9 as RTP payloads: non-flexible mode, one spatial and one temporal layer, picture ids of 15 bits.
 * In: frames or superframes. Out: payloads. Pure. RFC 9628 4.2 (payload descriptor), 4.2.1 (scalability
 * structure).
 */
import { FormatError } from '../../errors.ts';
import type { Frame } from '../../frame.ts';
import { parseVp9KeyFrame } from '../../vp9/frame-header.ts';

/** Bits of the first byte of the descriptor. */
const bit = { pictureId: 0x80, predicted: 0x40, start: 0x08, end: 0x04, structure: 0x02, notForUpperLayers: 0x01 };
/**
 * One spatial layer with its size (Y), one picture in the group (G, N_G) that refers to the one before (R,
 * P_DIFF).
 */
const STRUCTURE_HEAD = 0x18;
const STRUCTURE_GROUP = [1, 0x04, 1];
const DESCRIPTOR_BYTES = 3;

/** Creates the packetizer of a VP9 track. */
export function createVp9Payloads(maxBytes: number): (frame: Frame) => readonly Uint8Array[] {
  let pictureId = 0;
  return ({ data, key }) => {
    if (data.length === 0) return [];
    const structure = key ? structureOf(data) : [];
    pictureId = (pictureId + 1) & 0x7fff;
    const count = Math.ceil((data.length + structure.length) / (maxBytes - DESCRIPTOR_BYTES));
    const size = Math.ceil((data.length + structure.length) / count);
    const payloads: Uint8Array[] = [];
    for (let at = 0; at < data.length; ) {
      const isFirst = at === 0;
      const extra = isFirst ? structure : [];
      const piece = data.subarray(at, at + size - extra.length);
      const isLast = at + piece.length === data.length;
      const payload = new Uint8Array(DESCRIPTOR_BYTES + extra.length + piece.length);
      payload[0] =
        bit.pictureId |
        (key ? 0 : bit.predicted) |
        (isFirst ? bit.start : 0) |
        (isLast ? bit.end : 0) |
        (extra.length > 0 ? bit.structure : 0) |
        bit.notForUpperLayers;
      payload.set([0x80 | (pictureId >> 8), pictureId & 0xff, ...extra], 1);
      payload.set(piece, DESCRIPTOR_BYTES + extra.length);
      payloads.push(payload);
      at += piece.length;
    }
    return payloads;
  };
}

function structureOf(data: Uint8Array): number[] {
  const header = parseVp9KeyFrame(data);
  if (!header) throw new FormatError('a VP9 frame is no key frame, but is marked as one', 0);
  const { width, height } = header;
  return [STRUCTURE_HEAD, width >> 8, width & 0xff, height >> 8, height & 0xff, ...STRUCTURE_GROUP];
}
