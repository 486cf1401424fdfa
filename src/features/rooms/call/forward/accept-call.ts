/**
 * The sources and slots of a participant of a forwarded call: the answer to the media of its offer.
 * In: the media of an offer. Out: the media of the answer, sources, slots. RFC 3264 6.1, RFC 8843 (mid);
 * docs/7-together/messages.md.
 */
import { randomBytes } from 'node:crypto';
import { ForwardSlot } from '@oxbow/media/rtp/forward/forward-slot';
import { ForwardSource, type ForwardSourceOptions } from '@oxbow/media/rtp/forward/forward-source';
import { constantExtensions } from '@oxbow/media/rtp/packet';
import type { RtpFormat } from '@oxbow/media/sdp/rtp-format';
import type { WebRtcMedia } from '@oxbow/media/sdp/webrtc-description';
import { type CallSource, MAX_CALL, MAX_CALL_PICTURES } from '../../../../api/room/call-shapes.ts';
import { OxbowError } from '../../../../lib/errors.ts';

/** A source with how its packets are recognized. */
export interface AcceptedSource {
  readonly name: CallSource;
  readonly mid: string;
  /** SSRCs that the offer announces. */
  readonly announced: readonly number[];
  readonly source: ForwardSource;
}

/** The answer to a participant. */
export interface AcceptedCall {
  readonly media: readonly WebRtcMedia[];
  readonly sources: readonly AcceptedSource[];
  readonly slots: readonly ForwardSlot[];
  /** Ids of header extensions of received packets. */
  readonly midExtension: number | undefined;
  readonly transportExtension: number | undefined;
}

const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
const TRANSPORT = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
const CODECS = { audio: 'OPUS', video: 'VP8' } as const;
const FEEDBACK: readonly string[] = ['nack', 'nack pli', 'ccm fir', 'transport-cc'];
const SLOT_FEEDBACK: readonly string[] = ['nack', 'nack pli', 'ccm fir'];
/** Sources in the order of their media in the offer, by kind. */
const SOURCES = { audio: ['microphone'], video: ['camera', 'screen'] } as const;
const MAX_SLOTS = { audio: MAX_CALL - 1, video: MAX_CALL_PICTURES } as const;

/**
 * Accepts the offer of a participant; media beyond the limits, or with other codecs, is rejected.
 *
 * @param counts of packets that are not forwarded
 * @throws OxbowError `offer-refused` if nothing of it can be used
 */
export function acceptCall(offered: readonly WebRtcMedia[], counts: { dropped: number }): AcceptedCall {
  const sources: AcceptedSource[] = [];
  const slots: ForwardSlot[] = [];
  const media = offered.map((each): WebRtcMedia => {
    const { kind, direction, isRejected } = each;
    const rejected: WebRtcMedia = { ...each, isRejected: true, direction: 'inactive', sources: [] };
    if (isRejected || (kind !== 'audio' && kind !== 'video')) return rejected;
    const format = each.formats.find(({ encoding }) => encoding === CODECS[kind]);
    if (!format) return rejected;
    if (direction === 'sendonly' || direction === 'sendrecv') {
      const name = SOURCES[kind].find((candidate) => !sources.some((source) => source.name === candidate));
      return name ? acceptSource(each, { name, kind, format, counts }, sources) : rejected;
    }
    const hasRoom = slots.filter((slot) => slot.kind === kind).length < MAX_SLOTS[kind];
    return direction === 'recvonly' && hasRoom ? acceptSlot(each, { kind, format }, slots) : rejected;
  });
  if (sources.length === 0 && slots.length === 0)
    throw new OxbowError('offer-refused', 'The offer has no Opus or VP8.', {
      extra: { hint: 'Offer Opus and VP8, as docs/7-together/messages.md describes.' },
    });
  const extensions = media.find(({ isRejected, direction }) => !isRejected && direction === 'recvonly')?.extensions;
  return {
    media,
    sources,
    slots,
    midExtension: extensions?.get(MID),
    transportExtension: extensions?.get(TRANSPORT),
  };
}

function acceptSource(
  { mid, formats, extensions, sources: announced }: WebRtcMedia,
  { name, kind, format, counts }: Accepting & Pick<ForwardSourceOptions, 'counts'> & { readonly name: CallSource },
  sources: AcceptedSource[],
): WebRtcMedia {
  const { payloadType, clockRate } = format;
  const repair = formats.find(
    ({ encoding, parameters }) => encoding === 'RTX' && parameters.get('apt') === String(payloadType),
  );
  const feedback = format.feedback.filter((each) => FEEDBACK.includes(each));
  const canRepeat = feedback.includes('nack');
  const repairPayloadType = repair?.payloadType;
  const source = new ForwardSource({
    kind,
    clockRate,
    payloadType,
    repairPayloadType,
    sources: announced,
    canRepeat,
    counts,
  });
  sources.push({ name, mid, announced: announced.slice(0, 2), source });
  return {
    ...({ mid, kind, direction: 'recvonly', isRejected: false, sources: [] } as const),
    formats: [{ ...format, feedback }, ...(repair ? [{ ...repair, feedback: [] }] : [])],
    extensions: new Map([...extensions].filter(([uri]) => uri === MID || uri === TRANSPORT)),
  };
}

interface Accepting {
  readonly kind: 'audio' | 'video';
  readonly format: RtpFormat;
}

/** Lost packets are sent again as they were: the repair stream of the offer is not used. */
function acceptSlot({ mid, extensions }: WebRtcMedia, { kind, format }: Accepting, slots: ForwardSlot[]): WebRtcMedia {
  const { payloadType, clockRate } = format;
  const id = extensions.get(MID);
  const ssrc = randomSsrc(slots);
  // Sound and pictures with the same number are played in step: MediaStreams are what browsers synchronize.
  const number = slots.filter((slot) => slot.kind === kind).length;
  slots.push(
    new ForwardSlot({
      kind,
      mid,
      ssrc,
      payloadType,
      clockRate,
      name: `slot-${number}`,
      // In the lower half, RFC 3711 3.3.1.
      firstSequence: randomBytes(2).readUInt16BE() & 0x7fff,
      firstTimestamp: randomBytes(4).readUInt32BE(),
      extensions:
        id === undefined || mid.length > 16 ? undefined : constantExtensions([[id, new TextEncoder().encode(mid)]]),
    }),
  );
  return {
    ...({ mid, kind, direction: 'sendonly', isRejected: false, sources: [ssrc] } as const),
    msid: `slot-${number} ${kind}-${number}`,
    formats: [{ ...format, feedback: format.feedback.filter((each) => SLOT_FEEDBACK.includes(each)) }],
    extensions: new Map(id === undefined ? [] : [[MID, id]]),
  };
}

function randomSsrc(slots: readonly ForwardSlot[]): number {
  for (;;) {
    const ssrc = randomBytes(4).readUInt32BE();
    if (!slots.some((slot) => slot.ssrc === ssrc)) return ssrc;
  }
}
