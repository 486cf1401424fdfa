/**
 * RTP payload format of AAC: access units behind their headers (AAC-hbr, AAC-lbr).
 * In: packets. Out: the configuration, access units. RFC 3640 3.2.1 (AU headers), 3.2.3 (fragments), 3.3.5
 * and 3.3.6 (modes), 4.1.
 */

import { aacConfigFromRecord, parseAacConfig } from '../../aac/config.ts';
import { BitReader } from '../../bits.ts';
import { concatBytes } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import type { AudioConfig } from '../../frame.ts';
import type { RtpPacket } from '../packet.ts';
import { hexBytes, numberOf } from './parameters.ts';
import type { Depacketizer, DepacketizerOutput, PayloadFormat } from './payload.ts';

const MAX_FIELD_BITS = 32;
const MAX_SIZE_BITS = 16;
const MAX_UNITS = 256;

/** Fields of the session description. */
interface Form {
  readonly config: AudioConfig;
  /** Ticks of the clock rate. */
  readonly duration: number;
  readonly sizeBits: number;
  readonly indexBits: number;
  readonly deltaBits: number;
  readonly compositionBits: number;
  readonly decodingBits: number;
  readonly hasRandomAccess: boolean;
  readonly stateBits: number;
  readonly auxiliaryBits: number;
  readonly constantSize: number;
}

/** Reads AAC; what the session description lacks or does not allow is refused. */
export function createAacDepacketizer(format: PayloadFormat, out: DepacketizerOutput): Depacketizer {
  return new AacDepacketizer(parseForm(format, out), out);
}

/**
 * Access units of AAC last `samplesPerFrame` of the core coder.
 * @param record AudioSpecificConfig
 * @returns ticks of `clockRate`
 */
export function aacDuration(record: Uint8Array, clockRate: number): number {
  const { samplesPerFrame, sampleRate } = parseAacConfig(record);
  return Math.max(1, Math.round((samplesPerFrame * clockRate) / sampleRate));
}

function parseForm(format: PayloadFormat, out: DepacketizerOutput): Form | undefined {
  try {
    const record = hexBytes(format.parameters.get('config') ?? '');
    const field = (name: string, max = MAX_FIELD_BITS) => numberOf(format, name, max);
    const form: Form = {
      config: aacConfigFromRecord(record),
      duration: field('constantduration', 2 ** 20) || aacDuration(record, format.clockRate),
      sizeBits: field('sizelength', MAX_SIZE_BITS),
      indexBits: field('indexlength'),
      deltaBits: field('indexdeltalength'),
      compositionBits: field('ctsdeltalength'),
      decodingBits: field('dtsdeltalength'),
      hasRandomAccess: field('randomaccessindication', 1) === 1,
      stateBits: field('streamstateindication'),
      auxiliaryBits: field('auxiliarydatasizelength'),
      constantSize: field('constantsize', 2 ** MAX_SIZE_BITS),
    };
    if (form.sizeBits === 0 && form.constantSize === 0) throw new FormatError('no size of access units', 0);
    return form;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    out.refused({ kind: 'audio', name: `AAC audio (${error.message})` });
    return undefined;
  }
}

class AacDepacketizer implements Depacketizer {
  readonly needsKey = false;
  readonly #form: Form | undefined;
  readonly #out: DepacketizerOutput;
  #isConfigured = false;
  /** A fragmented access unit. */
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #timestamp = 0;

  constructor(form: Form | undefined, out: DepacketizerOutput) {
    this.#form = form;
    this.#out = out;
  }

  push(packet: RtpPacket): void {
    if (!this.#form || packet.payload.length === 0) return;
    if (!this.#isConfigured) this.#out.config(this.#form.config);
    this.#isConfigured = true;
    try {
      this.#read(packet, this.#form);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.lost();
      this.#out.damage(error.message);
    }
  }

  lost(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }

  flush(): void {
    this.lost();
  }

  #read({ timestamp, payload }: RtpPacket, form: Form): void {
    const { sizes, from } = parseHeaders(payload, form);
    const first = sizes[0]!;
    if (this.#pieces.length > 0 && timestamp !== this.#timestamp) {
      this.lost();
      this.#out.damage('an AAC access unit without its end');
    }
    if (sizes.length === 1 && first > payload.length - from) {
      this.#fragment(payload.subarray(from), first, timestamp);
      return;
    }
    if (this.#pieces.length > 0) {
      this.#fragment(payload.subarray(from, from + first), first, timestamp);
      return;
    }
    let at = from;
    for (const [i, size] of sizes.entries()) {
      if (at + size > payload.length) throw new FormatError('an AAC access unit ends after its packet', at);
      if (size > 0) this.#unit(timestamp + i * form.duration, payload.subarray(at, at + size));
      at += size;
    }
  }

  #fragment(piece: Uint8Array, size: number, timestamp: number): void {
    this.#timestamp = timestamp;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes < size && piece.length > 0) return;
    const data = concatBytes(this.#pieces);
    this.lost();
    if (data.length !== size) throw new FormatError(`${data.length} bytes of an AAC access unit of ${size}`, 0);
    this.#unit(timestamp, data);
  }

  #unit(timestamp: number, data: Uint8Array): void {
    this.#out.unit({ timestamp: timestamp >>> 0, key: true, data, duration: this.#form!.duration });
  }
}

/** Sizes of the access units, and where the first one begins. */
function parseHeaders(payload: Uint8Array, form: Form): { sizes: number[]; from: number } {
  const bits = new BitReader(payload, 'AAC payload');
  const sizes: number[] = [];
  const { sizeBits, indexBits, deltaBits, compositionBits, decodingBits, hasRandomAccess, stateBits } = form;
  if (sizeBits + indexBits + deltaBits + compositionBits + decodingBits + stateBits > 0 || hasRandomAccess) {
    const end = bits.u(16) + bits.offset;
    while (bits.offset < end) {
      const size = sizeBits > 0 ? bits.u(sizeBits) : form.constantSize;
      const index = bits.u(sizes.length === 0 ? indexBits : deltaBits);
      if (sizes.length > 0 && index !== 0) throw new FormatError('AAC with interleaved access units', bits.offset >> 3);
      if (compositionBits > 0 && bits.flag()) bits.skip(compositionBits);
      if (decodingBits > 0 && bits.flag()) bits.skip(decodingBits);
      if (hasRandomAccess) bits.skip(1);
      bits.skip(stateBits);
      sizes.push(size);
      if (sizes.length > MAX_UNITS) throw new FormatError(`more than ${MAX_UNITS} access units in a packet`, 0);
    }
    if (bits.offset > end) throw new FormatError('AAC headers exceed their length', bits.offset >> 3);
    bits.align();
  }
  if (form.auxiliaryBits > 0) {
    bits.skip(bits.u(form.auxiliaryBits));
    bits.align();
  }
  const from = bits.offset >> 3;
  if (form.sizeBits === 0 && sizes.length === 0) {
    const count = Math.min(MAX_UNITS, Math.ceil((payload.length - from) / form.constantSize));
    for (let i = 0; i < count; i++) sizes.push(form.constantSize);
  }
  if (sizes.length === 0) throw new FormatError('an AAC packet without access units', 0);
  return { sizes, from };
}
