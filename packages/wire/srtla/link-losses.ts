/**
 * How many packets each link of a bonded sender lost. A lost packet does not say which link it took: senders
 * spread packets by patterns, so the links of its neighbours say which one it probably was.
 * In: the link of each data packet that arrived. Out: received and lost packets of each link. Pure.
 *
 * A packet is judged two seconds later, when what is only late has come. It counts as received on the link of
 * its first transmission, and as lost where only a repetition came, or nothing.
 */
import { indexOf } from '../srt/packet/sequence.ts';

/** Packets that wait for their judgement, at most: 3 s of 50 Mbps. */
const SLOTS = 16_384;
const MASK = SLOTS - 1;
const NEIGHBOURS = [-2, -1, 1, 2];
/** How far the count may advance in a second, packets: 300 Mbps. A sender could jump with each packet. */
const ADVANCE = 2 * SLOTS;
/** No link: the first transmission did not arrive. */
const NONE = 0;
/** Seconds until a packet is judged. */
const DELAY_S = 2;
/** What patterns and shares keep from one second to the next. */
const KEEP = 0.97;
/** Share of losses that is distributed by the traffic of the links, where patterns say nothing. */
const PRIOR = 0.05;
/** Patterns of four neighbours that are kept; with up to four links each has a place. */
const PATTERNS = 1024;
const BASE = 5;

/** Packets of one link; `lost` has fractions. */
interface LinkCounts {
  received: number;
  lost: number;
}

/** The losses of one group. Links are numbers from 1 to `maxLinks`. */
export class LinkLosses {
  readonly counts: LinkCounts[];
  readonly #width: number;
  /** The link of each packet that is not judged yet, and its index, which says whether the slot is of it. */
  readonly #links = new Uint8Array(SLOTS);
  readonly #indexes = new Float64Array(SLOTS).fill(-1);
  /** How often packets with these neighbours, two before and two after, came over a link. */
  readonly #patterns: Float32Array;
  /** Of the last half minute. */
  readonly #recent: LinkCounts[];
  #initial: number | undefined;
  #newest = 0;
  #judged = 0;
  /** How far it may still advance in this second, packets. */
  #left = ADVANCE;
  /** The newest index at the end of each of the last seconds. */
  #marks: number[] = [];

  constructor(maxLinks: number) {
    this.#width = maxLinks + 1;
    this.counts = Array.from({ length: this.#width }, () => ({ received: 0, lost: 0 }));
    this.#recent = Array.from({ length: this.#width }, () => ({ received: 0, lost: 0 }));
    this.#patterns = new Float32Array(PATTERNS * this.#width);
  }

  /** A data packet came over a link. @param sequence 31 bits @param isRepeated the sender sent it again */
  note(sequence: number, link: number, isRepeated: boolean): void {
    if (this.#initial === undefined) this.#begin(sequence);
    const index = indexOf(this.#initial!, sequence, this.#newest);
    const ahead = index - this.#newest;
    // So far away it is another count: what is between is not known.
    if (ahead > Math.min(SLOTS, this.#left)) {
      this.#begin(sequence);
      return;
    }
    if (ahead > 0) {
      this.#newest = index;
      this.#left -= ahead;
    }
    if (index < this.#judged || isRepeated) return;
    if (index - this.#judged >= SLOTS - 1) this.#judge(index - SLOTS / 2);
    const slot = index & MASK;
    if (this.#indexes[slot] === index) return; // the same packet on two links
    this.#indexes[slot] = index;
    this.#links[slot] = link;
  }

  /** Another connection begins, with other sequence numbers: its counts begin at 0. */
  restart(): void {
    this.#initial = undefined;
    for (const counts of this.counts) {
      counts.received = 0;
      counts.lost = 0;
    }
  }

  /** A second is over. */
  second(): void {
    this.#left = ADVANCE;
    this.#marks.push(this.#newest);
    if (this.#marks.length <= DELAY_S) return;
    this.#judge(this.#marks.shift()!);
    for (let at = 0; at < this.#patterns.length; at++) this.#patterns[at]! *= KEEP;
    for (const recent of this.#recent) {
      recent.received *= KEEP;
      recent.lost *= KEEP;
    }
  }

  #begin(sequence: number): void {
    this.#initial = sequence;
    this.#newest = 0;
    this.#judged = 0;
    this.#marks = [];
    this.#indexes.fill(-1);
  }

  /** Judges all packets before `end`. */
  #judge(end: number): void {
    /** Lost ones without neighbours: after an interruption these are thousands. */
    let lonely = 0;
    for (; this.#judged < end; this.#judged++) {
      const index = this.#judged;
      const pattern = this.#patternAt(index);
      const link = this.#linkOf(index);
      if (link === NONE && pattern === 0) lonely++;
      else if (link === NONE) this.#distribute(pattern, 1);
      else {
        this.counts[link]!.received++;
        this.#recent[link]!.received++;
        this.#patterns[pattern + link]!++;
      }
    }
    if (lonely > 0) this.#distribute(0, lonely);
  }

  /** Packets with these neighbours are lost: each link gets the share that it probably has. */
  #distribute(pattern: number, packets: number): void {
    const recent = this.#recent;
    let received = 0;
    let lost = 0;
    for (const counts of recent) {
      received += counts.received;
      lost += counts.lost;
    }
    if (received === 0) return;
    const weights = recent.map((counts, link) => {
      if (link === NONE || counts.received + counts.lost < 1) return 0;
      const share = counts.received / received;
      const odds = (counts.lost + PRIOR * lost * share + share) / (counts.received + 10 * share);
      return (this.#patterns[pattern + link]! + share) * odds;
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (sum === 0) return;
    for (const [link, weight] of weights.entries()) {
      const share = (packets * weight) / sum;
      this.counts[link]!.lost += share;
      recent[link]!.lost += share;
    }
  }

  #linkOf(index: number): number {
    const slot = index & MASK;
    return this.#indexes[slot] === index ? this.#links[slot]! : NONE;
  }

  /** Where the counts of the neighbours of a packet begin. */
  #patternAt(index: number): number {
    let pattern = 0;
    for (const distance of NEIGHBOURS) pattern = pattern * BASE + this.#linkOf(index + distance);
    return (pattern % PATTERNS) * this.#width;
  }
}
