/**
 * What the keys of a remote control do while a player is on the screen.
 * In: a key and its direction. Out: the player, or the focus of its controls.
 */

import { focusable, moveFocus } from './remote-keys.ts';
import type { Direction } from './spatial.ts';

/** A step by an arrow, seconds. */
const STEP_S = 10;

/** What keys need of a player. */
interface KeyedPlayer {
  togglePlay(): void;
  /** @param seconds forward; negative is back */
  step(seconds: number): void;
}

/** Handles keys: without focus they are for the picture, with it for the controls below it. */
export function playerKeys(player: KeyedPlayer) {
  return (event: KeyboardEvent, screen: HTMLElement, direction: Direction | undefined): boolean => {
    const controls = screen.querySelector<HTMLElement>('.desk .controls') ?? screen;
    const active = document.activeElement;
    const isInside = active instanceof HTMLElement && controls.contains(active) && active !== controls;
    const isOk = event.key === 'Enter' || event.key === 'MediaPlayPause';
    if (isInside) {
      if (direction === 'up' || direction === 'down') active.blur();
      else if (direction) moveFocus(controls, direction);
      return direction !== undefined;
    }
    if (isOk) player.togglePlay();
    else if (direction === 'left' || direction === 'right') player.step(direction === 'left' ? -STEP_S : STEP_S);
    else if (direction) focusable(controls)[0]?.focus({ focusVisible: true } as FocusOptions);
    return isOk || direction !== undefined;
  };
}
