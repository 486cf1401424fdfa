/**
 * Changes of a playlist, as they are sent: the entries that are new, changed or moved, each with the one
 * before it.
 * In: a list and changes. Out: the changed list, in the exact order of the room. Pure.
 */
import type { RoomItem } from './item-shapes.ts';

/** A new, changed or moved entry of a playlist, and its place. */
export interface PlacedItem {
  readonly item: RoomItem;
  /** Id of the entry before it in the whole list; null: it is the first. */
  readonly after: string | null;
}

/** The changes of a playlist; entries that are not named have kept their order. */
export interface ItemChanges {
  readonly set: readonly PlacedItem[];
  /** Ids of entries that are gone. */
  readonly removed: readonly string[];
}

/** The list after changes. Changes that are in it already do no harm. */
export function withItemChanges(items: readonly RoomItem[], { set, removed }: ItemChanges): readonly RoomItem[] {
  const gone = new Set([...removed, ...set.map(({ item }) => item.id)]);
  const next = new Map(set.map(({ item, after }) => [after, item]));
  const changed: RoomItem[] = [];
  const placeBehind = (id: string | null): void => {
    for (let item = next.get(id); item; item = next.get(item.id)) changed.push(item);
  };
  placeBehind(null);
  for (const item of items) {
    if (gone.has(item.id)) continue;
    changed.push(item);
    placeBehind(item.id);
  }
  return changed;
}
