/**
 * Which source of a track is read: SSRCs change, collide and are forged.
 * In: SSRCs of packets. Out: whether to take them. Pure. RFC 3550 8.2.
 */

/** A source that was not announced is not taken until the current one has been silent for this long, ms. */
const STRANGER_MS = 2000;
/** Two announced sources do not alternate faster than this, ms. */
const ANNOUNCED_MS = 200;
/** Packets of a source may arrive this long after its goodbye, ms. */
const ENDED_MS = 200;

/** Holds the current source. */
export class SourceLatch {
  readonly #announced: ReadonlySet<number>;
  #current: number | undefined;
  /** The source that said goodbye, which may overtake its last packets. */
  #ended: number | undefined;
  #lastMs = 0;

  /** @param announced SSRCs of the session description; may be empty */
  constructor(announced: readonly number[]) {
    this.#announced = new Set(announced);
  }

  /** The current source; undefined before the first packet and after its end. */
  get current(): number | undefined {
    return this.#current;
  }

  /** A packet of a source: `same` is the current one, `new` becomes it, `stranger` is ignored. */
  take(ssrc: number, nowMs: number): 'same' | 'new' | 'stranger' {
    const isStill = ssrc === this.#ended && nowMs - this.#lastMs < ENDED_MS;
    const isNew = ssrc !== this.#current && !isStill;
    if (isNew && this.#current !== undefined && nowMs - this.#lastMs < this.#patienceMs(ssrc, this.#current)) {
      return 'stranger';
    }
    this.#current = ssrc;
    this.#ended = undefined;
    this.#lastMs = nowMs;
    return isNew ? 'new' : 'same';
  }

  /** The current source ended. */
  release(): void {
    this.#ended = this.#current;
    this.#current = undefined;
  }

  #patienceMs(ssrc: number, current: number): number {
    if (!this.#announced.has(ssrc)) return STRANGER_MS;
    return this.#announced.has(current) ? ANNOUNCED_MS : 0;
  }
}
