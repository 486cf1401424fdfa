/**
 * What a viewer over WHEP gets: the answer to its media descriptions.
 * In: the media of an offer, the packetizers of a live stream. Out: the media of the answer, and what each
 * sender is. RFC 3264 6.1.
 */
import { randomBytes } from 'node:crypto';
import type { RtpFormat } from '@oxbow/media/sdp/rtp-format';
import type { WebRtcMedia } from '@oxbow/media/sdp/webrtc-description';
import { type SentTrack, sentExtensions } from '@oxbow/wire/webrtc/media-sender';
import { OxbowError } from '../../lib/errors.ts';
import type { FeedTrack } from './viewer-feed.ts';

/** The answer to a viewer. */
export interface AcceptedViewer {
  readonly media: readonly WebRtcMedia[];
  readonly tracks: readonly SentTrack[];
}

/**
 * Loss is repaired by repeated packets, key frames are requested; REMB says how much the connection takes.
 */
const FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'goog-remb'];

/**
 * Chooses the tracks: the first video and the first audio of the stream that the viewer can play.
 *
 * @throws OxbowError `offer-refused` if it can play nothing of the stream
 */
export function acceptViewer(offered: readonly WebRtcMedia[], tracks: readonly FeedTrack[]): AcceptedViewer {
  const sent: SentTrack[] = [];
  const media = offered.map((each): WebRtcMedia => {
    const accepted = sent.some(({ kind }) => kind === each.kind) ? undefined : accept(each, tracks);
    if (!accepted) return { ...each, isRejected: true, direction: 'inactive', sources: [] };
    sent.push(accepted.track);
    return accepted.media;
  });
  const isVideo = ({ kind }: { readonly kind: string }) => kind === 'video';
  // Sound without the picture that the viewer expects would look like a fault.
  if (tracks.some(isVideo) && offered.some((each) => isVideo(each) && isReceiving(each)) && !sent.some(isVideo)) {
    throw refused(offered.filter(isVideo), tracks.filter(isVideo));
  }
  if (sent.length === 0) throw refused(offered, tracks);
  return { media, tracks: sent };
}

const isReceiving = ({ isRejected, direction }: WebRtcMedia): boolean =>
  !isRejected && (direction === 'recvonly' || direction === 'sendrecv');

function accept(
  offered: WebRtcMedia,
  tracks: readonly FeedTrack[],
): { readonly media: WebRtcMedia; readonly track: SentTrack } | undefined {
  if (!isReceiving(offered)) return undefined;
  const { mid, kind, formats, extensions } = offered;
  if (kind !== 'video' && kind !== 'audio') return undefined;
  const sent = tracks.find((track) => track.kind === kind);
  if (!sent?.packetizer) return undefined;
  const { encoding, clockRate, parameters } = sent.packetizer.format;
  const format = findFormat(formats, encoding, parameters);
  if (!format) return undefined;
  const repair = formats.find(
    (each) => each.encoding === 'RTX' && each.parameters.get('apt') === String(format.payloadType),
  );
  const [ssrc, repairSsrc] = [randomSsrc(), randomSsrc()];
  const sentIds = new Map([...extensions].filter(([uri]) => (Object.values(sentExtensions) as string[]).includes(uri)));
  const feedback = format.feedback.filter((each) => FEEDBACK.includes(each));
  const track = {
    ...({
      trackId: sent.id,
      kind,
      mid,
      payloadType: format.payloadType,
      clockRate,
      ssrc,
      extensions: sentIds,
    } as const),
    repair: repair && { ssrc: repairSsrc, payloadType: repair.payloadType },
  };
  const media = {
    ...({ mid, kind, direction: 'sendonly', isRejected: false, extensions: sentIds, msid: `oxbow ${kind}` } as const),
    formats: [{ ...format, feedback }, ...(repair ? [{ ...repair, feedback: [] }] : [])],
    sources: repair ? [ssrc, repairSsrc] : [ssrc],
  };
  return { media, track };
}

/**
 * Of H.264, the format with the profile of the stream, or else any one: decoders play more than they offer.
 */
function findFormat(formats: readonly RtpFormat[], encoding: string, parameters: string): RtpFormat | undefined {
  const usable = formats.filter(
    (each) =>
      each.encoding === encoding.toUpperCase() &&
      (encoding !== 'H264' || each.parameters.get('packetization-mode') === '1') &&
      (encoding !== 'VP9' || parameters.includes(`profile-id=${each.parameters.get('profile-id') ?? '0'}`)),
  );
  if (encoding !== 'H264') return usable[0];
  const profileOf = (text: string | undefined) => text?.slice(0, 2).toLowerCase();
  const profile = profileOf(/profile-level-id=([\da-f]{6})/i.exec(parameters)?.[1]);
  return usable.find((each) => profileOf(each.parameters.get('profile-level-id')) === profile) ?? usable[0];
}

function refused(offered: readonly WebRtcMedia[], tracks: readonly FeedTrack[]): OxbowError {
  const reasons = tracks.flatMap(({ refused: reason }) => (reason === undefined ? [] : [reason]));
  const encodings = tracks.flatMap(({ packetizer }) => (packetizer ? [packetizer.format.encoding] : []));
  const theirs = new Set(offered.flatMap(({ formats }) => formats.map(({ encoding }) => encoding)));
  for (const encoding of ['RTX', 'RED', 'ULPFEC', 'FLEXFEC-03', 'CN', 'TELEPHONE-EVENT']) theirs.delete(encoding);
  const why =
    encodings.length > 0
      ? `The stream has ${encodings.join(' and ')}, and the viewer offers ${[...theirs].slice(0, 12).join(', ')}.`
      : reasons.join(' ');
  return new OxbowError('offer-refused', why, { extra: { hint: 'Watch the stream over HLS: /live/NAME/index.m3u8.' } });
}

function randomSsrc(): number {
  return randomBytes(4).readUInt32BE();
}
