/**
 * Requests of a room's player to its page.
 * In: keys and buttons. Out: the page.
 */

/** The page of a room, as its player sees it. */
export interface PageActions {
  readonly isFullscreen: boolean;
  /** The controls cover the picture: full screen, or a phone in landscape. */
  readonly isOver: boolean;
  /** The chat is next to the picture in full screen; null: there is no full screen. */
  readonly side: boolean | null;
  /** The viewer wants sound: they have pressed a button for it, and not muted it since. */
  hasSound: boolean;
  readonly toggleFullscreen: () => void;
  readonly toggleSide: () => void;
  readonly openHelp: () => void;
  readonly focusChat: () => void;
}
