/**
 * The facts of an original, as the library stores them.
 * In: what FFmpeg's demuxer says, and what reading the file has shown. Out: AssetFacts. Pure.
 */
import type { AssetTrackFacts, Transfer } from '../../api/library/asset-facts.ts';
import type { DemuxStream } from '../../ffmpeg/demux.ts';

/** A distance of frames is the same as another up to this, µs: containers round to a millisecond. */
const SAME_US = 1_500;
/** Share of distances that must be the same for a constant rate. */
const CONSTANT_SHARE = 0.98;

interface FrameRate {
  /** Frames per second, three decimals; 0 when unknown. */
  readonly frameRate: number;
  readonly variableRate: boolean;
}

/**
 * Measures the rate of a track from the times of its frames.
 *
 * @param times µs, in any order
 */
export function frameRateOf(times: Float64Array): FrameRate {
  if (times.length < 2) return { frameRate: 0, variableRate: false };
  const sorted = times.toSorted();
  const mean = (sorted.at(-1)! - sorted[0]!) / (sorted.length - 1);
  if (!(mean > 0)) return { frameRate: 0, variableRate: false };
  let same = 0;
  for (let i = 1; i < sorted.length; i++) if (Math.abs(sorted[i]! - sorted[i - 1]! - mean) <= SAME_US) same++;
  return {
    frameRate: Math.round(1e9 / mean) / 1000,
    variableRate: same < CONSTANT_SHARE * (sorted.length - 1),
  };
}

/** Code points of transfer characteristics (ISO/IEC 23091-2, 8.2). */
function transferOf({ transfer }: DemuxStream): Transfer {
  return transfer === 16 ? 'pq' : transfer === 18 ? 'hlg' : 'sdr';
}

function videoFacts(stream: DemuxStream, { measured, interlaced }: Seen, bitRate: number) {
  const { width, height, rotation, pixelAspect, primaries, transfer, matrix } = stream;
  const isUpright = rotation % 180 === 0;
  const aspect = height > 0 ? (width * pixelAspect) / height : 1;
  const frameRate = measured?.frameRate || Math.round(stream.frameRate * 1000) / 1000;
  const bitsPerPixel = bitRate > 0 && frameRate > 0 ? bitRate / (width * height * frameRate) : 0;
  return {
    width,
    height,
    rotation,
    pixelAspect,
    displayAspect: Math.round((isUpright ? aspect : 1 / aspect) * 10_000) / 10_000,
    frameRate,
    variableRate: measured?.variableRate ?? false,
    ...(interlaced && { interlaced }),
    transfer: transferOf(stream),
    ...(stream.dolbyVision !== undefined && { dolbyVision: stream.dolbyVision }),
    ...(stream.format !== '' && { pixelFormat: stream.format }),
    ...(primaries !== 2 && { primaries }),
    ...(transfer !== 2 && { transferCode: transfer }),
    ...(matrix !== 2 && { matrix }),
    ...(stream.fullRange && { fullRange: true }),
    ...(bitsPerPixel > 0 && { bitsPerPixel: Math.round(bitsPerPixel * 10_000) / 10_000 }),
  };
}

/** What reading the file has shown of a track. */
interface Seen {
  /** Under which it is in the `source` rendition. */
  readonly trackId: number | undefined;
  /** Of the reference. */
  readonly measured?: FrameRate | undefined;
  readonly interlaced?: boolean | undefined;
  /** Of all tracks, bits per second: the rest is for the picture where its rate is unknown. */
  readonly fileBitRate: number;
}

/** The facts of one track; undefined of attachments and data. */
export function trackFactsOf(stream: DemuxStream, seen: Seen): AssetTrackFacts | undefined {
  const { trackId, fileBitRate } = seen;
  const { kind } = stream;
  if (stream.isAttachment || kind === 'data') return undefined;
  const bitRate = stream.bitRate || (kind === 'video' ? fileBitRate : 0);
  return {
    stream: stream.index,
    kind,
    codec: stream.codec,
    codecs: stream.codecs,
    ...(stream.profile >= 0 && { profile: stream.profile }),
    ...(stream.level >= 0 && { level: stream.level }),
    ...(trackId !== undefined && { trackId }),
    ...(kind === 'video' && videoFacts(stream, seen, bitRate)),
    ...(kind === 'audio' && { sampleRate: stream.sampleRate, channels: stream.channels }),
    ...(bitRate > 0 && { bitRate }),
    language: stream.language,
    title: stream.title,
    isDefault: stream.isDefault,
    isForced: stream.isForced,
  };
}
