/**
 * Positions a popover: next to its button, inside the window.
 * In: sizes in CSS pixels. Out: a corner and the maximum height. Pure.
 */

/** The rectangle of a button, as in `getBoundingClientRect`. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A width and a height. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/** The position of a popover. */
interface PopoverPlace {
  readonly left: number;
  readonly top: number;
  readonly maxHeight: number;
}

/** Distance between button, popover and the window's edge. */
const SPACE = 8;

/**
 * Above or below the button as preferred, on the other side if it fits only there; right edges aligned, moved
 * into the window.
 *
 * @param size natural size of the popover
 */
export function placePopover(button: Box, size: Size, frame: Size, preferred: 'above' | 'below'): PopoverPlace {
  const roomAbove = button.top - 2 * SPACE;
  const roomBelow = frame.height - button.bottom - 2 * SPACE;
  const fits = (room: number) => room >= size.height;
  const preferredRoom = preferred === 'above' ? roomAbove : roomBelow;
  const other = preferred === 'above' ? roomBelow : roomAbove;
  const above = (preferred === 'above') === (fits(preferredRoom) || preferredRoom >= other);
  const room = Math.max(0, above ? roomAbove : roomBelow);
  const height = Math.min(size.height, room);
  const left = Math.max(SPACE, Math.min(button.right - size.width, frame.width - size.width - SPACE));
  return { left, top: above ? button.top - SPACE - height : button.bottom + SPACE, maxHeight: room };
}
