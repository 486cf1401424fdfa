/**
 * RTP payload format of VP9, with one spatial layer.
 * In: payloads. Out: frames. RFC 9628 4.2 (payload descriptor), 4.2.1 (scalability structure).
 */
import { ByteReader, concatBytes, sameBytes } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import { parseVp9KeyFrame, vp9Config } from '../../vp9/frame-header.ts';
import { type Depacketizer, type DepacketizerOutput, MAX_UNIT_BYTES } from './payload.ts';
import { UnitAssembler, type VideoPayload, type VideoUnit } from './unit-assembler.ts';

/** Bits of the first byte of the descriptor. */
const BIT = { id: 0x80, inter: 0x40, layers: 0x20, flexible: 0x10, begin: 0x08, end: 0x04, structure: 0x02 } as const;
const MAX_REFERENCES = 3;

/** Reads VP9; several spatial layers are refused. */
export function createVp9Depacketizer(out: DepacketizerOutput): Depacketizer {
  return new UnitAssembler(new Vp9Payload(out), out);
}

class Vp9Payload implements VideoPayload {
  readonly #out: DepacketizerOutput;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #record: Uint8Array | undefined;
  #width = 0;
  #height = 0;
  #isRefused = false;

  constructor(out: DepacketizerOutput) {
    this.#out = out;
  }

  payload(payload: Uint8Array): void {
    const reader = new ByteReader(payload, 'VP9 payload descriptor');
    const first = reader.u8();
    if (first & BIT.id && reader.u8() & 0x80) reader.skip(1);
    let spatialId = 0;
    if (first & BIT.layers) {
      spatialId = (reader.u8() >> 1) & 7;
      if (!(first & BIT.flexible)) reader.skip(1); // TL0PICIDX
    }
    if (first & BIT.flexible && first & BIT.inter) skipReferences(reader);
    const spatialLayers = first & BIT.structure ? parseStructure(reader) : 1;
    if (spatialId > 0 || spatialLayers > 1) this.#refuse();
    if (this.#isRefused) return;
    const isStart = this.#pieces.length === 0;
    if (isStart !== ((first & BIT.begin) !== 0)) {
      throw new FormatError(isStart ? 'a piece of a VP9 frame without its start' : 'a VP9 frame without its end', 0);
    }
    this.#bytes += reader.left;
    if (this.#bytes > MAX_UNIT_BYTES) throw new FormatError(`a frame of more than ${MAX_UNIT_BYTES} bytes`, 0);
    this.#pieces.push(reader.take(reader.left));
  }

  unit(): VideoUnit | undefined {
    const data = concatBytes(this.#pieces);
    this.clear();
    if (data.length === 0) return undefined;
    const keyFrame = parseVp9KeyFrame(data);
    if (keyFrame) {
      const config = vp9Config(keyFrame, undefined);
      const isSame = this.#record && sameBytes(this.#record, config.record);
      if (!isSame || this.#width !== config.width || this.#height !== config.height) {
        [this.#record, this.#width, this.#height] = [config.record, config.width, config.height];
        this.#out.config(config);
      }
    }
    return this.#record ? { key: keyFrame !== undefined, data } : undefined;
  }

  clear(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }

  #refuse(): void {
    this.clear();
    if (!this.#isRefused) this.#out.refused({ kind: 'video', name: 'VP9 video with spatial layers' });
    this.#isRefused = true;
  }
}

function skipReferences(reader: ByteReader): void {
  for (let i = 0; i < MAX_REFERENCES; i++) if ((reader.u8() & 1) === 0) return;
  throw new FormatError(`a VP9 frame with more than ${MAX_REFERENCES} references`, reader.offset);
}

/** Returns the number of spatial layers. */
function parseStructure(reader: ByteReader): number {
  const head = reader.u8();
  const layers = (head >> 5) + 1;
  if (head & 0x10) reader.skip(4 * layers);
  if (head & 0x08) {
    const pictures = reader.u8();
    for (let i = 0; i < pictures; i++) reader.skip((reader.u8() >> 2) & 3);
  }
  return layers;
}
