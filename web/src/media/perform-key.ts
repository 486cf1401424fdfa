/**
 * Keys of a player.
 * In: key events of the page. Out: actions of the player that they are for.
 */
import { activePlayer } from './active-player.svelte.ts';
import { focusOf, type KeyAction, keyAction } from './keys.ts';
import { preferences } from './preferences.svelte.ts';

/** A player on a page. */
export interface KeyPlayer {
  readonly frame: HTMLElement;
  readonly actions: Readonly<Record<KeyAction, () => void>>;
  /** Someone uses the player. */
  readonly touch: () => void;
}

/** Performs what a key means for this player, unless it is for another one or already handled. */
export function performKey(event: KeyboardEvent, { frame, actions, touch }: KeyPlayer): void {
  if (!activePlayer.handlesKey(frame, event.target)) return;
  touch();
  if (event.defaultPrevented || event.isComposing) return;
  const on = event.target instanceof Element ? focusOf(event.target as HTMLElement) : 'page';
  const { key, shiftKey, ctrlKey, metaKey, altKey, repeat } = event;
  const action = keyAction({ key, shiftKey, ctrlKey, metaKey, altKey, repeat, on });
  if (!action || (!preferences.keys && key.length === 1 && key !== ' ')) return;
  event.preventDefault();
  actions[action]();
}
