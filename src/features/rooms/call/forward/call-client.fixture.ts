/**
 * A participant of a forwarded call without a browser: its offer, and its connection on its own port.
 * In: how the offer is answered. Out: a peer that sends RTP and receives what its slots get.
 */
import type { RtpFormat } from '@oxbow/media/sdp/rtp-format';
import {
  type Direction,
  parseWebRtc,
  printWebRtc,
  type WebRtcDescription,
  type WebRtcMedia,
} from '@oxbow/media/sdp/webrtc-description';
import { openWebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import { createIceCredentials } from '@oxbow/wire/webrtc/ice/ice-session';
import type { Peer, PeerHandlers } from '@oxbow/wire/webrtc/peer';

/** Payload types of the offer. */
export const clientTypes = { opus: 111, vp8: 96, rtx: 97 } as const;
/** Ids of its header extensions. */
export const clientExtensions = { transportSequence: 3, mid: 4 } as const;

const extensions = new Map([
  ['http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01', clientExtensions.transportSequence],
  ['urn:ietf:params:rtp-hdrext:sdes:mid', clientExtensions.mid],
]);
const opus: RtpFormat = {
  payloadType: clientTypes.opus,
  encoding: 'OPUS',
  clockRate: 48_000,
  channels: 2,
  parameters: new Map(),
  feedback: ['transport-cc'],
};
const vp8: RtpFormat = {
  payloadType: clientTypes.vp8,
  encoding: 'VP8',
  clockRate: 90_000,
  channels: 1,
  parameters: new Map(),
  feedback: ['nack', 'nack pli', 'transport-cc'],
};
const rtx: RtpFormat = {
  payloadType: clientTypes.rtx,
  encoding: 'RTX',
  clockRate: 90_000,
  channels: 1,
  parameters: new Map([['apt', String(clientTypes.vp8)]]),
  feedback: [],
};

/** The media of an offer: microphone (`mid` 0), camera (1), screen (2), then slots. */
export function offeredMedia({ audio = 15, video = 8 } = {}): WebRtcMedia[] {
  const all: WebRtcMedia[] = [];
  const add = (kind: 'audio' | 'video', direction: Direction) => {
    const formats = kind === 'audio' ? [opus] : [vp8, rtx];
    all.push({ mid: String(all.length), kind, direction, isRejected: false, formats, extensions, sources: [] });
  };
  add('audio', 'sendonly');
  add('video', 'sendonly');
  add('video', 'sendonly');
  for (let i = 0; i < audio; i++) add('audio', 'recvonly');
  for (let i = 0; i < video; i++) add('video', 'recvonly');
  return all;
}

/** A connection. */
export interface CallClient extends AsyncDisposable {
  readonly peer: Peer;
  readonly answer: WebRtcDescription;
}

/** Opens it. @param post sends the offer, and returns the answer @param media as `offeredMedia` */
export async function openCallClient(
  post: (offer: string) => string | Promise<string>,
  handlers: PeerHandlers,
  media: readonly WebRtcMedia[] = offeredMedia(),
): Promise<CallClient> {
  const endpoint = await openWebRtcEndpoint({ address: '127.0.0.1', port: 0, nowMs: Date.now(), onError: () => {} });
  const local = createIceCredentials();
  const own = { ...local, fingerprint: endpoint.fingerprint, isIceLite: false, candidates: [] };
  const posting = Promise.try(post, printWebRtc({ ...own, setup: 'actpass', media }, '1'));
  const answer = parseWebRtc(
    await posting.catch(async (error) => {
      await endpoint.close();
      throw error;
    }),
  );
  const peer = endpoint.openPeer({ ...handlers, role: 'offer', dtls: 'client', local, remote: answer });
  return { peer, answer, [Symbol.asyncDispose]: () => endpoint.close() };
}
