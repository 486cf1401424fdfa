/**
 * Moves the focus as a remote control does: to what is nearest in a direction.
 * In: boxes. Out: the index of the next one. Pure.
 */

/** Arrow keys. */
export type Direction = 'left' | 'right' | 'up' | 'down';

/** A box of the screen, CSS pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** What is aside of the way counts less than what is ahead: the next row comes before the one after it. */
const ASIDE = 0.5;
/** Boxes that overlap by less than this do, CSS pixels. */
const TOUCHING = 2;

/** Distances from one box to another, in the direction and aside of it; undefined if it is not ahead. */
function distances(
  from: Box,
  to: Box,
  direction: Direction,
): { readonly ahead: number; readonly aside: number } | undefined {
  const isLevel = direction === 'left' || direction === 'right';
  const ahead = {
    left: from.left - to.right,
    right: to.left - from.right,
    up: from.top - to.bottom,
    down: to.top - from.bottom,
  }[direction];
  if (ahead < -TOUCHING) return undefined;
  const [low, high, otherLow, otherHigh] = isLevel
    ? [from.top, from.bottom, to.top, to.bottom]
    : [from.left, from.right, to.left, to.right];
  const gap = Math.max(0, otherLow - high, low - otherHigh);
  if (isLevel && gap > 0) return undefined; // the end of a row is an end
  const middles = Math.abs((low + high) / 2 - (otherLow + otherHigh) / 2);
  // Of boxes in the same row or column the one whose middle is nearest comes first.
  return { ahead: Math.max(0, ahead), aside: gap > 0 ? gap + middles : middles / 100 };
}

/** The index of the next box in a direction; -1: there is none. */
export function nextBox(from: Box, boxes: readonly Box[], direction: Direction): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, box] of boxes.entries()) {
    const apart = distances(from, box, direction);
    if (!apart) continue;
    const cost = apart.ahead + ASIDE * apart.aside;
    if (cost < least) [best, least] = [index, cost];
  }
  return best;
}
