/**
 * Payloads of NAL units, as H.264 and HEVC share them: one unit, several small ones together, or a fragment
 * of a large one.
 * In: samples with lengths. Out: NAL units and payloads. Pure. RFC 6184 5.6 to 5.8, RFC 7798 4.4.
 */
import { FormatError } from '../../errors.ts';
import { MAX_NALS } from '../../h264/annexb.ts';

/** What differs between the codecs. */
export interface NalForm {
  /** Bytes of a NAL unit header. */
  readonly headerBytes: 1 | 2;
  /** Header of a payload with several units. */
  aggregationHeader(nals: readonly Uint8Array[]): readonly number[];
  /** Headers of a fragment, in place of the header of its unit. @param position bits S and E */
  fragmentHeader(nal: Uint8Array, position: number): readonly number[];
}

const START = 0x80;
const END = 0x40;
const LENGTH_BYTES = 2;

/**
 * The NAL units of a sample, each after its length in 4 bytes; empty ones are left out.
 *
 * @param headerBytes a unit with less is malformed
 * @returns views of `sample`
 * @throws FormatError if a unit ends after the sample, or there are more than MAX_NALS
 */
export function splitSample(sample: Uint8Array, headerBytes: number): Uint8Array[] {
  const nals: Uint8Array[] = [];
  const view = new DataView(sample.buffer, sample.byteOffset, sample.length);
  for (let at = 0; at < sample.length; ) {
    const from = at + 4;
    const end = from <= sample.length ? from + view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (end > sample.length) throw new FormatError('a NAL unit ends after its frame', at);
    if (end > from && end < from + headerBytes) throw new FormatError('a NAL unit without a complete header', at);
    if (end > from && nals.push(sample.subarray(from, end)) > MAX_NALS) {
      throw new FormatError(`more than ${MAX_NALS} NAL units in a frame`, at);
    }
    at = end;
  }
  return nals;
}

/**
 * The payloads of NAL units, in order.
 *
 * @param maxBytes 64 or more
 * @returns views of the units where a payload is one unit
 */
export function nalPayloads(nals: readonly Uint8Array[], maxBytes: number, form: NalForm): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let groupBytes = 0;
  const flush = () => {
    if (group.length === 1) payloads.push(group[0]!);
    else if (group.length > 1) payloads.push(aggregate(group, groupBytes, form));
    group = [];
    groupBytes = 0;
  };
  for (const nal of nals) {
    const added = LENGTH_BYTES + nal.length;
    if (group.length > 0 && groupBytes + added > maxBytes) flush();
    if (nal.length > maxBytes) payloads.push(...fragments(nal, maxBytes, form));
    else {
      if (group.length === 0) groupBytes = form.headerBytes;
      group.push(nal);
      groupBytes += added;
    }
  }
  flush();
  return payloads;
}

function aggregate(nals: readonly Uint8Array[], bytes: number, form: NalForm): Uint8Array {
  const payload = new Uint8Array(bytes);
  payload.set(form.aggregationHeader(nals));
  let at = form.headerBytes as number;
  for (const nal of nals) {
    payload.set([nal.length >> 8, nal.length & 0xff], at);
    payload.set(nal, at + LENGTH_BYTES);
    at += LENGTH_BYTES + nal.length;
  }
  return payload;
}

/** Fragments of about equal size, so that the last one is not a tiny packet. */
function fragments(nal: Uint8Array, maxBytes: number, form: NalForm): Uint8Array[] {
  const content = nal.subarray(form.headerBytes);
  const headBytes = form.headerBytes + 1;
  const count = Math.ceil(content.length / (maxBytes - headBytes));
  const size = Math.ceil(content.length / count);
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += size) {
    const piece = content.subarray(at, at + size);
    const position = (at === 0 ? START : 0) | (at + size >= content.length ? END : 0);
    const payload = new Uint8Array(headBytes + piece.length);
    payload.set(form.fragmentHeader(nal, position));
    payload.set(piece, headBytes);
    payloads.push(payload);
  }
  return payloads;
}
