/**
 * The receiving side of SRTLA: registers the links of bonded senders, and passes their SRT packets on.
 * In: datagrams with their source, a tick every 10 ms. Out: datagrams; SRT packets with their channel. It
 * knows no socket and no timer. The description of the protocol by BELABOX.
 *
 * Nothing is kept before a sender has returned an id that was sent to it, and no answer before that is larger
 * than its request. A group that has no accepted SRT connection for ten seconds is dropped.
 */
import { HEADER_BYTES } from '../srt/packet/header.ts';
import { type GroupLink, type GroupNetwork, SILENT_US, SrtlaGroup } from './group.ts';
import { GroupIds } from './group-ids.ts';
import { groupIdOf, isSrtla, printId, printType, srtlaType, typeOf } from './packet.ts';

/** A link that is silent for this time is forgotten, µs. */
const LINK_US = 10_000_000;
/** A group without an SRT connection is dropped after this time, µs. */
const UNUSED_US = 10_000_000;
/** Groups without an SRT connection, in all and of one address. */
const MAX_UNUSED = 64;
const UNUSED_PER_ADDRESS = 4;
/** Groups of one address (of one /64 network with IPv6). */
const GROUPS_PER_ADDRESS = 8;
/** Registrations answered in 10 ms: 10,000 a second. */
const REGISTRATIONS_PER_TICK = 100;

/** How a receiver reaches the network, the time and SRT. */
interface ReceiverNetwork {
  /** µs of a clock that never steps, above 0. */
  now(): number;
  transmit(packet: Uint8Array, address: string, port: number): void;
}

interface ReceiverOptions {
  /** Groups with an SRT connection at a time; those without one have a separate bound. */
  readonly maxGroups: number;
  /** Takes an SRT packet of at least 16 bytes that came over a link; it may keep and change it. */
  receive(link: GroupLink, packet: Uint8Array): void;
  /** A link was accepted, or has sent a keep-alive. */
  heard?(link: GroupLink): void;
  /** Whether anything takes SRT connections now; while not, no group is dropped because it has none. */
  canConnect?(): boolean;
  /** A group is dropped: ends its connections. */
  dropped(group: SrtlaGroup): void;
}

/** Counters of a receiver. */
export interface SrtlaStats {
  /** Now. */
  groups: number;
  links: number;
  /** Groups since the start. */
  registered: number;
  /** Registrations that were refused because of a bound. */
  refused: number;
  /** Ids of no group. */
  unknown: number;
  /** Datagrams ignored: malformed, of no link, too many registrations at a time. */
  ignored: number;
}

/** A group with its links, for the receiver that follows this one on its port. */
export interface SavedGroup {
  /** 256 bytes, base64. */
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly links: readonly { readonly number: number; readonly address: string; readonly port: number }[];
}

/** A receiver without its socket. */
export class SrtlaReceiver {
  readonly stats: SrtlaStats = { groups: 0, links: 0, registered: 0, refused: 0, unknown: 0, ignored: 0 };
  readonly #options: ReceiverOptions;
  readonly #network: ReceiverNetwork;
  readonly #ids = new GroupIds();
  readonly #groups = new Map<string, SrtlaGroup>();
  readonly #links = new Map<string, GroupLink>();
  /** What counts as the address of each group. */
  readonly #sources = new Map<SrtlaGroup, string>();
  readonly #groupNetwork: GroupNetwork;
  #lastNumber = 0;
  #registrationsLeft = REGISTRATIONS_PER_TICK;
  #sweepUs = 0;

  constructor(options: ReceiverOptions, network: ReceiverNetwork) {
    this.#options = options;
    this.#network = network;
    this.#groupNetwork = {
      now: () => network.now(),
      transmit: (packet, { address, port }) => network.transmit(packet, address, port),
    };
  }

  /** Takes a datagram from the network. */
  receive(packet: Uint8Array, address: string, port: number): void {
    const type = typeOf(packet);
    if (type === srtlaType.register || type === srtlaType.identify) {
      this.#takeId(type, packet, address, port);
      return;
    }
    const link = this.#links.get(keyOf(address, port));
    if (!link) this.stats.ignored++;
    else if (type === srtlaType.keepAlive) {
      link.heardUs = this.#network.now();
      this.#network.transmit(packet, address, port);
      this.#options.heard?.(link);
    } else if (packet.length < HEADER_BYTES || isSrtla(packet)) this.stats.ignored++;
    else {
      link.heardUs = this.#network.now();
      this.#options.receive(link, packet);
    }
  }

  /**
   * Forgets silent links and unused groups. Called every 10 ms.
   *
   * @returns false if there is nothing to do until the next datagram
   */
  tick(): boolean {
    const nowUs = this.#network.now();
    this.#registrationsLeft = REGISTRATIONS_PER_TICK;
    for (const group of this.#groups.values()) group.tick(nowUs);
    if (nowUs >= this.#sweepUs) {
      this.#sweepUs = nowUs + 1_000_000;
      this.#sweep(nowUs);
    }
    return this.#groups.size > 0;
  }

  /** The groups now. */
  save(): SavedGroup[] {
    return Array.from(this.#groups, ([id, { address, port, members }]) => ({
      id: Buffer.from(id, 'latin1').toString('base64'),
      address,
      port,
      links: Array.from(members, (link) => ({ number: link.number, address: link.address, port: link.port })),
    }));
  }

  /**
   * Takes the groups of a receiver that had this port a moment ago: their senders notice nothing. They have
   * no connection yet.
   */
  restore(groups: readonly SavedGroup[]): void {
    for (const { id, address, port, links } of groups) {
      const group = this.#add(Buffer.from(id, 'base64').toString('latin1'), address, port);
      for (const each of links) {
        this.#links.set(keyOf(each.address, each.port), group.members.joinAs(each.number, each.address, each.port));
      }
    }
    this.stats.links = this.#links.size;
  }

  /** Ends all groups. */
  close(): void {
    for (const [id, group] of [...this.#groups]) this.#drop(id, group);
  }

  #takeId(type: number, packet: Uint8Array, address: string, port: number): void {
    if (this.#registrationsLeft-- <= 0) {
      this.stats.ignored++;
      return;
    }
    const answer = type === srtlaType.register ? this.#begin(packet, address, port) : this.#join(packet, address, port);
    this.#network.transmit(answer, address, port);
  }

  /** A sender wants a group: it gets an id, and nothing is kept. */
  #begin(packet: Uint8Array, address: string, port: number): Uint8Array {
    if (!this.#hasRoom(address)) return this.#refuse();
    const id = this.#ids.create(groupIdOf(packet), address, port, this.#network.now());
    return id ? printId(srtlaType.identify, id) : this.#refuse();
  }

  /** A link names its group. */
  #join(packet: Uint8Array, address: string, port: number): Uint8Array {
    const key = keyOf(address, port);
    const id = Buffer.from(groupIdOf(packet)).toString('latin1');
    const group = this.#groups.get(id) ?? this.#open(id, groupIdOf(packet));
    if (!(group instanceof SrtlaGroup)) return group;
    const before = this.#links.get(key);
    const nowUs = this.#network.now();
    if (before?.group === group) {
      before.heardUs = nowUs;
      this.#options.heard?.(before);
      return printType(srtlaType.accepted);
    }
    if (before) {
      // Another sender with the same address: only when the first one is gone.
      if (nowUs - before.heardUs < SILENT_US) return this.#refuse();
      this.#forget(before);
    }
    const joined = group.members.join(address, port);
    if (!joined) return this.#refuse();
    if (joined.replaced) this.#links.delete(keyOf(joined.replaced.address, joined.replaced.port));
    this.#links.set(key, joined.link);
    this.stats.links = this.#links.size;
    this.#options.heard?.(joined.link);
    return printType(srtlaType.accepted);
  }

  /**
   * Begins a group with an id that was created here; otherwise returns the refusal. Its address is the one
   * that the id was sent to: the source of this datagram may be forged.
   */
  #open(id: string, bytes: Uint8Array): SrtlaGroup | Uint8Array {
    const sentTo = this.#ids.read(bytes, this.#network.now());
    if (!sentTo) {
      this.stats.unknown++;
      return printType(srtlaType.noGroup);
    }
    const { address, port } = sentTo;
    if (!this.#hasRoom(address)) return this.#refuse();
    this.stats.registered++;
    return this.#add(id, address, port);
  }

  #add(id: string, address: string, port: number): SrtlaGroup {
    const group = new SrtlaGroup(++this.#lastNumber, address, port, this.#groupNetwork);
    this.#groups.set(id, group);
    this.#sources.set(group, sourceOf(address));
    this.stats.groups = this.#groups.size;
    return group;
  }

  /** Strangers, whose groups have no connection, take no place of the senders that have one. */
  #hasRoom(address: string): boolean {
    const source = sourceOf(address);
    let unused = 0;
    let same = 0;
    let sameUnused = 0;
    for (const [group, groupSource] of this.#sources) {
      const isSame = groupSource === source;
      if (isSame) same++;
      if (group.idleSinceUs === undefined) continue;
      unused++;
      if (isSame) sameUnused++;
    }
    const used = this.#groups.size - unused;
    return (
      used < this.#options.maxGroups &&
      unused < MAX_UNUSED &&
      same < GROUPS_PER_ADDRESS &&
      sameUnused < UNUSED_PER_ADDRESS
    );
  }

  #refuse(): Uint8Array {
    this.stats.refused++;
    return printType(srtlaType.error);
  }

  #sweep(nowUs: number): void {
    for (const link of [...this.#links.values()]) if (nowUs - link.heardUs >= LINK_US) this.#forget(link);
    const canConnect = this.#options.canConnect?.() ?? true;
    for (const [id, group] of [...this.#groups]) {
      if (!canConnect && group.idleSinceUs !== undefined) group.idleSinceUs = nowUs;
      const isUnused = group.idleSinceUs !== undefined && nowUs - group.idleSinceUs >= UNUSED_US;
      if (isUnused || group.members[Symbol.iterator]().next().done) this.#drop(id, group);
    }
  }

  #forget(link: GroupLink): void {
    this.#links.delete(keyOf(link.address, link.port));
    link.group.members.leave(link);
    this.stats.links = this.#links.size;
  }

  #drop(id: string, group: SrtlaGroup): void {
    this.#options.dropped(group);
    group.isClosed = true;
    this.#groups.delete(id);
    this.#sources.delete(group);
    for (const link of [...group.members]) this.#forget(link);
    this.stats.groups = this.#groups.size;
  }
}

function keyOf(address: string, port: number): string {
  return `${address}/${port}`;
}

/** What counts as one address: an IPv4 address, a /64 network of IPv6. */
function sourceOf(address: string): string {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':');
    while (groups.length + rest.length < 8) groups.push('0');
    groups.push(...rest);
  }
  return groups.slice(0, 4).join(':');
}
