/**
 * A server with two processes behind one port of SRTLA, and a bonded SRT caller with links, in virtual time.
 * In: which process has a stream. Out: relay, processes and caller; a clock that tests move.
 */
import assert from 'node:assert/strict';
import type { ProtocolConnection } from '../srt/connection/connection.ts';
import { CallerProtocol } from '../srt/handshake/caller.ts';
import { ListenerProtocol } from '../srt/handshake/listener.ts';
import type { SrtConnection, SrtRequest } from '../srt/srt.ts';
import { SrtlaRelay } from './relay.ts';
import { RelayedGroups } from './relayed-groups.ts';
import { SrtlaSender } from './sender.fixture.ts';

export const PROCESSES = ['process-1', 'process-2', 'process-3'] as const;
export type ProcessName = (typeof PROCESSES)[number];

/** One process, as long as it runs. */
export interface RelayedProcess {
  readonly groups: RelayedGroups;
  readonly listener: ListenerProtocol;
  readonly requests: SrtRequest[];
  readonly connections: SrtConnection[];
}

/** A caller with its links, which is connected or has failed. */
export interface BondedCaller {
  readonly sender: SrtlaSender;
  readonly caller: CallerProtocol;
  connection: ProtocolConnection | undefined;
  failure: unknown;
  /** Address of a link, by its index; a test changes it. */
  readonly ports: number[];
}

export class RelayedProcesses {
  nowUs = 1_000_000;
  readonly relay: SrtlaRelay;
  readonly processes = new Map<ProcessName, RelayedProcess>();
  /** Datagrams that each process got. */
  readonly passed = new Map<ProcessName, number>();
  /** The process that has a stream, by its id; undefined: it comes to where the caller is. */
  readonly owners = new Map<string, ProcessName>();
  readonly callers: BondedCaller[] = [];
  readonly maxGroups: number;
  /** Datagrams of the relay to addresses that are no link of a caller. */
  readonly strangers: Uint8Array[] = [];

  constructor(maxGroups = 25, names: readonly ProcessName[] = ['process-1', 'process-2']) {
    this.maxGroups = maxGroups;
    const now = () => this.nowUs;
    this.relay = new SrtlaRelay(
      { maxGroups, names },
      {
        now,
        transmit: (packet, _, port) => this.#deliver(packet, port),
        pass: (datagram, port) => this.#pass(datagram, port),
      },
    );
    for (const name of names) this.start(name);
  }

  start(name: ProcessName): RelayedProcess {
    const now = () => this.nowUs;
    const port = 1 + PROCESSES.indexOf(name);
    const requests: SrtRequest[] = [];
    const connections: SrtConnection[] = [];
    const listener = new ListenerProtocol(
      {
        address: '192.0.2.1',
        port: 8890,
        accept: (request: SrtRequest) => {
          requests.push(request);
          if (request.streamId === 'refused') return { reject: 'forbidden' };
          const owner = this.owners.get(request.streamId);
          const { channel } = request;
          if (owner !== undefined && owner !== name && channel?.move) {
            channel.move(owner);
            return { forward: () => ({ send: () => assert.fail(), close() {} }) };
          }
          return { onConnection: (connection) => void connections.push(connection) };
        },
      },
      { now, transmit: () => assert.fail('it has a channel') },
    );
    const groups = new RelayedGroups(
      {
        maxGroups: this.maxGroups,
        receive: (channel, packet) => listener.receive(packet, channel.address, channel.port, { channel }),
        dropped: (channel) => listener.closeThrough(channel),
        move: (group, to) => void this.relay.move(name, group, to),
      },
      { now, answer: (datagram) => this.relay.receiveAnswer(datagram, port) },
    );
    const process = { groups, listener, requests, connections };
    this.processes.set(name, process);
    this.relay.attach(name, port);
    return process;
  }

  /** A process ends as by `kill -9`. */
  kill(name: ProcessName): void {
    this.processes.delete(name);
    this.relay.detach(name);
  }

  /** A sender with links from different addresses. */
  call(streamId: string, links = 2): BondedCaller {
    const first = 1000 + 100 * this.callers.length;
    const ports = Array.from({ length: links }, (_, index) => first + index);
    const sender = new SrtlaSender(links, {
      now: () => this.nowUs,
      transmit: (link, packet) => this.relay.receive(Uint8Array.from(packet), `198.51.100.${link}`, ports[link]!),
      receive: (packet) => caller.receive(packet),
    });
    const caller = new CallerProtocol(
      { address: '192.0.2.1', port: 8890, streamId, latencyMs: 500, connectMs: 8000 },
      {
        now: () => this.nowUs,
        transmit: (packet) => void sender.send(packet),
        onClosed: () => {},
        onError: (error) => assert.fail(String(error)),
      },
    );
    const bonded: BondedCaller = { sender, caller, connection: undefined, failure: undefined, ports };
    caller.opened.then(
      (connection) => {
        bonded.connection = connection;
      },
      (error: unknown) => {
        bonded.failure = error;
      },
    );
    this.callers.push(bonded);
    return bonded;
  }

  /** Time passes. @param each called every 10 ms */
  async run(forMs: number, each: () => void = () => {}): Promise<void> {
    for (let ms = 0; ms < forMs; ms += 10) {
      this.nowUs += 10_000;
      for (const { sender, caller } of this.callers) {
        sender.tick();
        caller.tick();
      }
      this.relay.tick();
      for (const { groups, listener } of this.processes.values()) {
        groups.tick();
        listener.tick();
      }
      each();
      await new Promise((resolve) => setImmediate(resolve)); // decisions about callers
    }
  }

  #deliver(packet: Uint8Array, port: number): void {
    for (const { sender, ports } of this.callers) {
      const link = ports.indexOf(port);
      if (link < 0) continue;
      sender.receive(link, packet);
      return;
    }
    this.strangers.push(packet);
  }

  #pass(datagram: Uint8Array, port: number): void {
    const name = PROCESSES[port - 1]!;
    this.passed.set(name, (this.passed.get(name) ?? 0) + 1);
    this.processes.get(name)?.groups.receive(datagram);
  }
}
