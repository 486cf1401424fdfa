/**
 * Whether the viewer has let go of mouse, keys and screen, so that controls over the picture may go.
 * In: each sign of life. Out: the player frame.
 */
import { pause } from '../api/poll.ts';

/** Without movement for so long the controls go, milliseconds. */
const REST_MS = 3_000;

/** Whether to hide what lies over the picture; `close` when the page is left. */
export class Rest {
  /** Nothing has moved for a while, and nothing keeps the controls. */
  resting = $state(false);
  readonly #kept: () => boolean;
  #timer = new AbortController();
  #closed = false;

  /** @param kept whether something needs the controls now: a menu that is open, a picture that stands still */
  constructor(kept: () => boolean) {
    this.#kept = kept;
  }

  /** The viewer moved. */
  stir = (): void => {
    this.resting = false;
    this.#wait();
  };

  /** The viewer sends the controls away, or brings them back. */
  toggle = (): void => {
    if (this.resting || this.#kept()) {
      this.stir();
    } else {
      this.#timer.abort();
      this.resting = true;
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
    pause(REST_MS, timer.signal).then(() => {
      if (timer.signal.aborted) return;
      if (this.#kept()) this.#wait();
      else this.resting = true;
    });
  }
}
