/**
 * Computers with WebRTC sockets and a network between them, in virtual time: minutes of traffic take
 * milliseconds.
 * In: loss and a seed. Out: routers with addresses, connected peers, and a clock that tests move.
 */
import assert from 'node:assert/strict';
import { seeded } from '@oxbow/media/random.fixture';
import { createCertificate } from './dtls/certificate.ts';
import type { Endpoint } from './ice/address.ts';
import { createIceCredentials, type IceCredentials } from './ice/ice-session.ts';
import type { Peer, PeerHandlers } from './peer.ts';
import { Router } from './router.ts';

const STEP_MS = 10;
const DELAY_MS = 10;

/** Of all computers, because keys take time. */
const certificate = createCertificate(Date.UTC(2026, 0));

/** A computer. It may move to another address. */
export interface Host {
  readonly router: Router;
  endpoint: Endpoint;
  /** Errors that its router has reported. */
  readonly errors: Error[];
  /** Where its open paths lead; it has none unless a test sets `hasPaths`. */
  readonly paths: Endpoint[];
  /** How many it has opened. */
  opened: number;
  hasPaths: boolean;
}

/** What a peer has received. */
export class Received implements PeerHandlers {
  isConnected = false;
  packets = 0;
  reports = 0;
  /** Why it has ended. */
  closed: string | undefined;

  onConnected = (): void => {
    this.isConnected = true;
  };
  onPacket = (): void => {
    this.packets++;
  };
  onReport = (): void => {
    this.reports++;
  };
  onClosed = (reason: string | undefined): void => {
    this.closed = reason ?? 'closed by the peer';
  };
}

/** Two peers of one connection. */
export interface Connection {
  /** Of the server: it answers, and is a lite agent. */
  readonly server: Peer;
  readonly client: Peer;
  readonly atServer: Received;
  readonly atClient: Received;
  /** Of the server's side. */
  readonly local: IceCredentials;
  readonly remote: IceCredentials;
}

/** The simulation. */
export class SimulatedNetwork {
  nowMs = 1_000_000;
  /** Datagrams that are lost, percent. */
  loss = 0;
  readonly #random: (below: number) => number;
  readonly #hosts: Host[] = [];
  #arriving: {
    readonly atMs: number;
    readonly datagram: Uint8Array;
    readonly from: Endpoint;
    readonly to: Endpoint;
  }[] = [];

  constructor(seed = 1) {
    this.#random = seeded(seed);
  }

  /** A computer with one socket. */
  host(endpoint: Endpoint, maxPeers = 1000): Host {
    const errors: Error[] = [];
    const router = new Router({
      certificate,
      maxPeers,
      nowMs: () => this.nowMs,
      send: (datagram, to) => this.carry(datagram, host.endpoint, to),
      openPath: (to) => {
        if (!host.hasPaths) return undefined;
        host.paths.push(to);
        host.opened++;
        return {
          send: (datagram) => {
            this.carry(datagram, host.endpoint, to);
            return true;
          },
          close: () => void host.paths.splice(host.paths.indexOf(to), 1),
        };
      },
      onError: (error) => errors.push(error),
    });
    const host: Host = { router, endpoint, errors, paths: [], opened: 0, hasPaths: false };
    this.#hosts.push(host);
    return host;
  }

  /** Switches a computer off: it sends and receives nothing any more. */
  remove(host: Host): void {
    this.#hosts.splice(this.#hosts.indexOf(host), 1);
  }

  /** Sends a datagram, also with a forged address. */
  carry(datagram: Uint8Array, from: Endpoint, to: Endpoint): void {
    if (this.#random(100) < this.loss) return;
    this.#arriving.push({ atMs: this.nowMs + DELAY_MS, datagram: Uint8Array.from(datagram), from, to });
  }

  /** Moves the clock. */
  run(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs += STEP_MS;
      const due = this.#arriving.filter(({ atMs }) => atMs <= this.nowMs);
      this.#arriving = this.#arriving.filter(({ atMs }) => atMs > this.nowMs);
      for (const { datagram, from, to } of due) {
        const host = this.#hosts.find(({ endpoint }) => endpoint.address === to.address && endpoint.port === to.port);
        host?.router.receive(datagram, from);
      }
      for (const { router } of this.#hosts) router.tick();
    }
  }

  /** Opens both peers of a connection. */
  open(server: Host, client: Host, dtls: 'client' | 'server' = 'client', handlers?: Received): Connection {
    const [local, remote] = [createIceCredentials(), createIceCredentials()];
    const [atServer, atClient] = [handlers ?? new Received(), new Received()];
    const { fingerprint } = certificate;
    return {
      server: server.router.open({
        ...atServer,
        role: 'answer',
        dtls,
        local,
        remote: { ...remote, fingerprint, candidates: [] },
      }),
      client: client.router.open({
        ...atClient,
        role: 'offer',
        dtls: dtls === 'client' ? 'server' : 'client',
        local: remote,
        remote: { ...local, fingerprint, candidates: [server.endpoint] },
      }),
      atServer,
      atClient,
      local,
      remote,
    };
  }

  /** Opens both peers, and runs until they are connected. */
  connect(server: Host, client: Host): Connection {
    const connection = this.open(server, client);
    this.run(1000);
    assert.ok(connection.atServer.isConnected && connection.atClient.isConnected);
    return connection;
  }
}

let sequence = 0;

/** The next RTP packet. */
export function rtpPacket(): Uint8Array {
  const packet = new Uint8Array(100);
  const view = new DataView(packet.buffer);
  view.setUint16(0, 0x8060);
  view.setUint16(2, ++sequence & 0x7fff);
  view.setUint32(8, 77);
  return packet;
}
