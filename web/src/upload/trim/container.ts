/**
 * The container of a cut: that of the film, or MP4 or Matroska if it is not written or cannot have its
 * codecs.
 * In: the format of the film, its codecs. Out: a format of mediabunny and the extension of its files.
 */
import {
  AdtsOutputFormat,
  FlacOutputFormat,
  type InputFormat,
  type MediaCodec,
  MkvOutputFormat,
  MovOutputFormat,
  Mp3OutputFormat,
  Mp4OutputFormat,
  OggOutputFormat,
  type OutputFormat,
  WavOutputFormat,
  WebMOutputFormat,
} from 'mediabunny';

/** A container that can be written. */
export interface Container {
  /** With the full stop. */
  readonly extension: string;
  create(): OutputFormat;
}

// The index is written last: it is small, and the media never waits for it in memory.
const MP4: Container = { extension: '.mp4', create: () => new Mp4OutputFormat({ fastStart: false }) };
const MKV: Container = { extension: '.mkv', create: () => new MkvOutputFormat() };

/**
 * Containers by the name of the input format. MPEG-TS becomes MP4: with B-frames mediabunny 1.61 writes
 * decode times into it that are after the times of display.
 */
const containers: Readonly<Record<string, Container>> = {
  MP4,
  'QuickTime File Format': { extension: '.mov', create: () => new MovOutputFormat({ fastStart: false }) },
  Matroska: MKV,
  WebM: { extension: '.webm', create: () => new WebMOutputFormat() },
  WAVE: { extension: '.wav', create: () => new WavOutputFormat() },
  Ogg: { extension: '.ogg', create: () => new OggOutputFormat() },
  FLAC: { extension: '.flac', create: () => new FlacOutputFormat() },
  MP3: { extension: '.mp3', create: () => new Mp3OutputFormat() },
  ADTS: { extension: '.aac', create: () => new AdtsOutputFormat() },
};

/**
 * The container for a cut.
 *
 * @param codecs of all tracks that are kept
 * @returns undefined if none can have them
 */
export function containerFor(format: InputFormat, codecs: readonly (MediaCodec | null)[]): Container | undefined {
  const same = containers[format.name];
  return [...(same ? [same] : []), MP4, MKV].find((container) => {
    const supported: readonly (MediaCodec | null)[] = container.create().getSupportedCodecs();
    return codecs.every((codec) => supported.includes(codec));
  });
}
