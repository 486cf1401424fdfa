/**
 * The codec configuration of a track for a person: its parameter sets and the fields in them.
 * In: tracks. Out: the JSON of `GET /streams/{name}/parameters`. Pure.
 */

import { parseAacConfig } from '@oxbow/media/aac/config';
import { FormatError } from '@oxbow/media/errors';
import { parseDfLa } from '@oxbow/media/flac/stream-info';
import type { Track } from '@oxbow/media/frame';
import { parseAvcC } from '@oxbow/media/h264/avcc';
import { parseH264Sps } from '@oxbow/media/h264/sps';
import { parseHvcC } from '@oxbow/media/hevc/hvcc';
import { parseHevcSps } from '@oxbow/media/hevc/sps';
import { parseVpcC } from '@oxbow/media/vp9/vpcc';
import type { StreamParameters } from '../../api/inspect-shapes.ts';

type TrackParameters = StreamParameters['tracks'][number];
type Facts = Record<string, string | number | boolean>;
type Parsed = Pick<TrackParameters, 'sets'> & { readonly facts: Facts };

/** Names of the boxes whose body is the record, where it has no parameter sets. */
const BOXES = { av1: 'av1C', vp9: 'vpcC', ac3: 'dac3', eac3: 'dec3', opus: 'dOps' } as const;

/** The configuration of a track. A record that cannot be read has no sets, and only facts of the track. */
export function parametersOf(track: Track): TrackParameters {
  const { id, kind, language, config } = track;
  let parsed: Parsed = { sets: [], facts: {} };
  try {
    parsed = parse(track);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  const record = Buffer.from(config.record).toString('base64');
  const { codec, codecs } = config;
  return { id, kind, codec, codecs, language, record, sets: parsed.sets, facts: { ...basic(track), ...parsed.facts } };
}

function basic(track: Track): Facts {
  if (track.kind === 'video') {
    const { width, height, frameRate } = track.config;
    return { width, height, ...(frameRate !== undefined && { frameRate }) };
  }
  if (track.kind === 'audio') return { sampleRate: track.config.sampleRate, channels: track.config.channels };
  return {};
}

function set(kind: string) {
  return (bytes: Uint8Array) => ({ kind, hex: Buffer.from(bytes).toString('hex') });
}

function parse({ config }: Track): Parsed {
  const { record } = config;
  switch (config.codec) {
    case 'h264': {
      const { sps, pps, lengthSize } = parseAvcC(record);
      const { profile, level, chromaFormat, bitDepthLuma, progressive, maxReorderFrames } = parseH264Sps(sps[0]!);
      return {
        sets: [...sps.map(set('SPS')), ...pps.map(set('PPS'))],
        facts: {
          profile,
          level: level / 10,
          chromaFormat,
          bitDepth: bitDepthLuma,
          progressive,
          lengthSize,
          ...(maxReorderFrames !== undefined && { maxReorderFrames }),
        },
      };
    }
    case 'hevc': {
      const { vps, sps, pps, lengthSize } = parseHvcC(record);
      const { chromaFormat, bitDepthLuma, temporalLayers } = parseHevcSps(sps[0]!);
      return {
        sets: [...vps.map(set('VPS')), ...sps.map(set('SPS')), ...pps.map(set('PPS'))],
        facts: { chromaFormat, bitDepth: bitDepthLuma, temporalLayers, lengthSize },
      };
    }
    case 'vp9': {
      const { profile, level, bitDepth, chromaSubsampling } = parseVpcC(record);
      const facts = { profile, level: level / 10, bitDepth, chromaSubsampling };
      return { sets: [set(BOXES.vp9)(record)], facts };
    }
    case 'aac': {
      const { objectType, samplesPerFrame, sbrRate, parametricStereo, channelConfiguration } = parseAacConfig(record);
      return {
        sets: [set('AudioSpecificConfig')(record)],
        facts: {
          objectType,
          samplesPerFrame,
          parametricStereo,
          channelConfiguration,
          ...(sbrRate !== undefined && { sbrRate }),
        },
      };
    }
    case 'flac': {
      const { leastBlock, mostBlock, bitDepth } = parseDfLa(record);
      const samplesPerFrame = leastBlock === mostBlock ? mostBlock : `${leastBlock} to ${mostBlock}`;
      return { sets: [set('dfLa')(record)], facts: { bitDepth, samplesPerFrame } };
    }
    case 'av1':
    case 'ac3':
    case 'eac3':
    case 'opus':
      return { sets: [set(BOXES[config.codec])(record)], facts: {} };
    default:
      return { sets: [], facts: {} };
  }
}
