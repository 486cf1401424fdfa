/**
 * A caller and a listener with a network between them, in virtual time: minutes of traffic take a second.
 * In: loss, delay and jitter of the network, and a seed. Out: both protocols, and a clock that tests move.
 */
import { seeded } from '@oxbow/media/random.fixture';
import type { ProtocolConnection } from './connection/connection.ts';
import { CallerProtocol } from './handshake/caller.ts';
import { ListenerProtocol } from './handshake/listener.ts';
import type { SrtAnswer, SrtCallerOptions, SrtConnection, SrtListenerOptions, SrtRequest } from './srt.ts';

/** A network; each direction has the same properties. */
export interface NetworkOptions {
  readonly seed: number;
  /** Share of datagrams that are lost, 0 to 1. */
  readonly loss?: number;
  readonly delayMs?: number;
  /** Each datagram takes up to this much longer, so that datagrams overtake each other. */
  readonly jitterMs?: number;
  /** Share of datagrams that arrive twice. */
  readonly duplicate?: number;
  /** Speed of the caller's clock against the listener's, parts per million. */
  readonly driftPpm?: number;
  /** Initial sequence number, 31 bits. Random by default. */
  readonly sequence?: number;
  /** Called for each datagram; returns false to lose it. */
  readonly filter?: (packet: Uint8Array, fromCaller: boolean) => boolean;
}

interface Event {
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Address of the simulated caller. */
export const CALLER = { address: '192.0.2.7', port: 50_000 } as const;

/** The simulation. */
export class SimulatedNetwork {
  nowUs: number;
  readonly listener: ListenerProtocol;
  readonly caller: CallerProtocol;
  /** The listener's side of the connection, once it is open. */
  accepted: SrtConnection | undefined;
  /** Datagrams that the network carried, in both directions. */
  datagrams = 0;
  readonly errors: unknown[] = [];
  readonly #options: NetworkOptions;
  readonly #random: (below: number) => number;
  readonly #events: Event[] = [];
  /** What waits in the listener's socket while its process is busy. */
  #socket: (() => void)[] | undefined;
  #order = 0;

  constructor(
    options: NetworkOptions,
    listener: Partial<SrtListenerOptions> = {},
    caller: Partial<SrtCallerOptions> = {},
    accept: (request: SrtRequest) => Partial<Exclude<SrtAnswer, { reject: unknown }>> = () => ({}),
  ) {
    this.#options = options;
    this.#random = seeded(options.seed);
    this.nowUs = 1_000_000;
    this.listener = new ListenerProtocol(
      {
        address: '192.0.2.1',
        port: 8890,
        onError: (error) => this.errors.push(error),
        accept: (request) => ({
          ...accept(request),
          onConnection: (connection) => {
            this.accepted = connection;
          },
        }),
        ...listener,
      },
      {
        now: () => this.nowUs,
        transmit: (packet) => this.#carry(packet, false, (copy) => this.caller.receive(copy)),
      },
    );
    this.caller = new CallerProtocol(
      { address: '192.0.2.1', port: 8890, ...caller },
      {
        now: () => this.#callerTime(),
        transmit: (packet) =>
          this.#carry(packet, true, (copy) =>
            this.#atListener(() => this.listener.receive(copy, CALLER.address, CALLER.port)),
          ),
        onClosed: () => {},
        onError: (error) => this.errors.push(error),
      },
      options.sequence,
    );
    this.every(10_000, () => {
      if (!this.#socket) this.listener.tick();
    });
    this.every(10_000, () => this.caller.tick());
  }

  /** Runs `what` at a time of the virtual clock, µs. */
  at(atUs: number, what: () => void): void {
    const event = { atUs, order: this.#order++, run: what };
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, events[parent]!)) break;
      events[at] = events[parent]!;
      at = parent;
    }
    events[at] = event;
  }

  /** Runs `what` again and again, the first time after one interval. */
  every(intervalUs: number, what: () => void): void {
    const again = () => {
      what();
      this.at(this.nowUs + intervalUs, again);
    };
    this.at(this.nowUs + intervalUs, again);
  }

  /** Moves the clock forward; nothing asynchronous happens in between. */
  run(forUs: number): void {
    const untilUs = this.nowUs + forUs;
    for (;;) {
      const next = this.#events[0];
      if (!next || next.atUs > untilUs) break;
      this.#pop();
      this.nowUs = next.atUs;
      next.run();
    }
    this.nowUs = untilUs;
  }

  /**
   * The listener's process is busy for a while: neither timers nor datagrams reach it. Then timers come
   * first, as in Node.
   */
  stallListener(forUs: number): void {
    this.#socket = [];
    this.at(this.nowUs + forUs, () => {
      const waiting = this.#socket!;
      this.#socket = undefined;
      this.listener.tick();
      for (const read of waiting) read();
    });
  }

  /** Connects: runs until the handshake is done on both sides. */
  async connect(): Promise<{ readonly caller: ProtocolConnection; readonly listener: SrtConnection }> {
    let caller: ProtocolConnection | undefined;
    let failure: unknown;
    this.caller.opened.then(
      (connection) => {
        caller = connection;
      },
      (error) => {
        failure = error ?? new Error('failed');
      },
    );
    while (!caller) {
      this.run(1000);
      // Lets `accept` and the promise of the caller resolve.
      await new Promise((resolve) => setImmediate(resolve));
      if (failure) throw failure;
    }
    return { caller, listener: this.accepted! };
  }

  #atListener(read: () => void): void {
    if (this.#socket) this.#socket.push(read);
    else read();
  }

  #callerTime(): number {
    return this.nowUs * (1 + (this.#options.driftPpm ?? 0) / 1_000_000);
  }

  #carry(packet: Uint8Array, fromCaller: boolean, deliver: (copy: Uint8Array) => void): void {
    const { loss = 0, delayMs = 0, jitterMs = 0, duplicate = 0, filter } = this.#options;
    this.datagrams++;
    if (this.#random(1_000_000) < loss * 1_000_000 || filter?.(packet, fromCaller) === false) return;
    const times = this.#random(1_000_000) < duplicate * 1_000_000 ? 2 : 1;
    for (let time = 0; time < times; time++) {
      const copy = Buffer.from(packet); // The network has its own copy: retransmissions change the header.
      const delayUs = delayMs * 1000 + (jitterMs > 0 ? this.#random(jitterMs * 1000) : 0);
      this.at(this.nowUs + delayUs, () => deliver(copy));
    }
  }

  #pop(): void {
    const events = this.#events;
    const last = events.pop()!;
    const count = events.length;
    if (count === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && isBefore(events[child + 1]!, events[child]!)) child++;
      if (!isBefore(events[child]!, last)) break;
      events[at] = events[child]!;
      at = child;
    }
    events[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}

/** What arrived at one end: numbered packets. */
export interface Arrivals {
  /** Packets delivered. */
  delivered: number;
  /** Packets reported as lost. */
  lost: number;
  /** Packets out of order, twice, or with other bytes than those sent. */
  wrong: number;
}

const PAYLOAD_BYTES = 1316;

/** A payload with a number: it can be checked for order and for each byte. */
export function numberedPayload(number: number, payload: Buffer = Buffer.allocUnsafe(PAYLOAD_BYTES)): Buffer {
  payload.fill(number & 0xff);
  payload.writeUInt32BE(number, 0);
  return payload;
}

/** Counts numbered payloads that arrive at a connection, from 0 on. */
export function countArrivals(connection: SrtConnection): Arrivals {
  const arrivals = { delivered: 0, lost: 0, wrong: 0 };
  const expectedPayload = Buffer.alloc(PAYLOAD_BYTES);
  connection.onLoss = (packets) => {
    arrivals.lost += packets;
  };
  connection.onData = (payload) => {
    const expected = arrivals.delivered + arrivals.lost;
    if (Buffer.compare(payload, numberedPayload(expected, expectedPayload)) !== 0) arrivals.wrong++;
    arrivals.delivered++;
  };
  return arrivals;
}

/**
 * Sends numbered payloads at a steady rate for a while, then lets the network run empty.
 *
 * @param intervalUs time between two packets: 2,105 µs are 5 Mbps
 * @param first number of the first payload
 * @returns how many were sent
 */
export function sendNumbered(
  network: SimulatedNetwork,
  from: SrtConnection,
  seconds: number,
  intervalUs = 2105,
  first = 0,
): number {
  let sent = 0;
  const endUs = network.nowUs + seconds * 1_000_000;
  const next = () => {
    if (network.nowUs >= endUs) return;
    from.send(numberedPayload(first + sent++));
    network.at(network.nowUs + intervalUs, next);
  };
  next();
  network.run(seconds * 1_000_000 + 3_000_000);
  return sent;
}
