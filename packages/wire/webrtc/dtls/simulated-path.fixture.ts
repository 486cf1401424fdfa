/**
 * A DTLS client and a DTLS server with a network between them, in virtual time.
 * In: loss, reordering and repetition of the network, and a seed. Out: both connections with their secrets,
 * and a clock.
 */
import { seeded } from '@oxbow/media/random.fixture';
import { AES_CM, AES_GCM } from '../srtp/packet-cipher.ts';
import { type Certificate, createCertificate } from './certificate.ts';
import { DtlsConnection, type DtlsOptions } from './dtls-connection.ts';
import type { SrtpSecrets } from './handshake.ts';

/** A side of the connection. */
export type Side = 'client' | 'server';

/** A network; both directions are the same. */
export interface PathOptions {
  readonly seed?: number;
  /** Datagrams that are lost, percent. */
  readonly loss?: number;
  /** Datagrams that arrive twice, percent. */
  readonly repeated?: number;
  /** Each datagram takes up to this much longer, so that datagrams overtake each other. */
  readonly jitterMs?: number;
  /** What arrives instead of a datagram. */
  readonly change?: (datagram: Uint8Array, from: Side, random: (below: number) => number) => readonly Uint8Array[];
  readonly client?: Partial<DtlsOptions>;
  readonly server?: Partial<DtlsOptions>;
}

/** Of all simulations, because keys take time. */
export const certificates: Record<Side, Certificate> = {
  client: createCertificate(Date.UTC(2026, 0)),
  server: createCertificate(Date.UTC(2026, 0)),
};

const DELAY_MS = 20;
const TICK_MS = 50;

/** The simulation. */
export class SimulatedPath {
  nowMs = 0;
  readonly client: DtlsConnection;
  readonly server: DtlsConnection;
  readonly secrets: Partial<Record<Side, SrtpSecrets>> = {};
  /** Why the sides have ended. */
  readonly closed: Partial<Record<Side, string>> = {};
  /** Datagrams that were sent. */
  readonly sent: Record<Side, Uint8Array[]> = { client: [], server: [] };
  readonly random: (below: number) => number;
  readonly #options: PathOptions;
  #arriving: { readonly atMs: number; readonly to: Side; readonly datagram: Uint8Array }[] = [];

  constructor(options: PathOptions = {}) {
    this.#options = options;
    this.random = seeded(options.seed ?? 1);
    this.client = this.#open('client', 'server');
    this.server = this.#open('server', 'client');
    this.client.start();
  }

  /**
   * Moves the clock until both sides are connected or one has ended, or until nothing of this has come within
   * the time.
   */
  run(withinMs = 60_000): this {
    const endMs = this.nowMs + withinMs;
    const isOver = () => (this.secrets.client && this.secrets.server) || this.closed.client || this.closed.server;
    while (this.nowMs < endMs && !isOver()) this.step();
    return this;
  }

  /** Moves the clock by one tick. */
  step(): void {
    this.nowMs += TICK_MS;
    const due = this.#arriving.filter(({ atMs }) => atMs <= this.nowMs).sort((a, b) => a.atMs - b.atMs);
    this.#arriving = this.#arriving.filter(({ atMs }) => atMs > this.nowMs);
    for (const { to, datagram } of due) this[to].receive(datagram);
    this.client.tick(this.nowMs);
    this.server.tick(this.nowMs);
  }

  #open(side: Side, other: Side): DtlsConnection {
    return new DtlsConnection({
      role: side,
      certificate: certificates[side],
      isPeer: (fingerprint) => fingerprint === certificates[other].fingerprint,
      srtpProfiles: [AES_GCM, AES_CM],
      send: (datagram) => this.#carry(datagram, side, other),
      onConnected: (secrets) => {
        this.secrets[side] = secrets;
      },
      onClosed: (reason) => {
        this.closed[side] = reason ?? 'closed';
      },
      ...this.#options[side],
    });
  }

  #carry(datagram: Uint8Array, from: Side, to: Side): void {
    this.sent[from].push(datagram);
    const { loss = 0, repeated = 0, jitterMs = 0, change } = this.#options;
    for (const each of change?.(datagram, from, this.random) ?? [datagram]) {
      const copies = this.random(100) < repeated ? 2 : 1;
      for (let n = 0; n < copies; n++) {
        if (this.random(100) < loss) continue;
        const atMs = this.nowMs + DELAY_MS + (jitterMs > 0 ? this.random(jitterMs) : 0);
        this.#arriving.push({ atMs, to, datagram: Uint8Array.from(each) });
      }
    }
  }
}
