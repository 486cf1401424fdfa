/**
 * The port of SRTLA of a server with several processes: registers links, and passes what they send to the
 * process that has the stream of their group.
 * In: datagrams of links, answers of processes, a tick every 10 ms. Out: datagrams for both. It knows no
 * socket, no timer and no stream. docs/decisions/0117.
 *
 * A group without an SRT connection is at the first process, which reads the stream id and moves the group:
 * so wrong keys are counted at one place, and a group costs the other processes nothing before its key was
 * accepted.
 */
import { control, destinationOf, HEADER_BYTES, isControl, writeControlHeader } from '../srt/packet/header.ts';
import type { GroupLink, SrtlaGroup } from './group.ts';
import { isSrtla, printType, srtlaType } from './packet.ts';
import { type SavedGroup, SrtlaReceiver, type SrtlaStats } from './receiver.ts';
import { parseRelayAnswer, printRelayed, printRelayPrefix } from './relay-packet.ts';

/**
 * How long a group that was moved stays without a connection, µs: a handshake that is decided about takes as
 * long.
 */
const HOLD_US = 5_000_000;
/**
 * Datagrams of a group without a connection, and of all of them, that are passed on in 10 ms: handshakes are
 * far fewer. Each group has the same share of all, so that one that sends much takes nothing from others; a
 * new one has a smaller share until the next tick.
 */
const GROUP_PER_TICK = 16;
const UNUSED_PER_TICK = 128;
const NEW_PER_TICK = 2;

interface RelayNetwork {
  /** µs of a clock that never steps, above 0. */
  now(): number;
  transmit(packet: Uint8Array, address: string, port: number): void;
  /** Passes a datagram to the process with that port. */
  pass(datagram: Uint8Array, port: number): void;
}

interface RelayOptions {
  /** Groups with an SRT connection at a time. */
  readonly maxGroups: number;
  /** Names of the processes, the first one first. */
  readonly names: readonly string[];
}

/** Where a group is. */
interface Placed {
  /** Where it was moved to. */
  process: string | undefined;
  movedUs: number;
  /** The SRT socket of the caller, once a process has answered it. */
  callerId: number | undefined;
  /** Datagrams that may be passed on before the next tick while there is no connection. */
  left: number;
}

/** A relay without its sockets. */
export class SrtlaRelay {
  readonly #options: RelayOptions;
  readonly #network: RelayNetwork;
  readonly #receiver: SrtlaReceiver;
  /** Ports of the processes that run, by their names. */
  readonly #ports = new Map<string, number>();
  readonly #placed = new Map<SrtlaGroup, Placed>();
  readonly #groups = new Map<number, SrtlaGroup>();
  readonly #prefixes = new WeakMap<GroupLink, Buffer>();
  #unusedLeft = UNUSED_PER_TICK;

  constructor(options: RelayOptions, network: RelayNetwork) {
    this.#options = options;
    this.#network = network;
    this.#receiver = new SrtlaReceiver(
      {
        maxGroups: options.maxGroups,
        receive: (link, packet) => this.#pass(link, packet),
        heard: (link) => this.#pass(link, printType(srtlaType.keepAlive)),
        canConnect: () => this.#ports.size > 0,
        dropped: (group) => this.#forget(group),
      },
      network,
    );
  }

  get stats(): Readonly<SrtlaStats> {
    return this.#receiver.stats;
  }

  /** See SrtlaReceiver. */
  save(): SavedGroup[] {
    return this.#receiver.save();
  }

  restore(groups: readonly SavedGroup[]): void {
    this.#receiver.restore(groups);
  }

  /** Takes a datagram from the network. */
  receive(packet: Uint8Array, address: string, port: number): void {
    this.#receiver.receive(packet, address, port);
  }

  /** Takes a datagram of the process with that port; others are ignored. */
  receiveAnswer(datagram: Uint8Array, port: number): void {
    const answer = parseRelayAnswer(datagram);
    const group = answer && this.#groups.get(answer.group);
    if (!group || this.#ports.get(this.#processOf(group) ?? '') !== port) return;
    if ('isUsed' in answer) {
      this.#note(group, answer.isUsed);
      return;
    }
    const { link: number, packet } = answer;
    const link = group.members.get(number);
    if (!link) return;
    if (packet.length >= HEADER_BYTES && !isSrtla(packet) && isControl(packet)) {
      this.#placed.get(group)!.callerId = destinationOf(packet);
    }
    this.#network.transmit(packet, link.address, link.port);
  }

  /** A process takes groups at that port. */
  attach(process: string, port: number): void {
    this.#ports.set(process, port);
  }

  /** A process has ended: so have the connections of its groups, whose callers do not know it yet. */
  detach(process: string): void {
    for (const [group, placed] of this.#placed) {
      if (this.#processOf(group) !== process) continue;
      if (group.idleSinceUs === undefined) this.#shutDown(group, placed);
      group.idleSinceUs ??= this.#network.now();
      placed.process = undefined;
    }
    this.#ports.delete(process);
  }

  /**
   * Moves a group to another process, as the one that has it requests.
   *
   * @returns false if it has a connection or was moved a moment ago; also if the other process takes none:
   *   then the stream comes here
   */
  move(from: string, number: number, to: string): boolean {
    const group = this.#groups.get(number);
    if (!group || !this.#mayMove(group) || this.#processOf(group) !== from) return false;
    const placed = this.#placed.get(group)!;
    placed.process = this.#ports.has(to) ? to : from;
    placed.movedUs = this.#network.now();
    if (placed.process === from) return false;
    for (const link of group.members) this.#pass(link, printType(srtlaType.keepAlive));
    return true;
  }

  /**
   * Forgets silent links and unused groups. Called every 10 ms.
   *
   * @returns false if there is nothing to do until the next datagram
   */
  tick(): boolean {
    this.#unusedLeft = UNUSED_PER_TICK;
    let unused = 0;
    for (const { idleSinceUs } of this.#placed.keys()) if (idleSinceUs !== undefined) unused++;
    const share = Math.max(1, Math.min(GROUP_PER_TICK, Math.floor(UNUSED_PER_TICK / unused)));
    for (const placed of this.#placed.values()) placed.left = share;
    return this.#receiver.tick();
  }

  /** A group stays where its connection is. */
  #note(group: SrtlaGroup, isUsed: boolean): void {
    if (isUsed) {
      this.#placed.get(group)!.process = this.#processOf(group);
      group.idleSinceUs = undefined;
    } else group.idleSinceUs ??= this.#network.now();
  }

  #mayMove(group: SrtlaGroup): boolean {
    return group.idleSinceUs !== undefined && !this.#isHeld(this.#placed.get(group)!);
  }

  #isHeld({ process, movedUs }: Placed): boolean {
    return process !== undefined && this.#network.now() - movedUs < HOLD_US;
  }

  /** The process of a group; undefined while none runs. */
  #processOf(group: SrtlaGroup): string | undefined {
    const placed = this.#placed.get(group);
    if (placed?.process !== undefined && (group.idleSinceUs === undefined || this.#isHeld(placed))) {
      return placed.process;
    }
    return this.#options.names.find((name) => this.#ports.has(name));
  }

  #pass(link: GroupLink, packet: Uint8Array): void {
    const { group } = link;
    const placed = this.#place(group);
    if (group.idleSinceUs !== undefined && !this.#takesUnused(placed)) {
      this.#receiver.stats.ignored++;
      return;
    }
    const port = this.#ports.get(this.#processOf(group) ?? '');
    if (port === undefined) return;
    let prefix = this.#prefixes.get(link);
    if (!prefix) {
      prefix = printRelayPrefix(link);
      this.#prefixes.set(link, prefix);
    }
    this.#network.pass(printRelayed(prefix, this.#mayMove(group), packet), port);
  }

  /** Those that have a connection keep their time, and their number has a bound over all processes. */
  #takesUnused(placed: Placed): boolean {
    if (placed.left-- <= 0 || this.#unusedLeft <= 0) return false;
    this.#unusedLeft--;
    let used = 0;
    for (const { idleSinceUs } of this.#placed.keys()) if (idleSinceUs === undefined) used++;
    return used < this.#options.maxGroups;
  }

  #place(group: SrtlaGroup): Placed {
    const before = this.#placed.get(group);
    if (before) return before;
    const placed = { process: undefined, movedUs: 0, callerId: undefined, left: NEW_PER_TICK };
    this.#placed.set(group, placed);
    this.#groups.set(group.number, group);
    return placed;
  }

  #forget(group: SrtlaGroup): void {
    this.#placed.delete(group);
    this.#groups.delete(group.number);
  }

  /** Its caller connects again at once, and not after seconds of silence. */
  #shutDown(group: SrtlaGroup, { callerId }: Placed): void {
    if (callerId === undefined) return;
    const packet = new Uint8Array(HEADER_BYTES + 4);
    writeControlHeader(packet, control.shutdown, 0, 0, 0, callerId);
    for (const { address, port } of group.members) this.#network.transmit(packet, address, port);
  }
}
