/**
 * A bonded sender, written from the description of SRTLA: spreads the packets of one SRT caller over links.
 * In: packets of the caller, datagrams of each link, a tick. Out: datagrams for links, packets for the
 * caller. It knows no socket and no timer.
 *
 * Each link has a window and counts the packets in flight; a packet goes to the link with most room. An
 * acknowledgement grows the window, a loss report shrinks it, and a link without an answer for 4 s is begun
 * again.
 */
import { randomBytes } from 'node:crypto';
import { parseAck as parseSrtAck, readLossList } from '../srt/packet/ack.ts';
import { control, controlType, dataSequence, HEADER_BYTES, isControl } from '../srt/packet/header.ts';
import { GROUP_ID_BYTES, groupIdOf, parseAck, printId, printType, srtlaType, typeOf } from './packet.ts';

const WINDOW = { first: 20_000, least: 1000, most: 60_000, unit: 1000, grow: 30, shrink: 100 };
const IDLE_US = 1_000_000;
const TIMEOUT_US = 4_000_000;
const AGAIN_US = 1_000_000;

interface SenderLink {
  isUp: boolean;
  window: number;
  readonly flight: Map<number, true>;
  heardUs: number;
  sentUs: number;
  triedUs: number;
}

interface SenderNetwork {
  now(): number;
  /** Sends over a link. @param link 0 and above */
  transmit(link: number, packet: Uint8Array): void;
  /** Passes a packet to the SRT caller. */
  receive(packet: Uint8Array): void;
}

export class SrtlaSender {
  /** Answers of the receiver by type. */
  readonly answers = new Map<number, number>();
  readonly #network: SenderNetwork;
  readonly #links: readonly SenderLink[];
  #half = randomBytes(GROUP_ID_BYTES);
  #id: Uint8Array | undefined;

  constructor(links: number, network: SenderNetwork) {
    this.#network = network;
    this.#links = Array.from({ length: links }, () => ({
      isUp: false,
      window: WINDOW.first,
      flight: new Map(),
      heardUs: Number.NEGATIVE_INFINITY,
      sentUs: Number.NEGATIVE_INFINITY,
      triedUs: Number.NEGATIVE_INFINITY,
    }));
  }

  /** Links that are accepted now. */
  get up(): number {
    return this.#links.filter(({ isUp }) => isUp).length;
  }

  /** Takes a packet of the SRT caller; lost without a link. @returns the link, -1 without one */
  send(packet: Uint8Array): number {
    let best = -1;
    let most = -1;
    for (const [index, link] of this.#links.entries()) {
      if (!link.isUp) continue;
      const score = link.window / (link.flight.size + 1);
      if (score > most) [best, most] = [index, score];
    }
    if (best < 0) return -1;
    if (!isControl(packet)) this.#links[best]!.flight.set(dataSequence(packet), true);
    this.#transmit(best, packet);
    return best;
  }

  /** Takes a datagram that came over a link. */
  receive(index: number, packet: Uint8Array): void {
    const link = this.#links[index]!;
    link.heardUs = this.#network.now();
    const type = typeOf(packet);
    if (type !== undefined) this.answers.set(type, (this.answers.get(type) ?? 0) + 1);
    switch (type) {
      case srtlaType.identify:
        this.#id = Uint8Array.from(groupIdOf(packet));
        for (const each of this.#links.keys()) this.#transmit(each, printId(srtlaType.identify, this.#id));
        return;
      case srtlaType.accepted:
        link.isUp = true;
        return;
      case srtlaType.noGroup:
        this.#id = undefined;
        this.#half = randomBytes(GROUP_ID_BYTES);
        link.triedUs = Number.NEGATIVE_INFINITY;
        return;
      case srtlaType.ack:
        for (const sequence of parseAck(packet)) this.#acknowledge(link, sequence);
        return;
      case undefined:
        if (packet.length >= HEADER_BYTES) this.#takeSrt(packet);
        return;
      default:
    }
  }

  /** Registers, keeps links alive. Called every 10 ms. */
  tick(): void {
    const nowUs = this.#network.now();
    for (const [index, link] of this.#links.entries()) {
      if (link.isUp && nowUs - link.heardUs >= TIMEOUT_US) {
        link.isUp = false;
        link.flight.clear();
        link.window = WINDOW.first;
      }
      if (link.isUp) {
        if (nowUs - link.sentUs >= IDLE_US) this.#transmit(index, printType(srtlaType.keepAlive));
      } else if (nowUs - link.triedUs >= AGAIN_US) {
        link.triedUs = nowUs;
        if (this.#id) this.#transmit(index, printId(srtlaType.identify, this.#id));
        else if (index === 0 || this.#links[0]!.triedUs < nowUs) {
          this.#transmit(index, printId(srtlaType.register, this.#half));
        }
      }
    }
  }

  #takeSrt(packet: Uint8Array): void {
    if (isControl(packet) && controlType(packet) === control.nak) {
      readLossList(packet, (first, last) => {
        for (let sequence = first; sequence <= last && sequence - first < 1000; sequence++) this.#lose(sequence);
      });
    } else if (isControl(packet) && controlType(packet) === control.ack) {
      const { sequence } = parseSrtAck(packet);
      for (const { flight } of this.#links) {
        for (const sent of flight.keys()) if (((sequence - sent) << 1) >> 1 > 0) flight.delete(sent);
      }
    }
    this.#network.receive(packet);
  }

  #acknowledge(of: SenderLink, sequence: number): void {
    of.flight.delete(sequence);
    if (of.flight.size * WINDOW.unit > of.window) of.window += WINDOW.grow - 1;
    for (const link of this.#links) if (link.isUp) link.window = Math.min(WINDOW.most, link.window + 1);
  }

  #lose(sequence: number): void {
    for (const link of this.#links) {
      if (!link.flight.delete(sequence)) continue;
      link.window = Math.max(WINDOW.least, link.window - WINDOW.shrink);
    }
  }

  #transmit(index: number, packet: Uint8Array): void {
    this.#links[index]!.sentUs = this.#network.now();
    this.#network.transmit(index, packet);
  }
}
