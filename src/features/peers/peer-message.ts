/**
 * Messages of viewers that are introduced to each other: the protocol of WebTorrent trackers over WebSocket,
 * as far as one stream needs it, and the report of a peer that has sent wrong bytes.
 * In: texts of connections. Out: checked messages. Pure. docs/4-watch/peers.md has the protocol.
 */
import { FormatError } from '@oxbow/media/errors';

/** Most bytes of a message: five offers with the candidates of a computer with many networks. */
export const MAX_PEER_MESSAGE = 64 * 1024;
/** Most offers of a message. */
export const MAX_OFFERS = 5;
/** Most characters of a session description. */
const MAX_SDP = 12 * 1024;
/** Bytes of a figure of traffic that count in one message: 30 s at 1 Gbps. */
const MAX_REPORTED = 4e9;

/** A session description of WebRTC. The server passes it on and reads nothing in it. */
interface Description<Kind extends 'offer' | 'answer'> {
  readonly type: Kind;
  readonly sdp: string;
}

/** What every message names. */
interface Named {
  /** A rendition of the stream, as its viewers name it: 20 characters. */
  readonly swarm: string;
  /** The viewer in it: 20 characters, chosen by its page. */
  readonly peer: string;
}

/** A message of a viewer. */
export type PeerMessage = Named &
  (
    | {
        readonly kind: 'announce';
        readonly offers: readonly { readonly id: string; readonly offer: Description<'offer'> }[];
        /** Received from other viewers since the last message, bytes. */
        readonly receivedBytes: number;
      }
    | {
        readonly kind: 'answer';
        readonly to: string;
        readonly offer: string;
        readonly answer: Description<'answer'>;
      }
    | { readonly kind: 'stopped' }
    /** The peer `liar` has sent wrong bytes. */
    | { readonly kind: 'lie'; readonly liar: string }
  );

const fail = (what: string): never => {
  throw new FormatError(what, 0);
};

/** Binary identifiers come as characters below U+0100. */
function idOf(value: unknown, name: string): string {
  if (typeof value === 'string' && /^[\0-\xff]{20}$/.test(value)) return value;
  return fail(`${name} is not 20 characters`);
}

function descriptionOf<Kind extends 'offer' | 'answer'>(value: unknown, kind: Kind): Description<Kind> {
  const { type, sdp } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (type !== kind) return fail(`an ${kind} has another type`);
  if (typeof sdp !== 'string' || !sdp.startsWith('v=0') || sdp.length > MAX_SDP) return fail(`the SDP of an ${kind}`);
  return { type: kind, sdp };
}

/**
 * Parses a message.
 *
 * @throws FormatError
 */
export function parsePeerMessage(text: string): PeerMessage {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return fail('a message is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return fail('a message is not an object');
  const message = json as Partial<Record<string, unknown>>;
  const named = { swarm: idOf(message.info_hash, 'info_hash'), peer: idOf(message.peer_id, 'peer_id') };
  if (message.action === 'lie') return { ...named, kind: 'lie', liar: idOf(message.to_peer_id, 'to_peer_id') };
  if (message.action !== 'announce') return fail('action is neither announce nor lie');
  if (message.event === 'stopped') return { ...named, kind: 'stopped' };
  if (message.answer !== undefined) {
    const to = idOf(message.to_peer_id, 'to_peer_id');
    const offer = idOf(message.offer_id, 'offer_id');
    return { ...named, kind: 'answer', to, offer, answer: descriptionOf(message.answer, 'answer') };
  }
  const { offers = [], downloaded } = message;
  if (!Array.isArray(offers) || offers.length > MAX_OFFERS)
    return fail(`offers is not a list of at most ${MAX_OFFERS}`);
  const receivedBytes =
    typeof downloaded === 'number' && downloaded > 0 ? Math.min(MAX_REPORTED, Math.floor(downloaded)) : 0;
  return {
    ...named,
    kind: 'announce',
    receivedBytes,
    offers: offers.map((each: Partial<Record<string, unknown>> | null) => ({
      id: idOf(each?.offer_id, 'offer_id'),
      offer: descriptionOf(each?.offer, 'offer'),
    })),
  };
}
