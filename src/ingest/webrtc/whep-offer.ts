/**
 * What a WHEP source is offered, and its answer as the media of an RTP session.
 * In: the answer. Out: media descriptions. Pure. draft-ietf-wish-whep 4.2, RFC 3264 6.
 */
import type { RtpMedia } from '@oxbow/media/rtp/rtp-media';
import type { RtpFormat } from '@oxbow/media/sdp/rtp-format';
import type { WebRtcDescription, WebRtcMedia } from '@oxbow/media/sdp/webrtc-description';
import type { WebRtcSession } from '../rtp/rtp-session.ts';
import { extensionUri } from './accept-publisher.ts';

const FEEDBACK = { video: ['nack', 'nack pli', 'ccm fir', 'transport-cc'], audio: ['nack', 'transport-cc'] } as const;
/** Payload types from here on are dynamic; each of video has its retransmissions after it. RFC 3551 3 */
const FIRST_TYPE = 96;
/** Constrained baseline, main and high, up to 4K. */
const H264_PROFILES = ['42e034', '4d0034', '640034'];

/** Codecs by preference; VP8 is the last, because it has to be converted. */
const video: readonly (readonly [encoding: string, parameters: Readonly<Record<string, string>>])[] = [
  ...H264_PROFILES.map(
    (id) => ['H264', { 'level-asymmetry-allowed': '1', 'packetization-mode': '1', 'profile-level-id': id }] as const,
  ),
  ['H265', {}],
  ['AV1', {}],
  ['VP9', { 'profile-id': '0' }],
  ['VP8', {}],
];

/** The offer: one video and one audio, to receive. */
export function whepOffer(): readonly WebRtcMedia[] {
  const pictures = video.flatMap(([encoding, parameters], index): RtpFormat[] => {
    const payloadType = FIRST_TYPE + 2 * index;
    const format = { payloadType, encoding, clockRate: 90_000, channels: 1, feedback: FEEDBACK.video };
    const apt = new Map([['apt', String(payloadType)]]);
    return [
      { ...format, parameters: new Map(Object.entries(parameters)) },
      { ...format, payloadType: payloadType + 1, encoding: 'rtx', feedback: [], parameters: apt },
    ];
  });
  const opus = { payloadType: 111, encoding: 'opus', clockRate: 48_000, channels: 2, feedback: FEEDBACK.audio };
  const sound: RtpFormat[] = [
    { ...opus, parameters: new Map(Object.entries({ minptime: '10', useinbandfec: '1', stereo: '1' })) },
    { ...opus, payloadType: 0, encoding: 'PCMU', clockRate: 8000, channels: 1, parameters: new Map() },
    { ...opus, payloadType: 8, encoding: 'PCMA', clockRate: 8000, channels: 1, parameters: new Map() },
  ];
  return [describe('0', 'video', pictures), describe('1', 'audio', sound)];
}

/** The answer as media that an RTP session reads. Media that the server does not send are not usable. */
export function receivedMedia(answer: WebRtcDescription): readonly RtpMedia[] {
  return answer.media.map(({ kind, direction, isRejected, formats, sources }) => ({
    kind,
    direction,
    formats,
    sources,
    language: 'und',
    protocol: 'UDP/TLS/RTP/SAVPF',
    port: 9,
    isMuxed: true,
    rtcpPort: undefined,
    address: undefined,
    control: undefined,
    isTransportStream: false,
    leftOut: [],
    isUsable: !isRejected && /send/.test(direction) && formats.some(({ encoding }) => encoding !== 'RTX'),
  }));
}

/** The names of the media and the header extensions of an answer. */
export function webRtcOf({ media }: WebRtcDescription): WebRtcSession {
  const extensions = media.find(({ isRejected }) => !isRejected)?.extensions;
  const [transport, mid] = [extensions?.get(extensionUri.transport), extensions?.get(extensionUri.mid)];
  return {
    mids: media.map((each) => each.mid),
    ...(transport !== undefined && { transportExtension: transport }),
    ...(mid !== undefined && { midExtension: mid }),
  };
}

function describe(mid: string, kind: string, formats: readonly RtpFormat[]): WebRtcMedia {
  const extensions = new Map([
    [extensionUri.mid, 1],
    [extensionUri.transport, 2],
  ]);
  return { mid, kind, direction: 'recvonly', isRejected: false, formats, extensions, sources: [] };
}
