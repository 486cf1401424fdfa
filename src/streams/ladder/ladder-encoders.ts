/**
 * The places on devices that the rungs of one live ladder have: taken when it starts, returned when it ends
 * or a device fails, and taken again while the ladder runs.
 * In: the pool of the machine, plans, failures. Out: plans with encoders; orders to change an encoder.
 */
import type { EncoderSession, Encoders } from '../../ffmpeg/encoders/encoder-pool.ts';
import type { EncoderChoice } from '../../ffmpeg/ladder-options.ts';
import type { LivePlan, PlannedRung } from '../../transcode/live/live-plan.ts';

/** Calls of `look` from one search for a free place to the next. */
const LOOK_EVERY = 5;

/** The places of one ladder. */
export class LadderEncoders {
  readonly #pool: Encoders | undefined;
  /** By the name of the rung. */
  readonly #sessions = new Map<string, EncoderSession>();
  /** Taken, and given to no rung yet. */
  #spare: EncoderSession[] = [];
  #closing = new AbortController();
  #looks = 0;
  #isLooking = false;

  /** @param pool undefined: software encodes everything */
  constructor(pool: Encoders | undefined) {
    this.#pool = pool;
  }

  /** Rungs that a device encodes. */
  get count(): number {
    return this.#sessions.size;
  }

  /** Whether this machine has devices. */
  get areExpected(): boolean {
    return this.#pool?.hasDevices === true;
  }

  /** The encoder of a rung and its device; undefined: software. */
  nameOf(rung: string): string | undefined {
    const session = this.#sessions.get(rung);
    return session && `${session.name} ${session.device}`;
  }

  /** Takes places for this many rungs, as far as there are any. Never rejects. */
  async prepare(count: number): Promise<void> {
    this.#closing = new AbortController();
    for (let taken = this.#sessions.size + this.#spare.length; taken < count; taken++) {
      const session = await this.#take();
      if (!session) return;
      this.#spare.push(session);
    }
  }

  /** The plan with the encoders of its rungs, those that cost most first. Returns places that are left. */
  assign(plan: LivePlan): LivePlan {
    const names = plan.rungs.map(({ name }) => name);
    for (const [name, session] of this.#sessions) {
      if (names.includes(name)) continue;
      this.#sessions.delete(name);
      this.#spare.push(session);
    }
    for (const name of names.toReversed()) {
      const session = this.#sessions.has(name) ? undefined : this.#spare.shift();
      if (session) this.#sessions.set(name, session);
    }
    for (const session of this.#spare.splice(0)) session[Symbol.dispose]();
    return { ...plan, rungs: plan.rungs.map((rung) => this.#withEncoder(rung)) };
  }

  /**
   * Looks for a place for the largest rung that software encodes; call it once a second.
   *
   * @param live names of the rungs that come out, the lowest first
   * @param use orders the encoder of a rung; false if the rung is not made now
   */
  look(live: readonly string[], use: (rung: string, choice: EncoderChoice) => boolean): void {
    const rung = live.findLast((name) => !this.#sessions.has(name));
    if (!this.areExpected || this.#isLooking || rung === undefined || this.#looks++ % LOOK_EVERY !== 0) return;
    this.#isLooking = true;
    void this.#take().then((session) => {
      this.#isLooking = false;
      if (!session) return;
      const isFree = !this.#closing.signal.aborted && !this.#sessions.has(rung);
      if (isFree && use(rung, { hardware: session.name, device: session.device })) this.#sessions.set(rung, session);
      else session[Symbol.dispose]();
    });
  }

  /** The encoder of a rung failed: software makes it. */
  fail(rung: string, why: string): void {
    this.#sessions.get(rung)?.fail(why);
    this.releaseOf(rung);
  }

  /** The process that encodes failed, and any of its devices may be why. */
  failAll(why: string): void {
    for (const rung of [...this.#sessions.keys()]) this.fail(rung, why);
  }

  releaseOf(rung: string): void {
    const session = this.#sessions.get(rung);
    this.#sessions.delete(rung);
    session?.[Symbol.dispose]();
  }

  /** Returns all places. */
  release(): void {
    this.#closing.abort(new DOMException('the ladder ends', 'AbortError'));
    for (const session of [...this.#sessions.values(), ...this.#spare.splice(0)]) session[Symbol.dispose]();
    this.#sessions.clear();
  }

  async #take(): Promise<EncoderSession | undefined> {
    // Only the end of the ladder rejects it.
    return await this.#pool?.acquire('h264', 'live', { signal: this.#closing.signal }).catch(() => undefined);
  }

  #withEncoder(rung: PlannedRung): PlannedRung {
    const session = this.#sessions.get(rung.name);
    if (!session) return rung;
    return { ...rung, rendition: { ...rung.rendition, hardware: session.name, device: session.device } };
  }
}
