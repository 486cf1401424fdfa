/**
 * Which source of a track is read: SSRCs change, collide and are forged.
 * In: SSRCs of packets. Out: whether to take them. Pure. RFC 3550 8.2.
 */

/** A source that was not announced is not taken until the current one has been silent for so long, ms. */
const STRANGER_MS = 2000;
/** Two announced sources do not alternate faster than this, ms. */
const ANNOUNCED_MS = 200;

/** Holds the current source. */
export class SourceLatch {
  readonly #announced: ReadonlySet<number>;
  #current: number | undefined;
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
    const isNew = ssrc !== this.#current;
    if (isNew && this.#current !== undefined && nowMs - this.#lastMs < this.#patienceMs(ssrc, this.#current)) {
      return 'stranger';
    }
    this.#current = ssrc;
    this.#lastMs = nowMs;
    return isNew ? 'new' : 'same';
  }

  /** The current source ended. */
  release(): void {
    this.#current = undefined;
  }

  #patienceMs(ssrc: number, current: number): number {
    if (!this.#announced.has(ssrc)) return STRANGER_MS;
    return this.#announced.has(current) ? ANNOUNCED_MS : 0;
  }
}
