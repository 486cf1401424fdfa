/**
 * The payload formats of a session description, as far as oxbow uses them.
 * In: encodings. Out: payload formats, retransmissions, names of unsupported media. Pure. RFC 8866 6.6,
 * RFC 4588 8.1 (RTX).
 */
import type { LeftOutTrack } from '../../left-out.ts';
import type { RtpFormat } from '../../sdp/rtp-format.ts';
import type { PayloadCodec, PayloadFormat } from './payload.ts';

/** The meaning of a payload type: media, packets that are sent again, or unsupported media with its name. */
export type PayloadMeaning =
  | { readonly kind: 'media'; readonly format: PayloadFormat }
  | { readonly kind: 'repair'; readonly payloadType: number }
  | { readonly kind: 'leftOut'; readonly track: LeftOutTrack };

const CODECS: ReadonlyMap<string, PayloadCodec> = new Map([
  ['H264', 'h264'],
  ['H265', 'hevc'],
  ['AV1', 'av1'],
  ['VP9', 'vp9'],
  ['VP8', 'vp8'],
  ['OPUS', 'opus'],
  ['MPEG4-GENERIC', 'aac'],
  ['MP4A-LATM', 'latm'],
  ['PCMU', 'pcmu'],
  ['PCMA', 'pcma'],
  ['MP2T', 'mp2t'],
]);

const video = (name: string): LeftOutTrack => ({ kind: 'video', name: `${name} video` });
const audio = (name: string): LeftOutTrack => ({ kind: 'audio', name: `${name} audio` });

const LEFT_OUT: ReadonlyMap<string, LeftOutTrack> = new Map([
  ['JXSV', video('JPEG XS')],
  ['JPEG', video('Motion JPEG')],
  ['MPV', video('MPEG-2')],
  ['MP4V-ES', video('MPEG-4 Visual')],
  ['H263', video('H.263')],
  ['H263-1998', video('H.263')],
  ['H266', video('VVC')],
  ['G722', audio('G.722')],
  ['G726-32', audio('G.726')],
  ['L16', audio('PCM')],
  ['L24', audio('PCM')],
  ['MPA', audio('MPEG')],
  ['AC3', audio('AC-3')],
  ['SPEEX', audio('Speex')],
]);

const MAX_CLOCK_RATE = 10_000_000;

/** The meaning of a format; undefined for one that is neither media nor used, e.g. telephone events. */
export function meaningOf(format: RtpFormat, kind: 'video' | 'audio'): PayloadMeaning | undefined {
  const { encoding, clockRate, channels, parameters } = format;
  const codec = CODECS.get(encoding);
  if (codec && clockRate <= MAX_CLOCK_RATE) {
    return { kind: 'media', format: { codec, clockRate, channels, parameters } };
  }
  if (encoding === 'RTX') {
    const payloadType = Number(parameters.get('apt') ?? Number.NaN);
    return Number.isInteger(payloadType) ? { kind: 'repair', payloadType } : undefined;
  }
  const track = LEFT_OUT.get(encoding);
  if (track) return { kind: 'leftOut', track };
  const isMedia = !['RED', 'ULPFEC', 'FLEXFEC-03', 'CN', 'TELEPHONE-EVENT'].includes(encoding);
  const name = /^[\x20-\x7e]{1,24}$/.test(encoding) ? encoding : '?';
  return isMedia ? { kind: 'leftOut', track: { kind, name: `${kind} of unknown encoding '${name}'` } } : undefined;
}
