/**
 * RTP payload format of HEVC: single NAL units, aggregation packets and fragmentation units.
 * In: payloads. Out: NAL units. RFC 7798 4.4.1 (single), 4.4.2 (AP), 4.4.3 (FU), 7.1 (parameters).
 */
import { ByteReader } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import { hevcNalType } from '../../hevc/nal.ts';
import { hevcCodec } from '../../mpegts/track/video-codec.ts';
import { NalUnits } from './nal-units.ts';
import { parameterSets } from './parameters.ts';
import type { Depacketizer, DepacketizerOutput, PayloadFormat } from './payload.ts';
import { ignoredPayload, UnitAssembler, type VideoPayload } from './unit-assembler.ts';

/** NAL unit types that only RTP has. */
const TYPE = { aggregation: 48, fragment: 49 } as const;
const HEADER_BYTES = 2;

/**
 * Reads HEVC; a stream whose decoding order differs from that of its packets (`sprop-max-don-diff`) is
 * refused.
 */
export function createHevcDepacketizer(format: PayloadFormat, out: DepacketizerOutput): Depacketizer {
  const nals = new NalUnits(hevcCodec, out);
  if (Number(format.parameters.get('sprop-max-don-diff') ?? 0) > 0) {
    out.refused({ kind: 'video', name: 'HEVC video with interleaved NAL units' });
    return new UnitAssembler(ignoredPayload, out);
  }
  nals.configure(['sprop-vps', 'sprop-sps', 'sprop-pps'].flatMap((name) => parameterSets(format, name)));
  const payload: VideoPayload = {
    payload: (bytes) => parsePayload(bytes, nals),
    unit: () => nals.unit(),
    clear: () => nals.clear(),
  };
  return new UnitAssembler(payload, out);
}

function parsePayload(payload: Uint8Array, nals: NalUnits): void {
  if (payload.length <= HEADER_BYTES) throw new FormatError('an HEVC payload ends early', payload.length);
  const type = hevcNalType(payload[0]!);
  if (type < TYPE.aggregation) {
    nals.add(payload);
  } else if (type === TYPE.aggregation) {
    const reader = new ByteReader(payload, 'HEVC aggregation packet', HEADER_BYTES);
    while (reader.left > 0) {
      const nal = reader.take(reader.u16());
      if (nal.length < HEADER_BYTES) throw new FormatError('an HEVC NAL unit without its header', reader.offset);
      nals.add(nal);
    }
  } else if (type === TYPE.fragment) {
    if (payload.length < HEADER_BYTES + 2) throw new FormatError('an HEVC fragment ends early', payload.length);
    const header = payload[HEADER_BYTES]!;
    const fragment = payload.subarray(HEADER_BYTES + 1);
    if ((header & 0xc0) === 0xc0) throw new FormatError('an HEVC fragment that is start and end', HEADER_BYTES);
    if (header & 0x80) {
      nals.start(Uint8Array.of((payload[0]! & 0x81) | ((header & 0x3f) << 1), payload[1]!), fragment);
    } else {
      nals.append(fragment, (header & 0x40) !== 0);
    }
  } else {
    throw new FormatError(`an HEVC payload of type ${type}`, 0);
  }
}
