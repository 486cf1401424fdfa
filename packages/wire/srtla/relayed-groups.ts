/**
 * The groups of one process, whose links are registered by the relay of its server.
 * In: datagrams of the relay, a tick every 10 ms. Out: SRT packets with their channel; answers for the relay.
 * It knows no socket and no timer. docs/decisions/0117.
 */
import { HEADER_BYTES } from '../srt/packet/header.ts';
import { type GroupLink, type GroupNetwork, SrtlaGroup } from './group.ts';
import { isSrtla } from './packet.ts';
import { parseRelayed, printRelayAnswer, printRelayState, type RelayedDatagram } from './relay-packet.ts';

/**
 * A group or link that sends nothing here for this time is gone, or at another process, µs: longer than
 * there.
 */
const GONE_US = 12_000_000;
/** How often the relay gets the state of each group, µs; a change at once. */
const STATE_US = 1_000_000;
/** Groups without a connection, also those that went to other processes a moment ago. */
const MAX_UNUSED = 256;

interface RelayedNetwork {
  /** µs of a clock that never steps, above 0. */
  now(): number;
  /** Sends a datagram to the relay. */
  answer(datagram: Uint8Array): void;
}

interface RelayedOptions {
  /** Groups with an SRT connection at a time; of further ones nothing is taken. */
  readonly maxGroups: number;
  /** Takes an SRT packet of at least 16 bytes; it may keep and change it. */
  receive(channel: SrtlaGroup, packet: Uint8Array): void;
  /** A group is gone: ends its connections. */
  dropped(channel: SrtlaGroup): void;
  /** A group is to be moved to the process of that name. */
  move(group: number, process: string): void;
}

interface RelayedGroup {
  readonly group: SrtlaGroup;
  heardUs: number;
  stateUs: number;
  wasUsed: boolean;
}

/** The groups without the socket to the relay. */
export class RelayedGroups {
  readonly #options: RelayedOptions;
  readonly #network: RelayedNetwork;
  readonly #groups = new Map<number, RelayedGroup>();
  #sweepUs = 0;

  constructor(options: RelayedOptions, network: RelayedNetwork) {
    this.#options = options;
    this.#network = network;
  }

  /** How many there are. */
  get size(): number {
    return this.#groups.size;
  }

  /** Takes a datagram of the relay. */
  receive(datagram: Uint8Array): void {
    const relayed = parseRelayed(datagram);
    const entry = relayed && this.#open(relayed);
    if (!entry) return;
    const { group } = entry;
    const { packet, mayMove } = relayed;
    entry.heardUs = this.#network.now();
    const link = linkOf(group, relayed);
    link.heardUs = entry.heardUs;
    if (packet.length < HEADER_BYTES || isSrtla(packet)) return;
    group.note(link, packet);
    group.move = mayMove ? (process) => this.#options.move(group.number, process) : undefined;
    this.#options.receive(group, packet);
  }

  /** Reports states, forgets groups. Called every 10 ms. @returns false if there is none */
  tick(): boolean {
    const nowUs = this.#network.now();
    for (const entry of this.#groups.values()) {
      entry.group.tick(nowUs);
      const isUsed = entry.group.idleSinceUs === undefined;
      if (isUsed === entry.wasUsed && nowUs - entry.stateUs < STATE_US) continue;
      entry.wasUsed = isUsed;
      entry.stateUs = nowUs;
      this.#network.answer(printRelayState(entry.group));
    }
    if (nowUs >= this.#sweepUs) {
      this.#sweepUs = nowUs + 1_000_000;
      this.#sweep(nowUs);
    }
    return this.#groups.size > 0;
  }

  /** Ends all groups with their connections. */
  close(): void {
    for (const { group } of [...this.#groups.values()]) this.#drop(group);
  }

  #open({ group: number, groupAt }: RelayedDatagram): RelayedGroup | undefined {
    const before = this.#groups.get(number);
    if (before) return before;
    if (this.#groups.size >= this.#options.maxGroups + MAX_UNUSED) return undefined;
    const nowUs = this.#network.now();
    const network: GroupNetwork = {
      now: () => this.#network.now(),
      transmit: (packet, link) => this.#network.answer(printRelayAnswer(group, link.number, packet)),
    };
    const group = new SrtlaGroup(number, groupAt.address, groupAt.port, network);
    const entry = { group, heardUs: nowUs, stateUs: nowUs, wasUsed: false };
    this.#groups.set(number, entry);
    return entry;
  }

  #sweep(nowUs: number): void {
    for (const { group, heardUs } of [...this.#groups.values()]) {
      for (const link of [...group.members]) if (nowUs - link.heardUs >= GONE_US) group.members.leave(link);
      if (nowUs - heardUs >= GONE_US) this.#drop(group);
    }
  }

  #drop(group: SrtlaGroup): void {
    this.#options.dropped(group);
    group.isClosed = true;
    this.#groups.delete(group.number);
  }
}

/** The link of a datagram, which may be new or have another address. */
function linkOf(group: SrtlaGroup, { link: number, linkAt: { address, port } }: RelayedDatagram): GroupLink {
  const link = group.members.get(number);
  return link?.port === port && link.address === address ? link : group.members.joinAs(number, address, port);
}
