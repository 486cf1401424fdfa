/**
 * HEVC as RTP payloads: single NAL units, aggregation packets and fragmentation units, without decoding order
 * numbers.
 * In: frames with 4-byte lengths. Out: payloads. Pure. RFC 7798 4.4.1 (single), 4.4.2 (AP), 4.4.3 (FU).
 */
import type { Frame } from '../../frame.ts';
import { parseHvcC } from '../../hevc/hvcc.ts';
import { HEVC_NAL, hevcNalType } from '../../hevc/nal.ts';
import { type NalForm, nalPayloads, splitSample } from './nal-payloads.ts';
import { ParameterSets } from './parameter-sets.ts';

/** nal_unit_type of the end of a sequence and of a stream. */
const [END_OF_SEQUENCE, END_OF_STREAM] = [36, 37];
const NOT_SENT: readonly number[] = [HEVC_NAL.aud, HEVC_NAL.filler, END_OF_SEQUENCE, END_OF_STREAM];
/** Types from here on are payload structures of RFC 7798 or unspecified. */
const [AGGREGATION, FRAGMENT] = [48, 49];

const form: NalForm = {
  headerBytes: 2,
  aggregationHeader: (nals) => {
    const forbidden = nals.reduce((bits, nal) => bits | (nal[0]! & 0x80), 0);
    const layer = Math.min(...nals.map((nal) => ((nal[0]! & 1) << 5) | (nal[1]! >> 3)));
    const temporalId = Math.min(...nals.map((nal) => nal[1]! & 7));
    return [forbidden | (AGGREGATION << 1) | (layer >> 5), ((layer & 0x1f) << 3) | temporalId];
  },
  fragmentHeader: (nal, position) => [(nal[0]! & 0x81) | (FRAGMENT << 1), nal[1]!, position | typeOf(nal)],
};

function typeOf(nal: Uint8Array): number {
  return hevcNalType(nal[0]!);
}

/**
 * Creates the packetizer of an HEVC track. Parameter sets go before each key frame that has none;
 * delimiters and filler are left out.
 *
 * @param record body of the `hvcC`
 * @throws FormatError if the record is malformed
 */
export function createHevcPayloads(record: Uint8Array, maxBytes: number): (frame: Frame) => readonly Uint8Array[] {
  const { vps, sps, pps } = parseHvcC(record);
  const sets = new ParameterSets(
    new Map([
      [HEVC_NAL.vps, vps],
      [HEVC_NAL.sps, sps],
      [HEVC_NAL.pps, pps],
    ]),
  );
  return ({ data, key }) => {
    const sent = splitSample(data, form.headerBytes).filter((nal) => {
      const type = typeOf(nal);
      return type < AGGREGATION && !NOT_SENT.includes(type);
    });
    return nalPayloads(key && sent.length > 0 ? sets.complete(sent, typeOf) : sent, maxBytes, form);
  };
}
