/**
 * Whether the viewer has let go of mouse, keys and screen, so that controls over the picture may go.
 * In: each sign of life. Out: the player frame.
 */
import { pause } from '../api/poll.ts';

/** Without movement for so long the controls go, milliseconds. */
const IDLE_MS = 3_000;

/** Whether to hide what lies over the picture; `close` when the page is left. */
export class IdleTimer {
  /** Nothing has moved for a while, and nothing keeps the controls. */
  isIdle = $state(false);
  readonly #kept: () => boolean;
  #timer = new AbortController();
  #closed = false;

  /** @param kept whether something needs the controls now: a menu that is open, a picture that stands still */
  constructor(kept: () => boolean) {
    this.#kept = kept;
  }

  /** The viewer moved. */
  touch = (): void => {
    this.isIdle = false;
    this.#wait();
  };

  /** The viewer sends the controls away, or brings them back. */
  toggle = (): void => {
    if (this.isIdle || this.#kept()) {
      this.touch();
    } else {
      this.#timer.abort();
      this.isIdle = true;
    }
  };

  /** Nothing rests any more. */
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
