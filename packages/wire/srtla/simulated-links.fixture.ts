/**
 * A bonded SRT caller and oxbow's side with links between them, in virtual time.
 * In: rate, delay, jitter and loss of each link, and a seed. Out: both sides, and a clock that tests move.
 */
import { seeded } from '@oxbow/media/random.fixture';
import type { ProtocolConnection } from '../srt/connection/connection.ts';
import { CallerProtocol } from '../srt/handshake/caller.ts';
import { ListenerProtocol } from '../srt/handshake/listener.ts';
import type { SrtChannel, SrtConnection, SrtRequest } from '../srt/srt.ts';
import { SrtlaReceiver } from './receiver.ts';
import { SrtlaSender } from './sender.fixture.ts';

/** A link; both directions have the same delay, only the way to the receiver has a rate. */
export interface SimulatedLink {
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** Bits per second; unlimited by default. */
  rate?: number;
  /** Share of datagrams that are lost, 0 to 1. */
  loss?: number;
  /** Nothing passes. */
  isDead?: boolean;
}

/** Datagrams wait at most this long for a link with a rate. */
const QUEUE_US = 300_000;
const STEP_US = 1000;

interface Waiting {
  readonly atUs: number;
  readonly run: () => void;
}

/** The simulation. */
export class SimulatedLinks {
  nowUs = 1_000_000;
  readonly links: readonly SimulatedLink[];
  readonly listener: ListenerProtocol;
  readonly receiver: SrtlaReceiver;
  readonly sender: SrtlaSender;
  readonly caller: CallerProtocol;
  accepted: SrtConnection | undefined;
  channel: SrtChannel | undefined;
  /** Data packets that each link lost. */
  readonly lost: number[];
  readonly #random: (below: number) => number;
  readonly #freeUs: number[];
  readonly #lastUs: number[];
  #waiting: Waiting[] = [];
  #caller: ProtocolConnection | undefined;

  constructor(seed: number, links: readonly SimulatedLink[], latencyMs = 1000) {
    this.#random = seeded(seed);
    this.links = links;
    this.lost = links.map(() => 0);
    this.#freeUs = links.map(() => 0);
    this.#lastUs = links.map(() => 0);
    const now = () => this.nowUs;
    this.listener = new ListenerProtocol(
      {
        address: '192.0.2.1',
        port: 8890,
        latencyMs,
        accept: ({ channel }: SrtRequest) => {
          this.channel = channel;
          return {
            onConnection: (connection) => {
              this.accepted = connection;
            },
          };
        },
      },
      { now, transmit: () => assertNever() },
    );
    this.receiver = new SrtlaReceiver(
      {
        maxGroups: 25,
        receive: (link, packet) => {
          const channel = link.group;
          channel.note(link, packet);
          this.listener.receive(packet, channel.address, channel.port, { channel });
        },
        dropped: (channel) => this.listener.closeThrough(channel),
      },
      { now, transmit: (packet, _, port) => this.#carry(port - 1, packet, false) },
    );
    this.sender = new SrtlaSender(links.length, {
      now,
      transmit: (link, packet) => this.#carry(link, packet, true),
      receive: (packet) => this.caller.receive(packet),
    });
    this.caller = new CallerProtocol(
      { address: '192.0.2.1', port: 8890, latencyMs, connectMs: 10_000 },
      { now, transmit: (packet) => void this.sender.send(packet), onClosed: () => {}, onError: assertNever },
    );
    this.caller.opened.then(
      (connection) => {
        this.#caller = connection;
      },
      () => {},
    );
  }

  /** Runs until both sides are connected. */
  async connect(): Promise<{ readonly caller: ProtocolConnection; readonly listener: SrtConnection }> {
    while (!this.#caller) {
      if (this.nowUs > 12_000_000) throw new Error('no connection');
      this.run(10_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { caller: this.#caller, listener: this.accepted! };
  }

  /** Moves the clock forward. @param each called each millisecond */
  run(forUs: number, each: () => void = () => {}): void {
    const untilUs = this.nowUs + forUs;
    while (this.nowUs < untilUs) {
      this.nowUs += STEP_US;
      const due = this.#waiting.filter(({ atUs }) => atUs <= this.nowUs);
      if (due.length > 0) {
        this.#waiting = this.#waiting.filter(({ atUs }) => atUs > this.nowUs);
        due.sort((a, b) => a.atUs - b.atUs);
        for (const { run } of due) run();
      }
      if (this.nowUs % 10_000 === 0) {
        this.sender.tick();
        this.caller.tick();
        this.receiver.tick();
        this.listener.tick();
      }
      each();
    }
  }

  #carry(index: number, packet: Uint8Array, isForward: boolean): void {
    const { delayMs = 0, jitterMs = 0, rate, loss = 0, isDead = false } = this.links[index]!;
    const isData = isForward && (packet[0]! & 0x80) === 0;
    const queuedUs = Math.max(0, this.#freeUs[index]! - this.nowUs);
    const isLost = isDead || this.#random(1_000_000) < loss * 1_000_000;
    if (isLost || (isForward && queuedUs > QUEUE_US)) {
      if (isData) this.lost[index]!++;
      return;
    }
    let atUs = this.nowUs + delayMs * 1000 + this.#random(jitterMs * 1000 + 1);
    if (isForward && rate) {
      this.#freeUs[index] = Math.max(this.#freeUs[index]!, this.nowUs) + (packet.length * 8 * 1e6) / rate;
      atUs += this.#freeUs[index]! - this.nowUs;
    }
    if (isForward) this.#lastUs[index] = atUs = Math.max(atUs, this.#lastUs[index]!);
    const copy = Buffer.from(packet); // retransmissions change the header
    const run = isForward
      ? () => this.receiver.receive(copy, `192.0.2.${10 + index}`, index + 1)
      : () => this.sender.receive(index, copy);
    this.#waiting.push({ atUs, run });
  }
}

function assertNever(): never {
  throw new Error('not through the socket of the listener');
}
