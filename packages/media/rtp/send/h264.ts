/**
 * H.264 as RTP payloads, packetization-mode 1: single NAL units, STAP-A and FU-A.
 * In: frames with 4-byte lengths. Out: payloads. Pure. RFC 6184 5.6 (single), 5.7.1 (STAP-A), 5.8 (FU-A).
 */
import type { Frame } from '../../frame.ts';
import { parseAvcC } from '../../h264/avcc.ts';
import { type NalForm, nalPayloads, splitSample } from './nal-payloads.ts';
import { ParameterSets } from './parameter-sets.ts';

/** nal_unit_type. */
const [SPS, PPS, DELIMITER, END_OF_SEQUENCE, END_OF_STREAM, FILLER] = [7, 8, 9, 10, 11, 12];
const NOT_SENT: readonly number[] = [DELIMITER, END_OF_SEQUENCE, END_OF_STREAM, FILLER];
/**
 * Types from here on are payload structures of RFC 6184, reserved or unspecified: a receiver would misread
 * them.
 */
const [STAP_A, FU_A] = [24, 28];
const FORBIDDEN_BIT = 0x80;
const REF_IDC = 0x60;

const form: NalForm = {
  headerBytes: 1,
  aggregationHeader: (nals) => {
    const forbidden = nals.reduce((bits, nal) => bits | (nal[0]! & FORBIDDEN_BIT), 0);
    return [forbidden | nals.reduce((most, nal) => Math.max(most, nal[0]! & REF_IDC), 0) | STAP_A];
  },
  fragmentHeader: (nal, position) => [(nal[0]! & 0xe0) | FU_A, position | typeOf(nal)],
};

function typeOf(nal: Uint8Array): number {
  return nal[0]! & 0x1f;
}

/**
 * Creates the packetizer of an H.264 track. Parameter sets go before each key frame that has none;
 * delimiters and filler are left out.
 *
 * @param record body of the `avcC`
 * @throws FormatError if the record is malformed
 */
export function createH264Payloads(record: Uint8Array, maxBytes: number): (frame: Frame) => readonly Uint8Array[] {
  const { sps, pps } = parseAvcC(record);
  const sets = new ParameterSets(
    new Map([
      [SPS, sps],
      [PPS, pps],
    ]),
  );
  return ({ data, key }) => {
    const sent = splitSample(data, form.headerBytes).filter((nal) => {
      const type = typeOf(nal);
      return type > 0 && type < STAP_A && !NOT_SENT.includes(type);
    });
    return nalPayloads(key && sent.length > 0 ? sets.complete(sent, typeOf) : sent, maxBytes, form);
  };
}
