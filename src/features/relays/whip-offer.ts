/**
 * The offer of a relay to a WHIP target, and the accepted tracks.
 * In: the tracks of a run; the answer. Out: media descriptions; the tracks that are sent. RFC 9725 4.4,
 * RFC 3264 5 and 6.
 */
import { randomBytes } from 'node:crypto';
import { trackName } from '@oxbow/media/flv/muxer-codecs';
import type { Track } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { formatOf, type RtpFormat as SentFormat } from '@oxbow/media/rtp/send/format';
import type { RtpFormat } from '@oxbow/media/sdp/rtp-format';
import type { WebRtcDescription, WebRtcMedia } from '@oxbow/media/sdp/webrtc-description';
import { type SentTrack, sentExtensions } from '@oxbow/wire/webrtc/media-sender';

/** The offered tracks. */
export interface WhipOffer {
  /** One video and one audio. */
  readonly tracks: readonly { readonly track: Track; readonly media: WebRtcMedia }[];
  /** Tracks that are not offered. */
  readonly leftOut: readonly LeftOutTrack[];
  /** Why, for users; empty if all are offered. */
  readonly reasons: readonly string[];
}

const PAYLOAD_TYPES = { video: 96, audio: 111 } as const;
const REPAIR_TYPE = 97;
const FEEDBACK = { video: ['nack', 'nack pli', 'ccm fir', 'goog-remb'], audio: ['nack'] } as const;
/** Sound that is not Opus is converted. */
const OPUS: SentFormat = {
  encoding: 'opus',
  clockRate: 48_000,
  channels: 2,
  parameters: 'minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1',
};

/** Offers the first video and the first audio. */
export function offerTracks(tracks: readonly Track[]): WhipOffer {
  const offered: { track: Track; media: WebRtcMedia }[] = [];
  const leftOut: LeftOutTrack[] = [];
  const reasons: string[] = [];
  for (const track of tracks) {
    const format = track.kind === 'audio' && track.config.codec !== 'opus' ? OPUS : formatOf(track);
    const { kind } = track;
    const isSent = offered.some(({ track: { kind: each } }) => each === kind);
    if ('refused' in format || isSent || (kind !== 'video' && kind !== 'audio')) {
      leftOut.push(trackName(track));
      if ('refused' in format) reasons.push(format.refused);
    } else offered.push({ track, media: describe(kind, format, String(offered.length)) });
  }
  return { tracks: offered, leftOut, reasons };
}

/** The tracks that the target takes. */
export function acceptedTracks({ tracks }: WhipOffer, answer: WebRtcDescription): readonly SentTrack[] {
  return tracks.flatMap(({ track, media }): SentTrack[] => {
    const answered = answer.media.find(({ mid }) => mid === media.mid);
    const takes = answered && !answered.isRejected && /recv/.test(answered.direction);
    const format = answered?.formats.find(({ encoding }) => encoding === media.formats[0]!.encoding.toUpperCase());
    if (!takes || !format) return [];
    const repair = answered.formats.find(
      ({ encoding, parameters }) => encoding === 'RTX' && parameters.get('apt') === String(format.payloadType),
    );
    const [ssrc = 0, repairSsrc = 0] = media.sources;
    const knownUris: readonly string[] = Object.values(sentExtensions);
    return [
      {
        trackId: track.id,
        kind: media.kind as 'video' | 'audio',
        mid: media.mid,
        ssrc,
        payloadType: format.payloadType,
        clockRate: format.clockRate,
        repair: repair && { ssrc: repairSsrc, payloadType: repair.payloadType },
        extensions: new Map([...answered.extensions].filter(([uri]) => knownUris.includes(uri))),
      },
    ];
  });
}

function describe(kind: 'video' | 'audio', format: SentFormat, mid: string): WebRtcMedia {
  const payloadType = PAYLOAD_TYPES[kind];
  const { encoding, clockRate, channels = 1, parameters } = format;
  const media: RtpFormat = {
    payloadType,
    encoding,
    clockRate,
    channels,
    feedback: FEEDBACK[kind],
    parameters: new Map(parameters.split(';').map((each) => each.split('=', 2) as [string, string])),
  };
  const repair: RtpFormat = {
    payloadType: REPAIR_TYPE,
    encoding: 'rtx',
    clockRate,
    channels: 1,
    feedback: [],
    parameters: new Map([['apt', String(payloadType)]]),
  };
  const isVideo = kind === 'video';
  return {
    mid,
    kind,
    direction: 'sendonly',
    isRejected: false,
    msid: `oxbow ${kind}`,
    formats: isVideo ? [media, repair] : [media],
    extensions: new Map([
      [sentExtensions.mid, 1],
      [sentExtensions.sendTime, 2],
    ]),
    sources: isVideo ? [randomSsrc(), randomSsrc()] : [randomSsrc()],
  };
}

function randomSsrc(): number {
  return randomBytes(4).readUInt32BE();
}
