/**
 * The role of a session: it delivers the stream's frames, is on standby or has ended.
 * In: the decisions of ingest/publisher-slot. Out: the session carries them out, and reads the fields with
 * every frame.
 */

/** State of a session. */
export type PublisherRole = 'active' | 'standby' | 'ended';

/** What a session does at a change of its role. */
interface TurnSteps {
  readonly activated: (onWait: (() => void) | undefined) => void;
  readonly stoodBy: () => void;
  readonly finish: () => void;
  readonly ended: (reason: unknown) => void;
}

/** The turn of one session. The slot changes it. */
export class SessionTurn {
  role: PublisherRole = 'standby';
  /** The session takes the active publisher's place with its next key frame. */
  replaces: boolean;
  /**
   * Ticks of the slot's timer since the last frame, or since the session became active; Infinity while a
   * standby session has sent none. The session sets it to 0 with every frame.
   */
  idleTicks = Number.POSITIVE_INFINITY;
  readonly #steps: TurnSteps;

  constructor(replaces: boolean, steps: TurnSteps) {
    this.replaces = replaces;
    this.#steps = steps;
  }

  /**
   * The session delivers the stream's frames from now on: those that it kept, from the key frame nearest to
   * the end of the stream's media, then the next ones.
   *
   * @param onWait called first if it has kept none: media is missing until its next key frame
   */
  activate(onWait?: () => void): void {
    this.role = 'active';
    this.replaces = false;
    this.idleTicks = 0;
    this.#steps.activated(onWait);
  }

  /** Another session delivers the stream's frames from now on. */
  standBy(): void {
    this.role = 'standby';
    this.#steps.stoodBy();
  }

  /** A period of the slot's timer has passed. */
  tick(): void {
    this.idleTicks++;
  }

  /** The session is about to end: what waits at a change of its tracks waits no longer. */
  finish(): void {
    this.#steps.finish();
  }

  /** The session is over. */
  end(reason: unknown): void {
    this.role = 'ended';
    this.replaces = false;
    this.#steps.ended(reason);
  }
}
