/**
 * One bonded sender: its links, which together are one channel of an SRT caller.
 * In: SRT packets from any link, answers of SRT. Out: acknowledgements on the link that packets came over;
 * answers on the links that get them; figures of each link.
 */
import {
  control,
  controlType,
  dataSequence,
  destinationOf,
  HEADER_BYTES,
  isControl,
  isRetransmitted,
  timestampOf,
  typeSpecific,
} from '../srt/packet/header.ts';
import type { SrtChannel, SrtLink } from '../srt/srt.ts';
import { LinkLosses } from './link-losses.ts';
import { LinkTimes } from './link-times.ts';
import { ACK_PACKETS, printAck } from './packet.ts';

/** Links of one group. */
export const MAX_LINKS = 16;
/** A link that is silent for this time gets nothing, µs: senders wait as long for an answer. */
export const SILENT_US = 4_000_000;
/** A link of the same address that is silent for this time is replaced: its port has changed, µs. */
const MOVED_US = 2_000_000;
/** SRT connections of one group: the last one may not have ended yet when its sender connects again. */
const MAX_CONNECTIONS = 2;
const SECOND_US = 1_000_000;

/** One network of the sender, by its source address and port. */
export interface GroupLink {
  readonly group: SrtlaGroup;
  /** 1 and above. */
  readonly number: number;
  readonly address: string;
  readonly port: number;
  heardUs: number;
  /** Data packets that are not acknowledged yet. */
  sequences: number[];
}

/** What is kept of each number. */
interface LinkRecord {
  address: string;
  bytes: number;
}

/** How a group sends, and sees the time. */
interface GroupNetwork {
  /** µs of a clock that never steps. */
  now(): number;
  transmit(packet: Uint8Array, address: string, port: number): void;
}

/** A registered group. */
export class SrtlaGroup implements SrtChannel {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Since when there is no SRT connection, µs; undefined while there is one. */
  idleSinceUs: number | undefined;
  isClosed = false;
  readonly #network: GroupNetwork;
  readonly #links = new Map<number, GroupLink>();
  /** By number, also of links that are gone: one that comes back has its number again. */
  readonly #records = new Map<number, LinkRecord>();
  readonly #connections = new Set<number>();
  readonly #times = new LinkTimes();
  /** Of the newest connection; undefined before the first. */
  #losses: LinkLosses | undefined;
  #destination: number | undefined;
  #last: GroupLink | undefined;
  #secondUs = 0;

  /** @param name unique among the groups of a receiver */
  constructor(name: string, address: string, port: number, network: GroupNetwork) {
    this.name = name;
    this.address = address;
    this.port = port;
    this.#network = network;
    this.idleSinceUs = network.now();
  }

  get mayOpen(): boolean {
    return !this.isClosed && this.#connections.size < MAX_CONNECTIONS;
  }

  /** Its links now. */
  get members(): Iterable<GroupLink> {
    return this.#links.values();
  }

  /**
   * Adds a link.
   *
   * @returns the link, and one that it replaces; undefined if there are too many
   */
  join(address: string, port: number): { readonly link: GroupLink; readonly replaced?: GroupLink } | undefined {
    const nowUs = this.#network.now();
    const replaced = [...this.#links.values()].find(
      (link) => link.address === address && nowUs - link.heardUs >= MOVED_US,
    );
    const number = replaced?.number ?? this.#freeNumber(address);
    if (number === undefined) return undefined;
    const link: GroupLink = { group: this, number, address, port, heardUs: nowUs, sequences: [] };
    this.#links.set(number, link);
    const record = this.#records.get(number);
    if (record) record.address = address;
    else this.#records.set(number, { address, bytes: 0 });
    this.#times.forget(number);
    return replaced ? { link, replaced } : { link };
  }

  /** A link is gone. */
  leave(link: GroupLink): void {
    if (this.#links.get(link.number) === link) this.#links.delete(link.number);
    if (this.#last === link) this.#last = undefined;
  }

  /** Notes an SRT packet of at least 16 bytes that came over a link; the caller passes it on to SRT. */
  note(link: GroupLink, packet: Uint8Array): void {
    const nowUs = this.#network.now();
    link.heardUs = nowUs;
    this.#last = link;
    this.#records.get(link.number)!.bytes += packet.length;
    if (isControl(packet)) {
      if (controlType(packet) === control.ackAck) this.#times.confirm(link.number, typeSpecific(packet), nowUs);
      return;
    }
    const sequence = dataSequence(packet);
    link.sequences.push(sequence);
    if (link.sequences.length === ACK_PACKETS) {
      this.#network.transmit(printAck(link.sequences), link.address, link.port);
      link.sequences = [];
    }
    if (destinationOf(packet) !== this.#destination) return;
    const isRepeated = isRetransmitted(packet);
    this.#losses?.note(sequence, link.number, isRepeated);
    if (!isRepeated) this.#times.data(link.number, timestampOf(packet), nowUs);
  }

  /**
   * Sends a packet of SRT: loss reports and the end on all links, because they must arrive; the others on the
   * link that was heard last.
   */
  transmit(packet: Uint8Array): void {
    if (this.isClosed) return;
    const type = isControl(packet) ? controlType(packet) : undefined;
    if (type === control.nak || type === control.shutdown) {
      const nowUs = this.#network.now();
      for (const link of this.#links.values()) if (nowUs - link.heardUs < SILENT_US) this.#send(packet, link);
      return;
    }
    const link = this.#last;
    if (!link) return;
    const isFullAck = type === control.ack && packet.length > HEADER_BYTES + 4;
    if (isFullAck) this.#times.acknowledge(link.number, typeSpecific(packet), this.#network.now());
    this.#send(packet, link);
  }

  /** The figures of the links are those of the newest connection. */
  opened(socketId: number): void {
    for (const record of this.#records.values()) record.bytes = 0;
    this.#connections.add(socketId);
    this.#destination = socketId;
    this.idleSinceUs = undefined;
    this.#losses ??= new LinkLosses(MAX_LINKS);
    this.#losses.restart();
    this.#times.restart();
  }

  closed(socketId: number): void {
    this.#connections.delete(socketId);
    if (this.#connections.size === 0) this.idleSinceUs = this.#network.now();
  }

  links(): readonly SrtLink[] {
    const nowUs = this.#network.now();
    return Array.from(this.#records, ([number, { bytes }]) => {
      const link = this.#links.get(number);
      const counts = this.#losses?.counts[number];
      return {
        number,
        isUp: link !== undefined && nowUs - link.heardUs < SILENT_US,
        rttMs: link && this.#times.rttMs(number),
        bytes,
        packets: counts?.received ?? 0,
        lost: counts?.lost ?? 0,
      };
    }).sort((a, b) => a.number - b.number);
  }

  /** Judges the packets of each second. */
  tick(nowUs: number): void {
    if (nowUs < this.#secondUs) return;
    this.#secondUs = nowUs + SECOND_US;
    this.#losses?.second();
  }

  #send(packet: Uint8Array, { address, port }: GroupLink): void {
    this.#network.transmit(packet, address, port);
  }

  /** The number of a link of this address that is gone, else one that no link had yet, else a free one. */
  #freeNumber(address: string): number | undefined {
    const free = Array.from({ length: MAX_LINKS }, (_, index) => index + 1).filter(
      (number) => !this.#links.has(number),
    );
    return (
      free.find((number) => this.#records.get(number)?.address === address) ??
      free.find((number) => !this.#records.has(number)) ??
      free[0]
    );
  }
}
