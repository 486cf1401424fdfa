/**
 * Parses the headers of audio and video messages: legacy, and enhanced with modifiers and several tracks.
 * In: the body of a message. Out: its packets, one for each track. Pure.
 * Adobe Flash Video File Format 10.1, E.4.2 and E.4.3; Enhanced RTMP v2, "ExAudioTagHeader" and
 * "ExVideoTagHeader".
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import { type FlvPacket, FOUR_CC, PACKET, SOUND_FORMAT, VIDEO_CODEC_ID } from './message.ts';

/** Most modifiers before a packet, and most tracks of a message. */
const MAX_MODIFIERS = 16;
const MAX_TRACKS = 64;

const KEY_FRAME = 1;
const COMMAND_FRAME = 5;
const VIDEO_MULTITRACK = 6;
const AUDIO_MULTITRACK = 5;
const TIMESTAMP_OFFSET_NANO = 0;
const ONE_TRACK = 0;
const MANY_TRACKS_MANY_CODECS = 2;

/** Legacy video codecs that oxbow does not take, by CodecID. */
const OLD_VIDEO: readonly (string | undefined)[] = [
  ...[undefined, 'Motion JPEG', 'Sorenson H.263', 'Screen video', 'VP6', 'VP6 with alpha', 'Screen video 2'],
];
/** Legacy audio codecs that oxbow does not take, by SoundFormat. */
const OLD_AUDIO: readonly (string | undefined)[] = [
  ...['PCM', 'ADPCM', undefined, 'PCM', 'Nellymoser', 'Nellymoser', 'Nellymoser', 'G.711', 'G.711', undefined],
  ...[undefined, 'Speex', undefined, undefined, undefined, 'device-specific'],
];

/**
 * The packets of a video message; empty for commands and empty messages.
 *
 * @throws FormatError if it ends early or has too many modifiers or tracks
 */
export function parseVideoMessage(body: Uint8Array): FlvPacket[] {
  const head = body[0];
  if (head === undefined) return [];
  if ((head & 0x80) !== 0) return parseEnhanced(body, 'video', head);
  const frameType = head >> 4;
  if (frameType === COMMAND_FRAME) return [];
  const codecId = head & 0x0f;
  const codec =
    codecId === VIDEO_CODEC_ID.avc ? FOUR_CC.avc1 : codecId === VIDEO_CODEC_ID.hevc ? FOUR_CC.hvc1 : undefined;
  const key = frameType === KEY_FRAME;
  if (codec === undefined) {
    const name = `${OLD_VIDEO[codecId] ?? `codec ${codecId}`} video`;
    return [{ ...unsupportedPacket(name, body), key }];
  }
  if (body.length < 5) throw new FormatError('video message ends early', body.length);
  const type = body[1]!;
  const compositionMs = signed24((body[2]! << 16) | (body[3]! << 8) | body[4]!);
  if (type > PACKET.sequenceEnd) throw new FormatError(`unknown AVC packet type ${type}`, 1);
  return [{ trackId: 0, codec, type, key, compositionMs, nanoseconds: 0, from: 5, to: body.length }];
}

/**
 * The packets of an audio message; empty for the message of no bytes, which means silence.
 *
 * @throws FormatError if it ends early or has too many modifiers or tracks
 */
export function parseAudioMessage(body: Uint8Array): FlvPacket[] {
  const head = body[0];
  if (head === undefined) return [];
  const format = head >> 4;
  if (format === SOUND_FORMAT.enhanced) return parseEnhanced(body, 'audio', head);
  const packet = { trackId: 0, key: true, compositionMs: 0, nanoseconds: 0, to: body.length };
  if (format === SOUND_FORMAT.mp3 || format === SOUND_FORMAT.mp3At8kHz) {
    return [{ ...packet, codec: FOUR_CC.mp3, type: PACKET.codedFrames, from: 1 }];
  }
  if (format !== SOUND_FORMAT.aac) {
    return [unsupportedPacket(`${OLD_AUDIO[format] ?? `format ${format}`} audio`, body)];
  }
  const type = body[1];
  if (type === undefined) throw new FormatError('audio message ends early', 1);
  if (type > PACKET.codedFrames) throw new FormatError(`unknown AAC packet type ${type}`, 1);
  return [{ ...packet, codec: FOUR_CC.mp4a, type, from: 2 }];
}

function unsupportedPacket(unsupported: string, body: Uint8Array): FlvPacket {
  return {
    trackId: 0,
    codec: 0,
    unsupported,
    type: PACKET.codedFrames,
    key: true,
    compositionMs: 0,
    nanoseconds: 0,
    from: 1,
    to: body.length,
  };
}

function signed24(value: number): number {
  return (value << 8) >> 8;
}

function parseEnhanced(body: Uint8Array, kind: 'audio' | 'video', head: number): FlvPacket[] {
  const reader = new ByteReader(body, `${kind} message`, 1);
  const isVideo = kind === 'video';
  const frameType = isVideo ? (head >> 4) & 7 : KEY_FRAME;
  let type = head & 0x0f;
  let nanoseconds = 0;
  for (let modifiers = 0; type === PACKET.modEx; modifiers++) {
    if (modifiers === MAX_MODIFIERS) throw new FormatError(`more than ${MAX_MODIFIERS} modifiers`, reader.offset);
    let size = reader.u8() + 1;
    if (size === 256) size = reader.u16() + 1;
    const data = reader.take(size);
    const next = reader.u8();
    if (next >> 4 === TIMESTAMP_OFFSET_NANO && size >= 3) {
      nanoseconds = Math.min(999_999, (data[0]! << 16) | (data[1]! << 8) | data[2]!);
    }
    type = next & 0x0f;
  }
  if (isVideo && frameType === COMMAND_FRAME && type !== PACKET.metadata) return [];
  const key = frameType === KEY_FRAME;
  const packets: FlvPacket[] = [];
  const add = (trackId: number, codec: number, from: number, to: number) => {
    packets.push(finish(body, { trackId, codec, type, key, compositionMs: 0, nanoseconds, from, to }, isVideo));
  };
  if (type !== (isVideo ? VIDEO_MULTITRACK : AUDIO_MULTITRACK)) {
    add(0, reader.u32(), reader.offset, body.length);
    return packets;
  }
  const modes = reader.u8();
  const mode = modes >> 4;
  type = modes & 0x0f;
  if (mode > MANY_TRACKS_MANY_CODECS) throw new FormatError(`unknown multitrack type ${mode}`, reader.offset - 1);
  const common = mode === MANY_TRACKS_MANY_CODECS ? undefined : reader.u32();
  do {
    if (packets.length === MAX_TRACKS) throw new FormatError(`more than ${MAX_TRACKS} tracks`, reader.offset);
    const codec = common ?? reader.u32();
    const trackId = reader.u8();
    const size = mode === ONE_TRACK ? reader.left : reader.u24();
    const from = reader.offset;
    reader.skip(size);
    add(trackId, codec, from, reader.offset);
  } while (reader.left > 0);
  return packets;
}

/** Reads the composition time where the codec has one. */
function finish(body: Uint8Array, packet: FlvPacket, isVideo: boolean): FlvPacket {
  const { codec, type, from, to } = packet;
  if (!isVideo) return packet;
  if (type === PACKET.codedFramesX) return { ...packet, type: PACKET.codedFrames };
  const isTimed = codec === FOUR_CC.avc1 || codec === FOUR_CC.hvc1;
  if (type !== PACKET.codedFrames || !isTimed) return packet;
  const reader = new ByteReader(body, 'video message', from, to);
  return { ...packet, compositionMs: signed24(reader.u24()), from: from + 3 };
}
