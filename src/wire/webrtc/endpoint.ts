/**
 * All WebRTC connections of one UDP port.
 * In: an address to bind. Out: peers; datagrams go to the peer that owns the remote address, or that a STUN user name names.
 * RFC 8445 7.3, RFC 7983.
 */
import { FormatError } from '../../lib/errors.ts';
import { openUdp } from '../udp.ts';
import { type Certificate, createCertificate } from './dtls/certificate.ts';
import type { Endpoint } from './ice/ice-session.ts';
import { isStun, parseStun, stunAttribute, stunType } from './ice/stun-message.ts';
import { Peer, type PeerOptions, type PeerSocket } from './peer.ts';

/** Interval of the deadlines of all peers, ms. */
const TICK_MS = 50;
/** Remote addresses of one peer that are kept: it may change networks. */
const MAX_ADDRESSES = 4;
/** Bytes of a user name fragment that is looked up; the own ones have 8. */
const MAX_UFRAG_BYTES = 256;

/** What opens an endpoint. */
export interface EndpointOptions {
  /** An IP address of this computer, or `0.0.0.0` or `::` for all. */
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Unix milliseconds, for the certificate. */
  readonly nowMs: number;
  readonly onError: (error: Error) => void;
}

/** Counters of an endpoint. */
export interface EndpointStats {
  /** Datagrams that belong to no peer. */
  stray: number;
  /** Datagrams that are malformed. */
  malformed: number;
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
  /** Opens a connection to a peer; the caller closes it, unless `onClosed` is called. */
  openPeer(options: PeerOptions): Peer;
  /** Closes the socket and all peers. May be called twice. */
  close(): Promise<void>;
}

/**
 * Binds the port.
 *
 * @throws the error of the system when the port cannot be bound (`EADDRINUSE`, `EACCES`)
 */
export async function openWebRtcEndpoint(options: EndpointOptions): Promise<WebRtcEndpoint> {
  const certificate = createCertificate(options.nowMs);
  const router = new Router(certificate, (datagram, to) => socket.transmit(datagram, to.address, to.port));
  const socket = await openUdp({ address: options.address, port: options.port }, undefined, {
    receive: (datagram, address, port) => router.receive(datagram, { address, port }),
    tick: () => router.tick(),
    onError: options.onError,
  });
  router.wake = () => socket.wake();
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
    openPeer: (peer) => router.open(peer),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The peers of a socket, by address and by user name fragment. */
class Router {
  readonly stats: EndpointStats = { stray: 0, malformed: 0 };
  /** Starts the tick of the socket. */
  wake: () => void = () => {};
  readonly #certificate: Certificate;
  readonly #send: PeerSocket['send'];
  readonly #byUfrag = new Map<string, Peer>();
  readonly #byAddress = new Map<string, Peer>();
  /** Those that send checks of their own. */
  readonly #offering = new Set<Peer>();
  #tickedMs = 0;

  constructor(certificate: Certificate, send: PeerSocket['send']) {
    this.#certificate = certificate;
    this.#send = send;
  }

  get size(): number {
    return this.#byUfrag.size;
  }

  open(options: PeerOptions): Peer {
    const addresses: string[] = [];
    const socket: PeerSocket = {
      certificate: this.#certificate,
      nowMs: () => performance.now(),
      send: this.#send,
      claim: (endpoint) => {
        const key = keyOf(endpoint);
        this.#byAddress.set(key, peer);
        addresses.push(key);
        if (addresses.length > MAX_ADDRESSES) this.#forget(addresses.shift()!, peer);
      },
      release: () => {
        this.#byUfrag.delete(peer.local.ufrag);
        this.#offering.delete(peer);
        for (const key of addresses) this.#forget(key, peer);
      },
    };
    const peer: Peer = new Peer(socket, options);
    this.#byUfrag.set(peer.local.ufrag, peer);
    if (options.role === 'offer') this.#offering.add(peer);
    this.wake();
    return peer;
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    try {
      // A port that a client uses again belongs to the peer that its requests name.
      const peer = (isStun(datagram) && this.#named(datagram)) || this.#byAddress.get(keyOf(from));
      if (peer) peer.receive(datagram, from);
      else this.stats.stray++;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.stats.malformed++;
    }
  }

  tick(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#tickedMs >= TICK_MS) {
      this.#tickedMs = nowMs;
      for (const peer of this.#byUfrag.values()) peer.tick();
    }
    return this.size > 0;
  }

  close(): void {
    for (const peer of this.#byUfrag.values()) peer.close();
  }

  /** The peer that a message belongs to: a request names this side's fragment first, a response comes to a side that sends checks. */
  #named(datagram: Uint8Array): Peer | undefined {
    const { type, attributes, transaction } = parseStun(datagram);
    if (type === stunType.bindingSuccess) {
      for (const peer of this.#offering) if (peer.awaits(transaction)) return peer;
      return undefined;
    }
    const name = attributes.get(stunAttribute.username);
    if (!name || name.length > MAX_UFRAG_BYTES) return undefined;
    return this.#byUfrag.get(new TextDecoder().decode(name).split(':')[0]!);
  }

  #forget(key: string, peer: Peer): void {
    if (this.#byAddress.get(key) === peer) this.#byAddress.delete(key);
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
