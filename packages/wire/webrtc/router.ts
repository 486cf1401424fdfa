/**
 * Decides which peer of a socket a datagram belongs to: by address, and STUN by user name or by the check
 * that it answers.
 * In: datagrams and ticks of a socket. Out: calls of peers. RFC 8445 7.3, RFC 7983.
 */
import { FormatError } from '@oxbow/media/errors';
import type { Certificate } from './dtls/certificate.ts';
import type { Endpoint } from './ice/address.ts';
import { isStun, parseStun, type StunMessage, stunAttribute, stunType } from './ice/stun-message.ts';
import { Peer, type PeerOptions, type PeerSocket } from './peer.ts';

/** Interval of the deadlines of all peers, ms. */
const TICK_MS = 50;
/** Remote addresses of one peer that are kept: it may change networks. */
const MAX_ADDRESSES = 4;
/**
 * Checks of one peer whose responses are expected: those of its candidates, and the newest ones for consent.
 */
const MAX_EXPECTED = 24;
/**
 * Bytes of a user name that is looked up; ICE has two fragments of at most 256 characters, browsers have 4
 * and oxbow 8.
 */
const MAX_USERNAME_BYTES = 513;
/**
 * An address belongs to its peer for this long after a packet of it, ms: browsers send a check at least every
 * 5 s.
 */
const OWNED_MS = 5000;

/** Counters of an endpoint. */
export interface EndpointStats {
  /** Datagrams that belong to no peer. */
  stray: number;
  /** Datagrams that are malformed. */
  malformed: number;
  /** Datagrams that the system did not send: a network that is down, an address without a route. */
  unsent: number;
}

interface RouterOptions {
  readonly certificate: Certificate;
  /** More peers are refused. */
  readonly maxPeers: number;
  /** Monotonic ms. */
  readonly nowMs: () => number;
  readonly send: PeerSocket['send'];
  readonly openPath: PeerSocket['openPath'];
  /** Something has thrown: a bug. Its peer is closed. */
  readonly onError: (error: Error) => void;
}

/** No further peer can be opened: the endpoint has `maxPeers`, or is closed. */
export class EndpointFull extends Error {
  override readonly name = 'EndpointFull';
}

/** The peers of a socket. */
export class Router {
  readonly stats: EndpointStats = { stray: 0, malformed: 0, unsent: 0 };
  readonly #options: RouterOptions;
  readonly #byUfrag = new Map<string, Peer>();
  readonly #byAddress = new Map<string, Peer>();
  /** By transaction, in hexadecimal digits. */
  readonly #byCheck = new Map<string, Peer>();
  #tickedMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Peers that are open. */
  get size(): number {
    return this.#byUfrag.size;
  }

  /** Entries of all tables, which depend on the number of peers only. */
  get entries(): number {
    return this.#byUfrag.size + this.#byAddress.size + this.#byCheck.size;
  }

  /** Whether another peer can be opened. */
  get hasRoom(): boolean {
    return !this.#isClosed && this.size < this.#options.maxPeers;
  }

  /** @throws EndpointFull if there is no room */
  open(options: PeerOptions): Peer {
    if (!this.hasRoom) throw new EndpointFull(`no room for another WebRTC peer, there are ${this.size}`);
    if (options.local && this.#byUfrag.has(options.local.ufrag)) throw new Error('the ICE credentials are in use');
    const { certificate, nowMs, send, openPath } = this.#options;
    const addresses: string[] = [];
    const checks: string[] = [];
    // The first checks are created by the constructor of the peer, which is not there yet.
    let opened: Peer | undefined;
    const expect = (check: string) => {
      if (opened) this.#byCheck.set(check, opened);
    };
    const socket: PeerSocket = {
      certificate,
      nowMs,
      send,
      openPath,
      expect: (transaction) => {
        const check = hexOf(transaction);
        expect(check);
        if (checks.push(check) > MAX_EXPECTED) this.#byCheck.delete(checks.shift()!);
      },
      claim: (endpoint) => this.#claim(opened!, keyOf(endpoint), addresses),
      release: () => {
        this.#byUfrag.delete(opened!.local.ufrag);
        for (const key of addresses) this.#forget(key, opened!);
        for (const check of checks) this.#byCheck.delete(check);
      },
    };
    const peer = new Peer(socket, options);
    opened = peer;
    for (const check of checks) expect(check);
    this.#byUfrag.set(peer.local.ufrag, peer);
    return peer;
  }

  /** Takes a datagram. @param from as `normalize` returns it */
  receive(datagram: Uint8Array, from: Endpoint): void {
    let peer: Peer | undefined;
    try {
      if (isStun(datagram)) {
        const message = parseStun(datagram);
        // A port that a client uses again belongs to the peer that its requests name.
        peer = this.#named(message) ?? this.#byAddress.get(keyOf(from));
        peer?.receiveStun(message, from, datagram.length);
      } else {
        peer = this.#byAddress.get(keyOf(from));
        peer?.receive(datagram);
      }
      if (!peer) this.stats.stray++;
    } catch (error) {
      if (error instanceof FormatError) this.stats.malformed++;
      else this.#fail(peer, error as Error);
    }
  }

  /** Checks the deadlines of all peers. @returns whether there are peers */
  tick(): boolean {
    const nowMs = this.#options.nowMs();
    if (nowMs - this.#tickedMs >= TICK_MS) {
      this.#tickedMs = nowMs;
      for (const peer of this.#byUfrag.values()) {
        try {
          peer.tick();
        } catch (error) {
          this.#fail(peer, error as Error);
        }
      }
    }
    return this.size > 0;
  }

  /** Closes all peers; none can be opened any more. */
  close(): void {
    this.#isClosed = true;
    for (const peer of this.#byUfrag.values()) peer.close();
  }

  /**
   * The peer that a message names: a request has the fragment of this side first, a response the transaction
   * of a check.
   */
  #named({ type, attributes, transaction }: StunMessage): Peer | undefined {
    if (type !== stunType.bindingRequest) return this.#byCheck.get(hexOf(transaction));
    const name = attributes.get(stunAttribute.username);
    if (!name || name.length > MAX_USERNAME_BYTES) return undefined;
    return this.#byUfrag.get(new TextDecoder().decode(name).split(':', 1)[0]!);
  }

  /**
   * A sender can forge its address, so a peer cannot take an address away from a connected one that still
   * uses it. When that one is silent, the next check of the other one succeeds.
   */
  #claim(peer: Peer, key: string, addresses: string[]): void {
    const owner = this.#byAddress.get(key);
    if (owner && owner !== peer && owner.isConnected && this.#options.nowMs() - owner.heardMs < OWNED_MS) return;
    this.#byAddress.set(key, peer);
    const at = addresses.indexOf(key);
    if (at === addresses.length - 1 && at >= 0) return;
    if (at >= 0) addresses.splice(at, 1);
    if (addresses.push(key) > MAX_ADDRESSES) this.#forget(addresses.shift()!, peer);
  }

  #forget(key: string, peer: Peer): void {
    if (this.#byAddress.get(key) === peer) this.#byAddress.delete(key);
  }

  /** A bug ends one peer, not the process. */
  #fail(peer: Peer | undefined, error: Error): void {
    this.#options.onError(error);
    try {
      peer?.fail('internal error');
    } catch (second) {
      this.#options.onError(second as Error);
    }
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

function hexOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
}
