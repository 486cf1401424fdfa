/**
 * The box around one player: full screen, and hiding the controls that cover the picture of an idle viewer.
 * In: the element, every input of the viewer. Out: whether it is full screen and idle.
 */
import { untrack } from 'svelte';
import { pause } from '../api/poll.ts';
import { activePlayer } from './active-player.svelte.ts';
import { enterFullscreen } from './fullscreen.ts';

/** The controls are hidden after this time without input, milliseconds. */
const IDLE_MS = 3_000;

/** One box; `{@attach frame.attach}` gives it its element. */
export class Frame {
  isFullscreen = $state(false);
  /** No input for a while, and nothing needs the controls. */
  isIdle = $state(false);
  /** The keyboard and the media keys of the system are for this player. */
  readonly isActive = $derived.by(() => activePlayer.is(this.element));
  element = $state.raw<HTMLElement | undefined>(undefined);
  readonly #needsControls: () => boolean;
  #timer = new AbortController();

  /** @param needsControls whether the state of the player needs them now: it is paused */
  constructor(needsControls: () => boolean) {
    this.#needsControls = needsControls;
  }

  attach = (element: HTMLElement): (() => void) => untrack(() => this.#attach(element));

  /** The viewer uses this player: the keyboard is for it. */
  use = (): void => {
    if (this.element) activePlayer.use(this.element);
  };

  toggleFullscreen = (): void => {
    if (document.fullscreenElement) this.leaveFullscreen();
    else if (this.element) enterFullscreen(this.element);
  };

  leaveFullscreen = (): void => {
    if (document.fullscreenElement) document.exitFullscreen();
  };

  /** Registers input. */
  touch = (): void => {
    this.isIdle = false;
    this.#timer.abort();
    const timer = new AbortController();
    this.#timer = timer;
    pause(IDLE_MS, timer.signal).then(() => {
      if (timer.signal.aborted || !this.element) return;
      if (this.#keepsControls) this.touch();
      else this.isIdle = true;
    });
  };

  /** Input on the picture: a finger that taps it shows and hides the controls by itself. */
  touchPicture = (event: PointerEvent): void => {
    if (event.pointerType !== 'touch') this.touch();
  };

  /** Hides the controls, or shows them again. */
  toggle = (): void => {
    if (this.isIdle || this.#keepsControls) {
      this.touch();
    } else {
      this.#timer.abort();
      this.isIdle = true;
    }
  };

  #attach(element: HTMLElement): () => void {
    this.element = element;
    const ends = new AbortController();
    const changed = () => {
      this.isFullscreen = element.matches(':fullscreen');
      this.touch();
    };
    element.ownerDocument.addEventListener('fullscreenchange', changed, { signal: ends.signal });
    const leave = activePlayer.add(element);
    this.touch();
    return () => {
      leave();
      ends.abort();
      this.#timer.abort();
      this.element = undefined;
    };
  }

  get #keepsControls(): boolean {
    return this.#needsControls() || (this.element?.matches(':has(:popover-open, :focus-visible)') ?? false);
  }
}
