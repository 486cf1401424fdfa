/**
 * Opens a session of WHIP or WHEP: the offer of a connection by POST, the answer, and the DELETE that ends
 * the session.
 * In: a connection with its transceivers. Out: the session's address for its end. RFC 9725 4.2,
 * draft-ietf-wish-whep.
 */
import { ApiError, type Failure, readFailure } from '../api/client.ts';
import { pause } from '../api/poll.ts';
import { linkedServers } from './ice-servers.ts';

const ANSWER_WITHIN_MS = 15_000;

/** What a session is opened with. */
interface SignalingRequest {
  /** Address of the endpoint. */
  readonly url: string;
  /** Bearer token; empty for none. */
  readonly token: string;
  readonly signal: AbortSignal;
  /** Changes the offer that is sent. */
  readonly adapt?: (sdp: string) => string;
}

/** An open session. */
export interface SignaledSession {
  /** Ends it at the server. Never throws; a server that does not answer notices it by the silence. */
  end(): Promise<void>;
}

/**
 * Sends the offer and applies the answer. The media flows once the connection is `connected`.
 *
 * @throws ApiError if the server refuses or does not respond; the signal's reason
 */
export async function openSession(
  peer: RTCPeerConnection,
  { url, token, signal, adapt = (sdp) => sdp }: SignalingRequest,
): Promise<SignaledSession> {
  // Candidates are gathered after the answer, which may name TURN servers. oxbow needs none: it answers to
  // where a client reaches it from.
  const offer = await peer.createOffer();
  signal.throwIfAborted();
  const headers = { 'content-type': 'application/sdp', ...(token !== '' && { authorization: `Bearer ${token}` }) };
  const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
  const body = adapt(offer.sdp ?? '');
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { method: 'POST', headers, body, signal: within });
    text = await response.text();
  } catch (error) {
    signal.throwIfAborted();
    throw new ApiError(readFailure(0, ''), { cause: error });
  }
  const location = response.headers.get('location');
  if (response.status !== 201 || location === null) throw new ApiError(readFailure(response.status, text));
  const address = new URL(location, new URL(url, document.baseURI)).href;
  const session = {
    // `keepalive`: the request is sent although its page is being closed.
    end: async () => void (await fetch(address, { method: 'DELETE', keepalive: true }).catch(() => null)),
  };
  try {
    signal.throwIfAborted();
    const iceServers = linkedServers(response.headers.get('link'));
    if (iceServers.length > 0) peer.setConfiguration({ iceServers });
    await peer.setLocalDescription(offer);
    await peer.setRemoteDescription({ type: 'answer', sdp: text });
  } catch (error) {
    void session.end();
    signal.throwIfAborted();
    throw new ApiError(unusableAnswer, { cause: error });
  }
  return session;
}

/** The browser refuses the answer. */
const unusableAnswer: Failure = { code: 'unreadable', status: 0, title: '', hint: '' };

/** How a connection fails that is not `connected` in time: the server's UDP port is not reachable. */
export const noConnection: Failure = { code: 'webrtc-unreachable', status: 0, title: '', hint: '' };

const CONNECT_WITHIN_MS = 12_000;
/** An interruption that ends by itself within this time is none, ms. */
const INTERRUPTED_MS = 4_000;

/**
 * Resolves when a connection is `connected`.
 *
 * @throws ApiError if it fails or takes too long; the signal's reason
 */
export async function connected(peer: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const look = () => ['connected', 'failed', 'closed'].includes(peer.connectionState) && done.abort();
  peer.addEventListener('connectionstatechange', look, { signal: done.signal });
  look();
  await pause(CONNECT_WITHIN_MS, AbortSignal.any([signal, done.signal]));
  done.abort();
  signal.throwIfAborted();
  if (peer.connectionState !== 'connected') throw new ApiError(noConnection);
}

/** Resolves when a connection is lost for good, or when the signal aborts. */
export async function lost(peer: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const within = AbortSignal.any([signal, done.signal]);
  const look = () => {
    const { connectionState } = peer;
    if (connectionState === 'failed' || connectionState === 'closed') done.abort();
    if (connectionState !== 'disconnected') return;
    void pause(INTERRUPTED_MS, within).then(() => peer.connectionState === 'disconnected' && done.abort());
  };
  peer.addEventListener('connectionstatechange', look, { signal: within });
  look();
  if (within.aborted) return;
  await new Promise<void>((resolve) => within.addEventListener('abort', () => resolve(), { once: true }));
  done.abort();
}
