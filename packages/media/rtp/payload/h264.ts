/**
 * RTP payload format of H.264: single NAL units, STAP-A and FU-A.
 * In: payloads. Out: NAL units. RFC 6184 5.4 (modes), 5.6 (single), 5.7.1 (STAP-A), 5.8 (FU-A), 8.1
 * (parameters).
 */
import { ByteReader } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import { h264Codec } from '../../mpegts/track/video-codec.ts';
import { NalUnits } from './nal-units.ts';
import { parameterSets } from './parameters.ts';
import type { Depacketizer, DepacketizerOutput, PayloadFormat } from './payload.ts';
import { ignoredPayload, UnitAssembler, type VideoPayload } from './unit-assembler.ts';

/** Table 1. */
const TYPE = { lastNal: 23, stapA: 24, fuA: 28, undefined: [0, 30, 31] } as const;
const INTERLEAVED = '2';

/** Reads H.264; `packetization-mode` 2 is refused. */
export function createH264Depacketizer(format: PayloadFormat, out: DepacketizerOutput): Depacketizer {
  const nals = new NalUnits(h264Codec, out);
  if (format.parameters.get('packetization-mode') === INTERLEAVED) {
    out.refused({ kind: 'video', name: 'H.264 video with interleaved NAL units' });
    return new UnitAssembler(ignoredPayload, out);
  }
  nals.configure(parameterSets(format, 'sprop-parameter-sets'));
  const payload: VideoPayload = {
    payload: (bytes) => parsePayload(bytes, nals),
    unit: () => nals.unit(),
    clear: () => nals.clear(),
  };
  return new UnitAssembler(payload, out);
}

function parsePayload(payload: Uint8Array, nals: NalUnits): void {
  const indicator = payload[0]!;
  const type = indicator & 0x1f;
  if (type >= 1 && type <= TYPE.lastNal) {
    nals.add(payload);
  } else if (type === TYPE.stapA) {
    const reader = new ByteReader(payload, 'STAP-A', 1);
    while (reader.left > 0) nals.add(reader.take(reader.u16()));
  } else if (type === TYPE.fuA) {
    if (payload.length < 3) throw new FormatError('FU-A ends early', payload.length);
    const header = payload[1]!;
    const fragment = payload.subarray(2);
    if (header & 0x80) nals.start(Uint8Array.of((indicator & 0xe0) | (header & 0x1f)), fragment);
    else nals.append(fragment, (header & 0x40) !== 0);
    if ((header & 0xc0) === 0xc0) throw new FormatError('FU-A that is start and end', 1);
  } else if (!(TYPE.undefined as readonly number[]).includes(type)) {
    throw new FormatError(`an H.264 payload of type ${type}`, 0);
  }
}
