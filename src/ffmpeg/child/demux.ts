/**
 * Describes an open container and reads its packets.
 * In: FFmpeg's demuxer. Out: a description as JSON, messages with packets. Native code: child processes only.
 */
import {
  AV_CODEC_ID_WEBVTT,
  AV_DISPOSITION_ATTACHED_PIC,
  AV_DISPOSITION_DEFAULT,
  AV_DISPOSITION_FORCED,
  AV_NOPTS_VALUE,
  AV_PIX_FMT_NONE,
  AV_PKT_DATA_DISPLAYMATRIX,
  AV_PKT_DATA_DOVI_CONF,
  AV_PKT_DATA_WEBVTT_SETTINGS,
  AV_PKT_FLAG_CORRUPT,
  AV_PKT_FLAG_DISCARD,
  AVCOL_RANGE_JPEG,
  AVDISCARD_ALL,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_SUBTITLE,
  AVMEDIA_TYPE_VIDEO,
  type AVPixelFormat,
  type AVSampleFormat,
} from 'node-av/constants';
import {
  avGetCodecName,
  avGetPixFmtName,
  avGetSampleFmtName,
  type CodecParameters,
  type Dictionary,
  type FormatContext,
  Packet,
  type Stream,
} from 'node-av/lib';
import {
  type DemuxInfo,
  type DemuxStream,
  demuxKinds,
  PACKET_HEADER_BYTES,
  printPacketHeader,
} from '../demux-shape.ts';
import { printMessage } from '../frame-protocol.ts';

/** Bytes of packets that are sent in one write. */
const BATCH_BYTES = 256 * 1024;
/** Longest text taken from a container, characters. */
const MAX_TEXT = 512;

/** The container's description of itself and its streams. */
export function describe(format: FormatContext): DemuxInfo {
  const usOf = (us: bigint) => (us === AV_NOPTS_VALUE ? 0 : Number(us));
  return {
    container: format.iformat?.name ?? '',
    durationUs: Math.max(0, usOf(format.duration)),
    startUs: usOf(format.startTime),
    bitRate: Math.max(0, Number(format.bitRate)),
    title: textOf(format.metadata, 'title'),
    streams: format.streams.map(describeStream),
  };
}

function textOf(metadata: Dictionary | null, key: string): string {
  return (metadata?.get(key) ?? '')
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, MAX_TEXT)
    .trim();
}

function ratioOf({ num, den }: { readonly num: number; readonly den: number }): number {
  return num > 0 && den > 0 ? num / den : 0;
}

function describeStream(stream: Stream): DemuxStream {
  const parameters = stream.codecpar;
  const { codecType } = parameters;
  const isVideo = codecType === AVMEDIA_TYPE_VIDEO;
  const isAudio = codecType === AVMEDIA_TYPE_AUDIO;
  const { num, den } = stream.timeBase;
  // FFmpeg knows no WebVTT in MP4, but delivers its samples.
  const sampleEntry = fourccOf(parameters);
  const isText = codecType === AVMEDIA_TYPE_SUBTITLE || sampleEntry === 'wvtt';
  const dolbyVision = isVideo ? dolbyVisionOf(parameters) : undefined;
  const isTimed = den > 0 && stream.startTime !== AV_NOPTS_VALUE;
  return {
    index: stream.index,
    id: stream.id,
    kind: isVideo ? 'video' : isAudio ? 'audio' : isText ? 'text' : 'data',
    codec: sampleEntry === 'wvtt' ? 'webvtt' : (avGetCodecName(parameters.codecId) ?? ''),
    sampleEntry,
    codecs: isVideo || isAudio ? (parameters.getCodecString() ?? '') : '',
    profile: parameters.profile,
    level: parameters.level,
    timeScale: den,
    timeStep: num,
    width: isVideo ? parameters.width : 0,
    height: isVideo ? parameters.height : 0,
    pixelAspect: ratioOf(stream.sampleAspectRatio) || ratioOf(parameters.sampleAspectRatio) || 1,
    rotation: isVideo ? rotationOf(parameters.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX)) : 0,
    frameRate: isVideo ? ratioOf(stream.avgFrameRate) : 0,
    baseFrameRate: isVideo ? ratioOf(stream.rFrameRate) : 0,
    format: formatOf(parameters, isVideo, isAudio),
    primaries: isVideo ? parameters.colorPrimaries : 2,
    transfer: isVideo ? parameters.colorTrc : 2,
    matrix: isVideo ? parameters.colorSpace : 2,
    fullRange: isVideo && parameters.colorRange === AVCOL_RANGE_JPEG,
    ...(dolbyVision !== undefined && { dolbyVision }),
    sampleRate: isAudio ? parameters.sampleRate : 0,
    channels: isAudio ? parameters.channels : 0,
    bitRate: Math.max(0, Number(parameters.bitRate)),
    language: stream.metadata?.get('language') ?? 'und',
    title: textOf(stream.metadata, 'title'),
    isDefault: stream.hasDisposition(AV_DISPOSITION_DEFAULT),
    isForced: stream.hasDisposition(AV_DISPOSITION_FORCED),
    isAttachment: stream.hasDisposition(AV_DISPOSITION_ATTACHED_PIC),
    ...(isTimed && { startUs: Math.round((Number(stream.startTime) * num * 1_000_000) / den) }),
    durationMs: stream.duration > 0n && den > 0 ? Math.round((Number(stream.duration) * num * 1000) / den) : 0,
    extradata: (parameters.extradata ?? Buffer.alloc(0)).toString('base64'),
    record: (parameters.getDecoderConfigurationRecord() ?? Buffer.alloc(0)).toString('base64'),
  };
}

function formatOf(parameters: CodecParameters, isVideo: boolean, isAudio: boolean): string {
  if (isVideo && parameters.format !== AV_PIX_FMT_NONE)
    return avGetPixFmtName(parameters.format as AVPixelFormat) ?? '';
  return isAudio ? (avGetSampleFmtName(parameters.format as AVSampleFormat) ?? '') : '';
}

/**
 * Degrees clockwise of a display matrix: nine 32-bit numbers in the order of the machine, the first two in
 * 16.16.
 */
function rotationOf(matrix: Buffer | null): number {
  if (!matrix || matrix.length < 36) return 0;
  const degrees = (Math.atan2(matrix.readInt32LE(4), matrix.readInt32LE(0)) * 180) / Math.PI;
  return (Math.round(degrees) + 360) % 360;
}

/** The codec_tag, whose first character is in the lowest byte. */
function fourccOf({ codecTag }: CodecParameters): string {
  const tag = typeof codecTag === 'number' ? codecTag : 0;
  const text = String.fromCharCode(tag & 255, (tag >> 8) & 255, (tag >> 16) & 255, (tag >>> 24) & 255);
  return /^[\x20-\x7e]{4}$/.test(text) ? text : '';
}

/** Profile of AVDOVIDecoderConfigurationRecord: its third byte. */
function dolbyVisionOf(parameters: CodecParameters): number | undefined {
  const record = parameters.getCodedSideData(AV_PKT_DATA_DOVI_CONF);
  return record && record.length > 2 ? record[2] : undefined;
}

/**
 * Reads all packets to the end of the file.
 *
 * @param indexes streams whose packets are sent
 * @param send writes messages
 * @returns the number of FFmpeg with which reading ended
 */
export function readPackets(
  format: FormatContext,
  indexes: readonly number[],
  send: (pieces: readonly Uint8Array[]) => void,
): number {
  const wanted = new Set(indexes);
  const vtt = new Set(
    format.streams.filter(({ codecpar }) => codecpar.codecId === AV_CODEC_ID_WEBVTT).map(({ index }) => index),
  );
  for (const stream of format.streams) if (!wanted.has(stream.index)) stream.discard = AVDISCARD_ALL;
  const packet = new Packet();
  packet.alloc();
  let batch: Uint8Array[] = [];
  let bytes = 0;
  const flush = () => {
    send(batch);
    batch = [];
    bytes = 0;
  };
  try {
    for (;;) {
      const result = format.readFrameSync(packet);
      if (result < 0) return result;
      const data = packet.data;
      if (data && wanted.has(packet.streamIndex)) {
        const ticksOf = (time: bigint) => (time === AV_NOPTS_VALUE ? undefined : Number(time));
        const header = printPacketHeader({
          index: packet.streamIndex,
          key: packet.isKeyframe,
          corrupt: packet.hasFlags(AV_PKT_FLAG_CORRUPT),
          hidden: packet.hasFlags(AV_PKT_FLAG_DISCARD),
          pts: ticksOf(packet.pts),
          dts: ticksOf(packet.dts),
          duration: Math.max(0, Number(packet.duration)),
        });
        const settings = vtt.has(packet.streamIndex) ? settingsOf(packet) : [];
        batch.push(printMessage(demuxKinds.packet, header, ...settings, data));
        bytes += PACKET_HEADER_BYTES + data.length;
        if (bytes >= BATCH_BYTES) flush();
      }
      packet.unref();
    }
  } finally {
    flush();
    packet.free();
  }
}

/** The line with the settings of a cue. */
function settingsOf(packet: Packet): Uint8Array[] {
  const settings = packet.getSideData(AV_PKT_DATA_WEBVTT_SETTINGS);
  return [Buffer.from(settings ?? []), Buffer.from('\n')];
}
