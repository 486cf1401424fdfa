/**
 * The viewers of one rendition of a stream, and their introductions to each other. A viewer's offer, which
 * has its addresses, goes to a few others who have consented too, and an answer only to the viewer whose
 * offer it is.
 * In: members, their offers and answers. Out: texts for members. Pure; the clock is an argument.
 */
import { dropOldest } from '../../lib/drop-oldest.ts';

/** A page is introduced again after this, s. */
const ANNOUNCE_S = 20;
/** An offer that is not answered within this is forgotten, ms: pages forget it after 50 s. */
const OFFER_MS = 60_000;
/** Most offers that one member has not answered yet. */
const MOST_OPEN = 8;
/** Most peers that a member never meets again. */
const MOST_REFUSED = 64;

/** A viewer in a swarm. */
export interface Member {
  /** As its page chose it, 20 characters. */
  readonly peer: string;
  /** The network it comes from, for counting reports. */
  readonly network: string;
  send(text: string): void;
}

interface Place {
  readonly member: Member;
  index: number;
  /** Offers to this member that wait for its answer, with the time of each, ms, oldest first. */
  readonly open: Map<string, number>;
  /** Peers that have lied to it. */
  readonly refused: Set<string>;
  /** Networks of the peers that it was introduced to, by their id: a peer may leave before it is reported. */
  readonly met: Map<string, string>;
}

/** An offer and its id, as in the message. */
interface Offer {
  readonly id: string;
  readonly offer: unknown;
}

/** Remembers members until they leave, and what they have not answered yet. */
export class Swarm {
  readonly #name: string;
  readonly #random: () => number;
  readonly #places = new Map<string, Place>();
  /** The same, in no order, to choose from. */
  readonly #list: Place[] = [];

  /**
   * @param name 20 characters
   * @param random [0, 1)
   */
  constructor(name: string, random: () => number = Math.random) {
    this.#name = name;
    this.#random = random;
  }

  get size(): number {
    return this.#list.length;
  }

  /** Adds a member, or finds it again; false: another member has its id. */
  join(member: Member): boolean {
    const before = this.#places.get(member.peer);
    if (before) return before.member === member;
    const place: Place = {
      member,
      index: this.#list.length,
      open: new Map(),
      refused: new Set(),
      met: new Map(),
    };
    this.#places.set(member.peer, place);
    this.#list.push(place);
    return true;
  }

  /** Removes a member. Does nothing if it is not in the swarm. */
  leave(member: Member): void {
    const place = this.#placeOf(member);
    if (!place) return;
    this.#places.delete(member.peer);
    const last = this.#list.pop()!;
    if (last !== place) {
      this.#list[place.index] = last;
      last.index = place.index;
    }
  }

  /** Answers an announcement and passes its offers on, each to another member. @returns how many it passed */
  announce(member: Member, offers: readonly Offer[], nowMs: number): number {
    const place = this.#placeOf(member);
    if (!place) return 0;
    const about = { action: 'announce', info_hash: this.#name };
    member.send(JSON.stringify({ ...about, interval: ANNOUNCE_S, complete: this.size, incomplete: 0 }));
    const others = this.#choose(place, offers.length, nowMs);
    others.forEach((other, at) => {
      const { id, offer } = offers[at]!;
      other.open.set(openKey(place, id), nowMs);
      meet(place, other);
      other.member.send(JSON.stringify({ ...about, offer, offer_id: id, peer_id: member.peer }));
    });
    return others.length;
  }

  /** Passes an answer to the member whose offer it is; false: there is no such offer to this member. */
  answer(member: Member, to: string, { id, answer }: { readonly id: string; readonly answer: unknown }): boolean {
    const place = this.#placeOf(member);
    const from = this.#places.get(to);
    if (!place || !from || !place.open.delete(openKey(from, id))) return false;
    const about = { action: 'announce', info_hash: this.#name, peer_id: member.peer };
    from.member.send(JSON.stringify({ ...about, answer, offer_id: id }));
    return true;
  }

  /**
   * A peer has sent a member wrong bytes: the two are not introduced again.
   *
   * @returns the network of that peer; undefined if the two were never introduced, or it was reported before
   */
  lied(member: Member, liar: string): string | undefined {
    const place = this.#placeOf(member);
    const network = place?.met.get(liar);
    if (!place || network === undefined || place.refused.has(liar)) return undefined;
    place.refused.add(liar);
    dropOldest(place.refused, MOST_REFUSED);
    return network;
  }

  #placeOf(member: Member): Place | undefined {
    const place = this.#places.get(member.peer);
    return place?.member === member ? place : undefined;
  }

  /** Up to `count` other members, at random, who may get one more offer. */
  #choose(place: Place, count: number, nowMs: number): Place[] {
    const chosen = new Set<Place>();
    // A bound on the work, also where most have enough offers.
    for (let tries = 0; chosen.size < count && tries < 4 * count + 8 && this.#list.length > 1; tries++) {
      const other = this.#list[Math.floor(this.#random() * this.#list.length)]!;
      if (other === place || chosen.has(other)) continue;
      if (place.refused.has(other.member.peer) || other.refused.has(place.member.peer)) continue;
      for (const [key, atMs] of other.open) {
        if (nowMs - atMs < OFFER_MS) break;
        other.open.delete(key);
      }
      if (other.open.size < MOST_OPEN) chosen.add(other);
    }
    return [...chosen];
  }
}

/** The key of an offer among those of a member: ids are chosen by pages. */
const openKey = ({ member }: Place, id: string) => `${member.peer}${id}`;

/** Most introductions of one member that are remembered. */
const MOST_MET = 256;

function meet(a: Place, b: Place): void {
  a.met.set(b.member.peer, b.member.network);
  b.met.set(a.member.peer, a.member.network);
  dropOldest(a.met, MOST_MET);
  dropOldest(b.met, MOST_MET);
}
