/**
 * Detects that the viewer is idle, so that the controls over the picture can be hidden.
 * In: every input of the viewer. Out: the player frame.
 */
import { pause } from '../api/poll.ts';

/** The controls are hidden after this time without input, milliseconds. */
const IDLE_MS = 3_000;

/** Whether to hide the controls over the picture; `close` with the page. */
export class IdleTimer {
  /** No input for a while, and nothing needs the controls. */
  isIdle = $state(false);
  readonly #kept: () => boolean;
  #timer = new AbortController();
  #closed = false;

  /** @param kept whether something needs the controls now: an open menu, a paused picture */
  constructor(kept: () => boolean) {
    this.#kept = kept;
  }

  /** Registers input. */
  touch = (): void => {
    this.isIdle = false;
    this.#wait();
  };

  /** Hides the controls, or shows them again. */
  toggle = (): void => {
    if (this.isIdle || this.#kept()) {
      this.touch();
    } else {
      this.#timer.abort();
      this.isIdle = true;
    }
  };

  /** Stops the timer. */
  close(): void {
    this.#closed = true;
    this.#timer.abort();
  }

  #wait(): void {
    if (this.#closed) return;
    this.#timer.abort();
    const timer = new AbortController();
    this.#timer = timer;
    pause(IDLE_MS, timer.signal).then(() => {
      if (timer.signal.aborted) return;
      if (this.#kept()) this.#wait();
      else this.isIdle = true;
    });
  }
}
