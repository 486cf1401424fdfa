/**
 * RTP payload format of AAC in LATM: audioMuxElements, with their configuration in the session description or
 * within.
 * In: packets. Out: the configuration, access units. RFC 6416 6; ISO/IEC 14496-3, 1.7.3.
 */

import { aacConfigFromRecord } from '../../aac/config.ts';
import { BitReader, BitWriter } from '../../bits.ts';
import { concatBytes, sameBytes } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import type { RtpPacket } from '../packet.ts';
import { aacDuration } from './aac.ts';
import { hexBytes } from './parameters.ts';
import type { Depacketizer, DepacketizerOutput, PayloadFormat } from './payload.ts';

const MAX_ELEMENT_BYTES = 256 * 1024;
const MAX_PIECES = 1024;
/** Least bits of a StreamMuxConfig after its AudioSpecificConfig. */
const MUX_END_BITS = 13;
/** Begins the part of an AudioSpecificConfig about SBR; ISO/IEC 14496-3, 1.6.2.1. */
const SYNC_EXTENSION = 0x2b7;

/** A StreamMuxConfig of one program with one layer. */
interface MuxConfig {
  /** AudioSpecificConfig. */
  readonly record: Uint8Array;
  /** Access units in an element. */
  readonly units: number;
}

/** Reads AAC in LATM; several programs or layers are damage. */
export function createLatmDepacketizer(format: PayloadFormat, out: DepacketizerOutput): Depacketizer {
  return new LatmDepacketizer(format, out);
}

class LatmDepacketizer implements Depacketizer {
  readonly needsKey = false;
  readonly #clockRate: number;
  readonly #out: DepacketizerOutput;
  /** Elements begin with a bit that says whether a configuration follows. */
  readonly #isInBand: boolean;
  #mux: MuxConfig | undefined;
  #duration = 0;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #timestamp = 0;
  #isBroken = false;

  constructor({ clockRate, parameters }: PayloadFormat, out: DepacketizerOutput) {
    this.#clockRate = clockRate;
    this.#out = out;
    this.#isInBand = parameters.get('cpresent') !== '0';
    const text = parameters.get('config');
    if (text === undefined && this.#isInBand) return;
    try {
      this.#configure(parseMuxConfig(new BitReader(hexBytes(text ?? ''), 'StreamMuxConfig')));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      out.refused({ kind: 'audio', name: `AAC in LATM audio (${error.message})` });
    }
  }

  push({ timestamp, marker, payload }: RtpPacket): void {
    if (payload.length === 0) return;
    if (this.#pieces.length > 0 && timestamp !== this.#timestamp) this.#end();
    this.#timestamp = timestamp;
    this.#bytes += payload.length;
    if (this.#bytes > MAX_ELEMENT_BYTES || this.#pieces.length >= MAX_PIECES) {
      this.lost();
      this.#out.damage(`an audioMuxElement of more than ${MAX_ELEMENT_BYTES} bytes`);
      return;
    }
    this.#pieces.push(payload);
    if (marker) this.#end();
  }

  lost(): void {
    this.#pieces = [];
    this.#bytes = 0;
    this.#isBroken = true;
  }

  flush(): void {
    if (this.#pieces.length > 0) this.#end();
  }

  #end(): void {
    const element = concatBytes(this.#pieces);
    const wasBroken = this.#isBroken;
    this.lost();
    this.#isBroken = false;
    try {
      this.#read(element);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      // After a loss the first packet may be the rest of an element.
      if (!wasBroken) this.#out.damage(error.message);
    }
  }

  #read(element: Uint8Array): void {
    const bits = new BitReader(element, 'audioMuxElement');
    if (this.#isInBand && !bits.flag()) this.#configure(parseMuxConfig(bits));
    const mux = this.#mux;
    if (!mux) return;
    const units: Uint8Array[] = [];
    for (let i = 0; i < mux.units; i++) {
      let size = 0;
      for (let more = true; more; ) {
        const piece = bits.u(8);
        size += piece;
        more = piece === 255;
      }
      if (size * 8 > bits.left) throw new FormatError('an AAC access unit ends after its element', bits.offset >> 3);
      const at = bits.offset >> 3;
      const isAligned = (bits.offset & 7) === 0;
      units.push(isAligned ? element.subarray(at, at + size) : Uint8Array.from({ length: size }, () => bits.u(8)));
      if (isAligned) bits.skip(8 * size);
    }
    for (const [i, data] of units.entries()) {
      const timestamp = (this.#timestamp + i * this.#duration) >>> 0;
      if (data.length > 0) this.#out.unit({ timestamp, key: true, data, duration: this.#duration });
    }
  }

  #configure(mux: MuxConfig): void {
    const isSame = this.#mux && sameBytes(this.#mux.record, mux.record);
    if (!isSame) {
      const config = aacConfigFromRecord(mux.record);
      this.#duration = aacDuration(mux.record, this.#clockRate);
      this.#out.config(config);
    }
    this.#mux = mux;
  }
}

/** ISO/IEC 14496-3, table 1.42. */
function parseMuxConfig(bits: BitReader): MuxConfig {
  const version = bits.u(1);
  if (version === 1 && bits.flag()) throw new FormatError('LATM of an unknown version', 0);
  if (version === 1) latmValue(bits); // taraBufferFullness
  if (!bits.flag()) throw new FormatError('LATM whose streams differ in time', 0);
  const units = bits.u(6) + 1;
  if (bits.u(4) > 0 || bits.u(3) > 0) throw new FormatError('LATM with several programs or layers', 0);
  const declared = version === 1 ? latmValue(bits) : undefined;
  const from = bits.offset;
  const record = copyConfig(bits);
  if (declared !== undefined) bits.skip(Math.max(0, declared - (bits.offset - from)));
  // GStreamer ends its configuration here.
  if (bits.left < MUX_END_BITS) return { record, units };
  if (bits.u(3) !== 0) throw new FormatError('LATM with frames of a fixed length', bits.offset >> 3);
  bits.skip(8); // latmBufferFullness
  if (bits.flag()) {
    // otherDataLenBits: data after the access units is not read.
    if (version === 1) latmValue(bits);
    else for (let more = true; more; bits.skip(8)) more = bits.flag();
  }
  if (bits.flag()) bits.skip(8); // crcCheckSum
  return { record, units };
}

function latmValue(bits: BitReader): number {
  const bytes = bits.u(2) + 1;
  return bits.u(8 * bytes);
}

/**
 * An AudioSpecificConfig at any bit, copied to whole bytes. Its length is not written anywhere, so it must be
 * of a form that is known.
 */
function copyConfig(bits: BitReader): Uint8Array {
  const out = new BitWriter();
  const copy = (count: number) => {
    const value = bits.u(count);
    out.u(value, count);
    return value;
  };
  const copyRate = () => {
    if (copy(4) === 15) copy(24);
  };
  let type = copy(5);
  copyRate();
  const channels = copy(4);
  if (type === 5 || type === 29) {
    copyRate();
    type = copy(5);
  }
  if (type !== 2 || channels === 0) throw new FormatError(`AAC of object type ${type} with ${channels} channels`, 0);
  copy(1); // frameLengthFlag
  if (copy(1)) copy(14); // coreCoderDelay
  copy(1); // extensionFlag
  if (bits.left >= 17 && bits.peek(11) === SYNC_EXTENSION) {
    copy(11);
    if (copy(5) === 5 && copy(1)) copyRate();
  }
  return out.finish();
}
