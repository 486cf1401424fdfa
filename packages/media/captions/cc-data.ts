/**
 * Finds closed captions in coded pictures: the cc_data of ATSC A/53 Part 4, 6.2.3, in SEI messages of H.264
 * and HEVC.
 * In: samples of a video track. Out: caption triplets as they are. Pure.
 *
 * Only the NAL units before the first slice are looked at, so that a picture without SEI costs one
 * comparison.
 */
import { SeiReader } from '../h264/sei.ts';

/** Bytes of a triplet: marker bits, cc_valid (0x04) and cc_type (0x03); then two bytes of data. */
export const TRIPLET_BYTES = 3;
/** Most triplets of one picture: two fields with 31 each. */
const MAX_TRIPLETS = 62;

/** cc_valid in the first byte of a triplet. */
export const CC_VALID = 0x04;
/** cc_type: CEA-608 of field 1 or 2; a DTVCC packet (CEA-708) that continues or begins. */
export const CC_TYPE = { mask: 0x03, field1: 0, field2: 1, packetData: 2, packetStart: 3 } as const;

const H264_SEI = 6;
const H264_LAST_SLICE = 5;
const HEVC_PREFIX_SEI = 39;
const HEVC_LAST_SLICE = 31;
/** payloadType of user_data_registered_itu_t_t35. */
const REGISTERED_USER_DATA = 4;
/** itu_t_t35_country_code of the USA, provider code of the ATSC, `GA94`, user_data_type_code of cc_data. */
const A53_HEADER = Uint8Array.of(0xb5, 0x00, 0x31, 0x47, 0x41, 0x39, 0x34, 0x03);
const PROCESS_CC_DATA = 0x40;

/** Reads the captions of one video track. */
export class CaptionReader {
  readonly #isHevc: boolean;
  readonly #sei = new SeiReader();
  readonly #triplets = new Uint8Array(MAX_TRIPLETS * TRIPLET_BYTES);
  #length = 0;

  /** @param codec others than H.264 and HEVC carry no captions of this kind */
  constructor(codec: 'h264' | 'hevc') {
    this.#isHevc = codec === 'hevc';
  }

  /**
   * The captions of a picture.
   *
   * @param sample NAL units, each after its length in 4 bytes
   * @returns triplets, valid until the next call; undefined if it carries none, empty ones included
   */
  read(sample: Uint8Array): Uint8Array | undefined {
    const isHevc = this.#isHevc;
    this.#length = 0;
    for (let at = 0; at + 5 < sample.length; ) {
      const size = ((sample[at]! << 24) | (sample[at + 1]! << 16) | (sample[at + 2]! << 8) | sample[at + 3]!) >>> 0;
      const start = at + 4;
      const end = start + size;
      const type = isHevc ? (sample[start]! >> 1) & 0x3f : sample[start]! & 0x1f;
      if (isHevc ? type <= HEVC_LAST_SLICE : type > 0 && type <= H264_LAST_SLICE) break;
      if (type === (isHevc ? HEVC_PREFIX_SEI : H264_SEI)) this.#readSei(sample, isHevc ? start + 2 : start + 1, end);
      at = end;
    }
    return this.#length === 0 ? undefined : this.#triplets.subarray(0, this.#length);
  }

  #readSei(sample: Uint8Array, from: number, to: number): void {
    const sei = this.#sei;
    sei.open(sample, from, to);
    while (sei.next()) if (sei.type === REGISTERED_USER_DATA) this.#readUserData(sei);
  }

  #readUserData({ bytes, start, end }: SeiReader): void {
    const head = A53_HEADER.length;
    if (end - start < head + 2) return;
    for (let i = 0; i < head; i++) if (bytes[start + i] !== A53_HEADER[i]) return;
    const flags = bytes[start + head]!;
    if ((flags & PROCESS_CC_DATA) === 0) return;
    const first = start + head + 2;
    const told = (flags & 0x1f) * TRIPLET_BYTES;
    const room = this.#triplets.length - this.#length;
    const there = Math.floor((end - first) / TRIPLET_BYTES) * TRIPLET_BYTES;
    const length = Math.min(told, there, room);
    if (length <= 0) return;
    this.#triplets.set(bytes.subarray(first, first + length), this.#length);
    this.#length += length;
  }
}
