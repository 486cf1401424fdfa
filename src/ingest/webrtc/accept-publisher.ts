/**
 * What a publisher over WHIP may send: the answer to its media descriptions.
 * In: the media of an offer. Out: the media of the answer, and the tracks that come. Pure. RFC 9725 4.4,
 * RFC 3264 6.1.
 */

import type { RtpFormat } from '@oxbow/media/sdp/rtp-format';
import type { WebRtcMedia } from '@oxbow/media/sdp/webrtc-description';
import { OxbowError } from '../../lib/errors.ts';

/** A track that a publisher will send. */
interface ExpectedTrack {
  readonly mid: string;
  readonly kind: 'video' | 'audio';
  readonly format: RtpFormat;
  /** Payload type of retransmissions (RFC 4588); undefined: lost packets are sent again as they were. */
  readonly repair: RtpFormat | undefined;
  /** The media source, if the offer announces it. */
  readonly source: number | undefined;
  /** Names of its layers (simulcast), as offered; empty: it has one. */
  readonly layers: readonly string[];
}

/** The answer to a publisher. */
export interface AcceptedPublisher {
  readonly media: readonly WebRtcMedia[];
  readonly tracks: readonly ExpectedTrack[];
}

/**
 * Video by preference where a publisher offers several. VP8 is the last: it has to be converted, see
 * transcode/video.
 */
const VIDEO = ['H264', 'AV1', 'VP9', 'H265', 'VP8'];
const AUDIO = ['OPUS', 'PCMU', 'PCMA'];
/**
 * Header extensions that are used: the congestion control of the sender, the media that a packet belongs to,
 * and its layer.
 */
export const extensionUri = {
  transport: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  repaired: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
} as const;
const FEEDBACK = {
  video: ['nack', 'nack pli', 'ccm fir', 'transport-cc'],
  audio: ['nack', 'transport-cc'],
} as const;

/**
 * Chooses one codec for the first video and for the first audio.
 *
 * @throws OxbowError `offer-refused` if the offer sends no media with a codec that is supported, or video
 *   with none: a stream of only its sound would be a surprise
 */
export function acceptPublisher(offered: readonly WebRtcMedia[]): AcceptedPublisher {
  const tracks: ExpectedTrack[] = [];
  const media = offered.map((each): WebRtcMedia => {
    const track = tracks.some(({ kind }) => kind === each.kind) ? undefined : expectedTrack(each);
    if (!track) return { ...each, isRejected: true, direction: 'inactive', sources: [] };
    tracks.push(track);
    return answerOf(each, track);
  });
  const video = offered.filter(sendsVideo);
  if (video.length > 0 && !tracks.some(({ kind }) => kind === 'video')) throw refused(video);
  if (tracks.length === 0) throw refused(offered);
  return { media, tracks };
}

function expectedTrack(offered: WebRtcMedia): ExpectedTrack | undefined {
  const { mid, kind, direction, isRejected, formats, sources } = offered;
  if (isRejected || direction === 'recvonly' || direction === 'inactive') return undefined;
  if (kind !== 'video' && kind !== 'audio') return undefined;
  const usable = formats.filter((format) => isUsable(kind, format));
  const codecs = kind === 'video' ? VIDEO : AUDIO;
  const format = codecs.map((codec) => usable.find(({ encoding }) => encoding === codec)).find(Boolean);
  if (!format) return undefined;
  const repair = formats.find(
    ({ encoding, parameters }) => encoding === 'RTX' && parameters.get('apt') === String(format.payloadType),
  );
  const layers = kind === 'video' ? layersOf(offered, format) : [];
  return { mid, kind, format, repair, source: sources[0], layers };
}

/** Layers become qualities of the stream as they come, which VP8 cannot: it is converted, and has one. */
function layersOf({ layers = [], extensions }: WebRtcMedia, { encoding }: RtpFormat): readonly string[] {
  return layers.length > 1 && extensions.has(extensionUri.rid) && encoding !== 'VP8' ? layers : [];
}

/** H.264 in fragments (packetization mode 1), and 8 bits per sample: what browsers show. */
function isUsable(kind: 'video' | 'audio', { encoding, parameters }: RtpFormat): boolean {
  if (kind === 'audio') return AUDIO.includes(encoding);
  if (encoding === 'H264') return parameters.get('packetization-mode') === '1';
  if (encoding === 'VP9') return (parameters.get('profile-id') ?? '0') === '0';
  return VIDEO.includes(encoding);
}

function answerOf(offered: WebRtcMedia, { kind, format, repair, layers }: ExpectedTrack): WebRtcMedia {
  const wanted: readonly string[] = FEEDBACK[kind];
  const feedback = format.feedback.filter((each) => wanted.includes(each));
  const uris: readonly string[] = Object.values(extensionUri);
  return {
    mid: offered.mid,
    kind,
    direction: 'recvonly',
    isRejected: false,
    formats: [{ ...format, feedback }, ...(repair ? [{ ...repair, feedback: [] }] : [])],
    extensions: new Map([...offered.extensions].filter(([uri]) => uris.includes(uri))),
    sources: [],
    layers,
  };
}

function sendsVideo({ kind, direction, isRejected }: WebRtcMedia): boolean {
  return kind === 'video' && !isRejected && (direction === 'sendonly' || direction === 'sendrecv');
}

function refused(offered: readonly WebRtcMedia[]): OxbowError {
  const names = new Set(offered.flatMap(({ formats }) => formats.map(({ encoding }) => encoding)));
  for (const encoding of ['RTX', 'RED', 'ULPFEC', 'FLEXFEC-03', 'CN', 'TELEPHONE-EVENT']) names.delete(encoding);
  const isSending = offered.some(({ direction }) => direction === 'sendonly' || direction === 'sendrecv');
  const why = isSending
    ? `none of its codecs is supported: ${[...names].slice(0, 12).join(', ')}`
    : 'it sends no media';
  return new OxbowError('offer-refused', `The offer cannot be used: ${why}.`);
}
