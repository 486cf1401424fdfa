/**
 * All WebRTC connections of one UDP port.
 * In: an address to bind. Out: peers, which share the socket. RFC 8445, RFC 7983.
 *
 * Two peers with the same remote address cannot be distinguished: a client that opens several connections to
 * one server opens an endpoint for each.
 */
import { openUdp } from '../udp.ts';
import { createCertificate } from './dtls/certificate.ts';
import { unmap } from './ice/address.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { type EndpointStats, Router } from './router.ts';

export { EndpointFull, type EndpointStats } from './router.ts';

/** Peers of an endpoint, unless its options say otherwise. */
const MAX_PEERS = 1000;
/** Errors of the socket are reported at most once in this time, ms: each datagram may cause one. */
const ERROR_INTERVAL_MS = 1000;

interface EndpointOptions {
  /** An IP address of this computer, or `0.0.0.0` or `::` for all. */
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Unix milliseconds, for the certificate. */
  readonly nowMs: number;
  /** Peers that may be open at a time, 1,000 by default. */
  readonly maxPeers?: number;
  /** Those kept for peers whose owner checks `hasRoom`; 0 by default. */
  readonly keptPeers?: number;
  /** An error of the socket, at most once a second, or a bug of a peer, which has been closed. */
  readonly onError: (error: Error) => void;
}

/** An open endpoint. */
export interface WebRtcEndpoint extends AsyncDisposable {
  /** Local port. */
  readonly port: number;
  /** Of its certificate, SHA-256. */
  readonly fingerprint: string;
  readonly stats: EndpointStats;
  /** Peers that are open. */
  readonly size: number;
  /** Whether another peer can be opened: there are fewer than `maxPeers`, and the endpoint is open. */
  readonly hasRoom: boolean;
  /** Whether another peer can be opened without one of the kept ones. */
  readonly hasSharedRoom: boolean;
  /**
   * Opens a connection to a peer; the caller closes it, unless `onClosed` is called.
   *
   * @throws EndpointFull if `hasRoom` is false
   */
  openPeer(options: PeerOptions): Peer;
  /** Closes the socket and all peers; their `onClosed` is not called. May be called twice. */
  close(): Promise<void>;
}

/**
 * Binds the port.
 *
 * @throws the error of the system when the port cannot be bound (`EADDRINUSE`, `EACCES`)
 */
export async function openWebRtcEndpoint(options: EndpointOptions): Promise<WebRtcEndpoint> {
  const certificate = createCertificate(options.nowMs);
  const isIPv6 = options.address.includes(':');
  const hasRoute = (address: string) => isIPv6 || !address.includes(':');
  const mapped = (address: string) => (isIPv6 && !address.includes(':') ? `::ffff:${address}` : address);
  let reportedMs = Number.NEGATIVE_INFINITY;
  const { maxPeers = MAX_PEERS, keptPeers = 0 } = options;
  const router = new Router({
    certificate,
    maxPeers,
    nowMs: () => performance.now(),
    send: (datagram, { address, port }) => {
      if (!hasRoute(address)) router.stats.unsent++;
      else socket.transmit(datagram, mapped(address), port);
    },
    openPath: ({ address, port }) => (hasRoute(address) ? socket.openPath(mapped(address), port) : undefined),
    onError: options.onError,
  });
  const socket = await openUdp({ address: options.address, port: options.port }, undefined, {
    receive: (datagram, address, port) => router.receive(datagram, { address: unmap(address), port }),
    tick: () => router.tick(),
    onError: (error) => {
      router.stats.unsent++;
      const nowMs = performance.now();
      if (nowMs - reportedMs < ERROR_INTERVAL_MS) return;
      reportedMs = nowMs;
      options.onError(error);
    },
  });
  const close = (): Promise<void> => {
    router.close();
    return socket.close();
  };
  return {
    port: socket.port,
    fingerprint: certificate.fingerprint,
    stats: router.stats,
    get size() {
      return router.size;
    },
    get hasRoom() {
      return router.hasRoom;
    },
    get hasSharedRoom() {
      return router.hasRoom && router.size < maxPeers - keptPeers;
    },
    openPeer(peer) {
      const opened = router.open(peer);
      socket.wake();
      return opened;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
