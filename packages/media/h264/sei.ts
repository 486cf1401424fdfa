/**
 * The SEI messages of a NAL unit. H.264 and HEVC have the same form.
 * In: one NAL unit. Out: the type and the payload of each message, without emulation prevention. Pure. ITU-T
 * H.264, 7.3.2.3.1; H.265, 7.3.5.
 */

/** Bytes of a NAL unit that are read; messages of interest are shorter and come first. */
const MAX_BYTES = 4096;
const NONE = new Uint8Array();

/** Reads one NAL unit after another. */
export class SeiReader {
  /** Where the payloads are: the NAL unit itself, or memory of the reader if it has emulation prevention. */
  bytes: Uint8Array = NONE;
  /** payloadType of the current message. */
  type = 0;
  /**
   * Its payload in `bytes`: first byte, and the one after the last. A message that is cut short ends early.
   */
  start = 0;
  end = 0;
  readonly #unescaped = new Uint8Array(MAX_BYTES);
  #limit = 0;

  /**
   * Begins with a NAL unit.
   *
   * @param from first byte after the NAL unit header
   * @param to the byte after the NAL unit
   */
  open(bytes: Uint8Array, from: number, to: number): void {
    const end = Math.min(to, from + MAX_BYTES, bytes.length);
    if (isEscaped(bytes, from, end)) {
      this.bytes = this.#unescaped;
      this.#limit = removeEscapes(bytes, from, end, this.#unescaped);
      this.end = 0;
    } else {
      this.bytes = bytes;
      this.#limit = end;
      this.end = from;
    }
  }

  /** Moves to the next message; false after the last. */
  next(): boolean {
    const { bytes } = this;
    const limit = this.#limit;
    let at = this.end;
    if (at + 2 >= limit) return false;
    let type = 0;
    for (; at < limit && bytes[at] === 0xff; at++) type += 255;
    if (at >= limit) return false;
    type += bytes[at++]!;
    let size = 0;
    for (; at < limit && bytes[at] === 0xff; at++) size += 255;
    if (at >= limit) return false;
    size += bytes[at++]!;
    this.type = type;
    this.start = at;
    this.end = Math.min(at + size, limit);
    return true;
  }
}

/** Whether there is emulation prevention; most bytes are not looked at. */
function isEscaped(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from + 2; at < to; ) {
    const byte = bytes[at]!;
    if (byte > 3) at += 3;
    else if (byte === 3 && bytes[at - 1] === 0 && bytes[at - 2] === 0) return true;
    else at++;
  }
  return false;
}

function removeEscapes(bytes: Uint8Array, from: number, to: number, target: Uint8Array): number {
  let length = 0;
  let zeros = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    target[length++] = byte;
  }
  return length;
}
