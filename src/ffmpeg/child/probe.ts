/**
 * Describes a file.
 * In: a file or its start. Out: container and streams. Native code: child processes only.
 */
import { AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_SUBTITLE, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import { avGetCodecName, type Stream } from 'node-av/lib';
import type { Probe, ProbedStream } from '../probe-shape.ts';
import { openMediaInput } from './media-input.ts';
import { must } from './native.ts';

const TIME_BASE = 1_000_000;

/**
 * @throws Error with the message of FFmpeg if the bytes are not a known container
 */
export function probe(bytes: Uint8Array): Probe {
  using input = openMediaInput(bytes);
  const { format } = input;
  must(format.findStreamInfoSync(null), 'reading stream info');
  return {
    container: format.iformat?.name ?? '',
    durationS: Math.max(0, Number(format.duration) / TIME_BASE),
    bitRate: Number(format.bitRate),
    streams: format.streams.map(probeStream),
  };
}

function probeStream(stream: Stream): ProbedStream {
  const parameters = stream.codecpar;
  const common = {
    codec: avGetCodecName(parameters.codecId) ?? '',
    codecs: parameters.getCodecString() ?? '',
    bitRate: Number(parameters.bitRate),
    language: stream.metadata?.get('language') ?? 'und',
  };
  switch (parameters.codecType) {
    case AVMEDIA_TYPE_VIDEO: {
      const { num, den } = stream.avgFrameRate;
      const frameRate = den === 0 ? 0 : num / den;
      return { kind: 'video', ...common, width: parameters.width, height: parameters.height, frameRate };
    }
    case AVMEDIA_TYPE_AUDIO:
      return { kind: 'audio', ...common, sampleRate: parameters.sampleRate, channels: parameters.channels };
    default:
      return { kind: parameters.codecType === AVMEDIA_TYPE_SUBTITLE ? 'text' : 'data', ...common };
  }
}
