/**
 * Keys of a player.
 * In: key events of the page. Out: actions of the player that they are for.
 */
import type { KeyActions } from './actions.ts';
import { activePlayer } from './active-player.svelte.ts';
import type { Frame } from './frame.svelte.ts';
import { focusOf, keyAction } from './keys.ts';
import { preferences } from './preferences.svelte.ts';

/** A player on a page. */
interface KeyPlayer {
  readonly frame: Frame;
  readonly actions: KeyActions;
  /** Keys that scroll are the page's while the focus is outside the player. */
  readonly pageScrolls?: boolean;
}

const SCROLLS: ReadonlySet<string> = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End']);

/**
 * Performs what a key means for this player, unless it is for another one or already handled. A key without
 * an action stays the browser's.
 */
export function performKey(event: KeyboardEvent, { frame, actions, pageScrolls = false }: KeyPlayer): void {
  const { target, key, shiftKey, ctrlKey, metaKey, altKey, repeat } = event;
  const { element } = frame;
  if (!element || !activePlayer.handlesKey(element, target)) return;
  frame.touch();
  if (event.defaultPrevented || event.isComposing) return;
  if (!preferences.keys && key.length === 1 && key !== ' ') return;
  if (pageScrolls && SCROLLS.has(key) && !(target instanceof Node && element.contains(target))) return;
  const on = target instanceof Element ? focusOf(target as HTMLElement) : 'page';
  const action = keyAction({ key, shiftKey, ctrlKey, metaKey, altKey, repeat, on });
  const perform = action && actions[action];
  if (!perform) return;
  event.preventDefault();
  perform();
}
