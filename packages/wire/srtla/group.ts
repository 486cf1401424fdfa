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
import { GroupMembers, MAX_LINKS, type MemberLink } from './group-members.ts';
import { LinkLosses } from './link-losses.ts';
import { LinkTimes } from './link-times.ts';
import { ACK_PACKETS, printAck } from './packet.ts';

/** A link that is silent for this time gets nothing, µs: senders wait as long for an answer. */
export const SILENT_US = 4_000_000;
/** SRT connections of one group: the last one may not have ended yet when its sender connects again. */
const MAX_CONNECTIONS = 2;
const SECOND_US = 1_000_000;

export type GroupLink = MemberLink<SrtlaGroup>;

/** How a group sends, and sees the time. */
export interface GroupNetwork {
  /** µs of a clock that never steps. */
  now(): number;
  transmit(packet: Uint8Array, link: GroupLink): void;
}

/** A registered group. */
export class SrtlaGroup implements SrtChannel {
  /** 1 and above. */
  readonly number: number;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Since when there is no SRT connection, µs; undefined while there is one. */
  idleSinceUs: number | undefined;
  isClosed = false;
  move: ((process: string) => void) | undefined;
  /** Its links now. */
  readonly members: GroupMembers<SrtlaGroup>;
  readonly #network: GroupNetwork;
  readonly #connections = new Set<number>();
  readonly #times = new LinkTimes();
  /** Of the newest connection; undefined before the first. */
  #losses: LinkLosses | undefined;
  #destination: number | undefined;
  #last: GroupLink | undefined;
  #secondUs = 0;

  /** @param number unique among the groups of a receiver */
  constructor(number: number, address: string, port: number, network: GroupNetwork) {
    this.number = number;
    this.name = `srtla/${number}`;
    this.address = address;
    this.port = port;
    this.#network = network;
    const joined = (link: number) => this.#times.forget(link);
    this.members = new GroupMembers({ group: this, now: () => network.now(), joined });
    this.idleSinceUs = network.now();
  }

  get mayOpen(): boolean {
    return !this.isClosed && this.#connections.size < MAX_CONNECTIONS;
  }

  /** Notes an SRT packet of at least 16 bytes that came over a link; the caller passes it on to SRT. */
  note(link: GroupLink, packet: Uint8Array): void {
    const nowUs = this.#network.now();
    link.heardUs = nowUs;
    this.#last = link;
    this.members.records.get(link.number)!.bytes += packet.length;
    if (isControl(packet)) {
      if (controlType(packet) === control.ackAck) this.#times.confirm(link.number, typeSpecific(packet), nowUs);
      return;
    }
    const sequence = dataSequence(packet);
    link.sequences.push(sequence);
    if (link.sequences.length === ACK_PACKETS) {
      this.#network.transmit(printAck(link.sequences), link);
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
      for (const link of this.members) if (nowUs - link.heardUs < SILENT_US) this.#network.transmit(packet, link);
      return;
    }
    const link = this.#last;
    if (!link || this.members.get(link.number) !== link) return;
    const isFullAck = type === control.ack && packet.length > HEADER_BYTES + 4;
    if (isFullAck) this.#times.acknowledge(link.number, typeSpecific(packet), this.#network.now());
    this.#network.transmit(packet, link);
  }

  /** The figures of the links are those of the newest connection. */
  opened(socketId: number): void {
    for (const record of this.members.records.values()) record.bytes = 0;
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
    return Array.from(this.members.records, ([number, { bytes }]) => {
      const link = this.members.get(number);
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
}
