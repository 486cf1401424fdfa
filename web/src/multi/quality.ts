/**
 * The rendition for a tile: small tiles play small renditions.
 * In: the qualities that a stream offers, the height of the tile. Out: the id for the player. Pure.
 */
import type { Choice } from '../player/snapshot.ts';

/**
 * The smallest quality that fills the tile.
 *
 * @param qualities best first, as in the snapshot of a player
 * @param heightPx height of the tile in pixels of the screen
 * @returns null: the player chooses, because there is nothing to choose or the best one is needed
 */
export function qualityFor(qualities: readonly Choice[], heightPx: number): string | null {
  const large = qualities.filter(({ height }) => height !== undefined && height >= heightPx);
  const smallest = large.at(-1);
  return smallest && smallest.id !== qualities[0]?.id ? smallest.id : null;
}
