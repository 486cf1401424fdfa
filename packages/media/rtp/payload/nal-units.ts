/**
 * Collects the NAL units of an access unit; the same for H.264 and HEVC.
 * In: NAL units and fragments of them. Out: configurations, samples with lengths of 4 bytes without the
 * parameter sets. RFC 6184 5, RFC 7798 4; ISO/IEC 14496-15, 5.3.3.
 */
import { concatBytes } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import { MAX_NALS, NalList } from '../../h264/annexb.ts';
import { ParameterSets } from '../../mpegts/track/parameter-sets.ts';
import type { VideoCodec } from '../../mpegts/track/video-codec.ts';
import { type DepacketizerOutput, MAX_UNIT_BYTES } from './payload.ts';
import type { VideoUnit } from './unit-assembler.ts';

const LENGTH_BYTES = 4;
const MAX_PIECES = 65_536;

// Shared by all tracks, because it is used only within a call.
const list = new NalList();

/** One NAL unit in pieces. */
interface Nal {
  readonly pieces: Uint8Array[];
  bytes: number;
}

/** The NAL units of one track. */
export class NalUnits {
  readonly #codec: VideoCodec;
  readonly #sets: ParameterSets;
  readonly #out: DepacketizerOutput;
  #nals: Nal[] = [];
  #open: Nal | undefined;
  #bytes = 0;
  #pieces = 0;
  #isUncertain = true;

  constructor(codec: VideoCodec, out: DepacketizerOutput) {
    this.#codec = codec;
    this.#out = out;
    this.#sets = new ParameterSets(codec);
  }

  /**
   * Takes parameter sets of the SDP. Malformed ones are reported as damage: those within the stream may be
   * good.
   */
  configure(sets: readonly Uint8Array[]): void {
    try {
      this.#takeSets(sets);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#out.damage(`parameter sets of the session description: ${error.message}`);
    }
  }

  /** Takes a complete NAL unit with its header. @throws FormatError if the access unit becomes too large */
  add(nal: Uint8Array): void {
    this.#open = undefined;
    if (nal.length > 0) this.#begin(nal);
  }

  /** Begins a NAL unit in fragments. @param header the header of the NAL unit */
  start(header: Uint8Array, fragment: Uint8Array): void {
    this.#open = this.#begin(header);
    this.#append(this.#open, fragment);
  }

  /** Takes a further fragment. @throws FormatError if none was begun */
  append(fragment: Uint8Array, isLast: boolean): void {
    const open = this.#open;
    if (!open) throw new FormatError('a fragment of a NAL unit without its start', 0);
    this.#append(open, fragment);
    if (isLast) this.#open = undefined;
  }

  /** Drops the NAL units taken. The first packet that follows may be in the middle of a picture. */
  clear(): void {
    this.#isUncertain = true;
    this.#reset();
  }

  #reset(): void {
    this.#nals = [];
    this.#open = undefined;
    this.#bytes = 0;
    this.#pieces = 0;
  }

  /**
   * Ends the access unit.
   *
   * @returns undefined if it has no slice, or the configuration is not known
   * @throws FormatError if a parameter set is malformed or a NAL unit is incomplete
   */
  unit(): VideoUnit | undefined {
    const nals = this.#nals;
    const isCut = this.#open !== undefined;
    const isUncertain = this.#isUncertain;
    this.#reset();
    if (isCut) throw new FormatError('an access unit ends within a NAL unit', 0);
    const codec = this.#codec;
    const sets: Uint8Array[] = [];
    const kept: Nal[] = [];
    let bytes = 0;
    let hasSlice = false;
    for (const nal of nals) {
      const role = codec.role(codec.type(nal.pieces[0]![0]!));
      if (role === 'drop') continue;
      if (role === 'set') {
        sets.push(concatBytes(nal.pieces));
        continue;
      }
      hasSlice ||= role === 'slice';
      bytes += LENGTH_BYTES + nal.bytes;
      kept.push(nal);
    }
    this.#takeSets(sets);
    if (!hasSlice || !this.#sets.config) return undefined;
    const data = sampleOf(kept, bytes);
    const slice = kept.findIndex(({ pieces }) => codec.role(codec.type(pieces[0]![0]!)) === 'slice');
    if (isUncertain && !codec.startsPicture(data, list.starts[slice]!)) return undefined;
    this.#isUncertain = false;
    return { key: codec.isKey(data, list, false), data };
  }

  #takeSets(sets: readonly Uint8Array[]): void {
    const fresh = sets.some((nal) => !this.#sets.has(nal));
    if (fresh && this.#sets.take(sets)) this.#out.config(this.#sets.config!);
  }

  #begin(bytes: Uint8Array): Nal {
    if (this.#nals.length === MAX_NALS) throw new FormatError(`more than ${MAX_NALS} NAL units in an access unit`, 0);
    const nal = { pieces: [], bytes: 0 };
    this.#append(nal, bytes);
    this.#nals.push(nal);
    return nal;
  }

  #append(nal: Nal, bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#pieces++;
    if (this.#bytes > MAX_UNIT_BYTES || this.#pieces > MAX_PIECES) {
      throw new FormatError(`an access unit of more than ${MAX_UNIT_BYTES} bytes or ${MAX_PIECES} pieces`, 0);
    }
    nal.pieces.push(bytes);
    nal.bytes += bytes.length;
  }
}

/** Copies the NAL units into one sample, and lists them. */
function sampleOf(nals: readonly Nal[], bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  const view = new DataView(data.buffer);
  let at = 0;
  list.count = nals.length;
  for (const [i, nal] of nals.entries()) {
    view.setUint32(at, nal.bytes);
    at += LENGTH_BYTES;
    list.starts[i] = at;
    for (const piece of nal.pieces) {
      data.set(piece, at);
      at += piece.length;
    }
    list.ends[i] = at;
  }
  return data;
}
