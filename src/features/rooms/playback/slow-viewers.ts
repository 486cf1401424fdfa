/**
 * Decides when a room waits for members whose players have no media: 10 s at most, and not again for the same
 * member for a while.
 * In: reports, ticks. Out: whether to wait. Pure; times are monotonic ms.
 */

/** A player may be without media for this long, ms. */
const PATIENCE_MS = 400;
/** After a change every player loads media, ms. */
const SETTLE_MS = 1500;
/** The room waits no longer than this, ms. */
const LONGEST_WAIT_MS = 10_000;
/** A member that the room waited for cannot hold it again for this long, ms. */
const REST_MS = 60_000;

/** The waiting of one room. */
export class SlowViewers {
  /** When each member without media ran out of it. */
  readonly #buffering = new Map<string, number>();
  /** Until when a member cannot hold the room. */
  readonly #resting = new Map<string, number>();
  #holders = new Set<string>();
  #heldSince = 0;
  #settledMs = 0;

  /** The room waits. */
  get isHolding(): boolean {
    return this.#holders.size > 0;
  }

  /** The members that the room waits for. */
  get holders(): readonly string[] {
    return [...this.#holders];
  }

  /** Number of members without media. */
  get starved(): number {
    return this.#buffering.size;
  }

  /** A member's players: without media, or not. Those that are hidden or muted for the room count as not. */
  report(user: string, buffering: boolean, nowMs: number): void {
    if (!buffering) this.#buffering.delete(user);
    else if (!this.#buffering.has(user)) this.#buffering.set(user, nowMs);
  }

  /** What plays has changed: everyone loads media now. Ends the waiting. */
  changed(nowMs: number): void {
    this.#rest(nowMs);
    this.#settledMs = nowMs + SETTLE_MS;
  }

  /**
   * What to do now.
   *
   * @param options.mayHold the room plays, and waits for members
   */
  decide(nowMs: number, { mayHold }: { readonly mayHold: boolean }): 'hold' | 'go-on' | undefined {
    if (this.isHolding) {
      const isOver = nowMs - this.#heldSince >= LONGEST_WAIT_MS;
      const waits = [...this.#holders].some((user) => this.#buffering.has(user));
      if (waits && !isOver) return undefined;
      this.#rest(nowMs);
      return 'go-on';
    }
    if (!mayHold) return undefined;
    for (const [user, sinceMs] of this.#buffering) {
      if (nowMs - Math.max(sinceMs, this.#settledMs) < PATIENCE_MS) continue;
      if ((this.#resting.get(user) ?? 0) > nowMs) continue;
      this.#holders.add(user);
    }
    if (!this.isHolding) return undefined;
    this.#heldSince = nowMs;
    return 'hold';
  }

  #rest(nowMs: number): void {
    for (const [user, untilMs] of this.#resting) if (untilMs <= nowMs) this.#resting.delete(user);
    for (const user of this.#holders) this.#resting.set(user, nowMs + REST_MS);
    this.#holders = new Set();
  }
}
