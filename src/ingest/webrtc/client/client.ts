/**
 * A WebRTC connection that oxbow opens: to a WHIP target, or to a WHEP source. It makes the offer, with
 * its own UDP port, as a full agent of ICE with host candidates.
 * In: an address, media descriptions. Out: the answer and a connected peer; why the connection ended.
 * RFC 9725 4.4, RFC 8445, RFC 8842.
 */
import { randomBytes } from 'node:crypto';
import {
  type IceCandidate,
  printWebRtc,
  type WebRtcDescription,
  type WebRtcMedia,
} from '@oxbow/media/sdp/webrtc-description';
import { candidateAddresses } from '@oxbow/wire/webrtc/candidate-addresses';
import { openWebRtcEndpoint, type WebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import { createIceCredentials } from '@oxbow/wire/webrtc/ice/ice-session';
import type { Peer } from '@oxbow/wire/webrtc/peer';
import type { Clock } from '../../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../../lib/errors.ts';
import type { Net } from '../../../net/net.ts';
import { openSession, type SignalledSession, type SignallingOptions } from './signalling.ts';

/** Candidates of a server that are checked. */
const MAX_CANDIDATES = 16;

/** What opens a connection. */
export interface WebRtcClientOptions extends SignallingOptions {
  readonly net: Pick<Net, 'fetch' | 'resolveHost'>;
  /** The offer. */
  readonly media: readonly WebRtcMedia[];
  readonly clock: Pick<Clock, 'nowMs'>;
  /**
   * The answer has come, before the first packet. Throws if it cannot be used: the connection is not opened.
   */
  readonly onAnswer: (answer: WebRtcDescription) => void;
  /** A decrypted RTP packet; it may be kept and changed. */
  readonly onPacket: (packet: Uint8Array) => void;
  /** A decrypted compound RTCP packet. */
  readonly onReport: (packet: Uint8Array) => void;
}

/** A connected client. */
export interface WebRtcClient {
  readonly peer: Peer;
  /** Resolves with the reason when the connection has ended; never rejects. */
  readonly closed: Promise<string>;
  /** Ends the session and the connection. May be called twice; never rejects. */
  close(): Promise<void>;
}

/**
 * Connects; media can be sent when this resolves.
 *
 * @throws OfferRefused, FormatError and others of `openSession`; OxbowError `address-refused` if no address
 *   of the answer is allowed; what `onAnswer` throws; Error with the reason if ICE or DTLS fail; the signal's
 *   reason
 */
export async function connectWebRtc(options: WebRtcClientOptions): Promise<WebRtcClient> {
  const { signal, clock, media } = options;
  const local = createIceCredentials();
  const { endpoint, bound } = await openEndpoint(clock.nowMs());
  let session: SignalledSession | undefined;
  let peer: Peer | undefined;
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<string>();
  const end = async () => {
    // First, so that the server knows the end from it, not from the silence of the transport.
    await session?.end();
    peer?.close();
    onClosed('the connection was closed');
    await endpoint.close();
  };
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= end();
    return closing;
  };
  try {
    const { port, fingerprint } = endpoint;
    const addresses = candidateAddresses(bound, [], isLoopback(options.url) ? '127.0.0.1' : undefined);
    const candidates = addresses.map((address) => ({ address, port }));
    const offer = { ...local, fingerprint, setup: 'actpass', isIceLite: false, candidates, media } as const;
    session = await openSession(printWebRtc(offer, String(randomBytes(6).readUIntBE(0, 6))), options);
    const { answer, url } = session;
    options.onAnswer(answer);
    const allowed = await allowedCandidates(answer, url, options);
    signal.throwIfAborted();
    const connected = Promise.withResolvers<void>();
    peer = endpoint.openPeer({
      role: 'offer',
      dtls: answer.setup === 'active' ? 'server' : 'client',
      local,
      remote: { ...answer, candidates: allowed },
      onConnected: () => connected.resolve(),
      onPacket: options.onPacket,
      onReport: options.onReport,
      onClosed: (reason) => onClosed(reason ?? 'the server ended the session'),
    });
    await raceEnd(connected.promise, closed, signal);
    return { peer, closed, close };
  } catch (error) {
    await close();
    signal.throwIfAborted();
    throw error;
  }
}

/** On all addresses: IPv6 with IPv4, or only IPv4 where the system has no IPv6. */
async function openEndpoint(nowMs: number): Promise<{ readonly endpoint: WebRtcEndpoint; readonly bound: string }> {
  // A datagram that the system did not send is counted; ICE and DTLS send it again.
  const options = { port: 0, nowMs, maxPeers: 1, onError: () => {} };
  try {
    return { endpoint: await openWebRtcEndpoint({ ...options, address: '::' }), bound: '::' };
  } catch {
    return { endpoint: await openWebRtcEndpoint({ ...options, address: '0.0.0.0' }), bound: '0.0.0.0' };
  }
}

/**
 * Candidates that may be connected to: the address of the configured server, public ones, and those of
 * `net.allow`.
 */
async function allowedCandidates(
  { candidates }: WebRtcDescription,
  url: URL,
  { net, url: configured, trusted, signal }: WebRtcClientOptions,
): Promise<readonly IceCandidate[]> {
  const isTrusted = trusted && url.hostname === configured.hostname;
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const { addresses } = await net.resolveHost(url.hostname, port, { signal, trusted: isTrusted });
  const serverAddresses = new Set(addresses.map(({ address }) => address));
  const allowed: IceCandidate[] = [];
  let refusal: unknown;
  for (const candidate of candidates.slice(0, MAX_CANDIDATES)) {
    const isOfServer = isTrusted && serverAddresses.has(candidate.address);
    try {
      await net.resolveHost(candidate.address, candidate.port, { signal, trusted: isOfServer });
      allowed.push(candidate);
    } catch (error) {
      signal.throwIfAborted();
      refusal = error;
    }
  }
  if (allowed.length > 0 || refusal === undefined) return allowed;
  const why = `The server offers no address for media that oxbow may connect to: ${sentenceOf(refusal)}`;
  throw new OxbowError('address-refused', why, { cause: refusal });
}

/** Waits until the connection is set up; rejects if it ends before. */
async function raceEnd(connected: Promise<void>, closed: Promise<string>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const failed = closed.then((reason): never => {
    throw new Error(reason);
  });
  try {
    await Promise.race([connected, failed, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    failed.catch(() => {}); // the connection ends later
    aborted.catch(() => {});
  }
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
