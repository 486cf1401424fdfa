/**
 * The payload descriptor of VP8, as a forwarder needs it: where a key frame begins, and the numbers of
 * pictures.
 * In: RTP payloads. Out: their numbers; payloads with other numbers. Pure. RFC 7741 4.2 (descriptor), 4.3
 * (payload header).
 */

/** The fields of a payload that a forwarder reads. */
interface Vp8Descriptor {
  /** The first packet of a key frame. */
  readonly isKeyStart: boolean;
  /** Offset of the PictureID, and its bits: 7 or 15; undefined: there is none. */
  readonly picture: { readonly at: number; readonly bits: 7 | 15; readonly id: number } | undefined;
  /** Offset and value of TL0PICIDX, 8 bits; undefined: there is none. */
  readonly layer: { readonly at: number; readonly index: number } | undefined;
}

/** How far the numbers of a source are moved. */
export interface Vp8Shift {
  readonly picture: number;
  readonly layer: number;
}

/** Reads a payload; undefined if it ends early. */
export function readVp8(payload: Uint8Array): Vp8Descriptor | undefined {
  const first = payload[0];
  if (first === undefined) return undefined;
  let at = 1;
  let picture: Vp8Descriptor['picture'];
  let layer: Vp8Descriptor['layer'];
  if (first & 0x80) {
    const flags = payload[at++] ?? 0;
    if (flags & 0x80) {
      const high = payload[at] ?? 0;
      const isLong = (high & 0x80) !== 0;
      picture = { at, bits: isLong ? 15 : 7, id: isLong ? ((high & 0x7f) << 8) | (payload[at + 1] ?? 0) : high };
      at += isLong ? 2 : 1;
    }
    if (flags & 0x40) layer = { at, index: payload[at++] ?? 0 };
    if (flags & 0x30) at++;
  }
  if (at >= payload.length) return undefined;
  const isStart = (first & 0x10) !== 0 && (first & 7) === 0;
  return { isKeyStart: isStart && (payload[at]! & 1) === 0, picture, layer };
}

/** The payload with numbers that are moved; the same one where nothing changes. */
export function shiftVp8(payload: Uint8Array, shift: Vp8Shift): Uint8Array {
  if (shift.picture === 0 && shift.layer === 0) return payload;
  const descriptor = readVp8(payload);
  if (!descriptor || (!descriptor.picture && !descriptor.layer)) return payload;
  const { picture, layer } = descriptor;
  const moved = payload.slice();
  if (picture) {
    const id = picture.id + shift.picture;
    if (picture.bits === 7) moved[picture.at] = id & 0x7f;
    else moved.set([0x80 | ((id >> 8) & 0x7f), id & 0xff], picture.at);
  }
  if (layer) moved[layer.at] = (layer.index + shift.layer) & 0xff;
  return moved;
}
