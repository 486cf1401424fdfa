/**
 * The playlist as people see it: folders with their entries, and where an entry goes when it is moved.
 * In: the entries of a room, in the order of their folders. Out: rows, moves. Pure.
 */
import type { RoomItem } from '../../../../src/api/room/item-shapes.ts';

/** A row of the playlist. */
interface ItemRow {
  readonly item: RoomItem;
  /** 0 at the top. */
  readonly depth: number;
  /** Entries of a folder. */
  readonly count: number;
}

/** Where an entry goes: into a folder (null: the top), before an entry (null: at the end). */
export interface Move {
  readonly parent: string | null;
  readonly before: string | null;
}

const isFolder = ({ target }: RoomItem) => target.kind === 'folder';
const inFolder = (items: readonly RoomItem[], parent: string | null) => items.filter((item) => item.parent === parent);

/**
 * The rows of the playlist, folders before their entries.
 *
 * @param closed ids of folders whose entries are not shown
 */
export function rowsOf(items: readonly RoomItem[], closed: ReadonlySet<string>): readonly ItemRow[] {
  const rows: ItemRow[] = [];
  const add = (parent: string | null, depth: number) => {
    for (const item of inFolder(items, parent)) {
      const count = isFolder(item) ? inFolder(items, item.id).length : 0;
      rows.push({ item, depth, count });
      if (isFolder(item) && !closed.has(item.id)) add(item.id, depth + 1);
    }
  };
  add(null, 0);
  return rows;
}

/** The move of an entry one place up or down within its folder; undefined at the end of it. */
export function moveBy(items: readonly RoomItem[], id: string, by: -1 | 1): Move | undefined {
  const parent = items.find((item) => item.id === id)?.parent ?? null;
  const siblings = inFolder(items, parent);
  const at = siblings.findIndex((item) => item.id === id);
  if (at < 0 || at + by < 0 || at + by >= siblings.length) return undefined;
  return { parent, before: siblings[by < 0 ? at - 1 : at + 2]?.id ?? null };
}

/**
 * The move of an entry that is dropped on another: before or after it, or into it if that is a folder.
 *
 * @returns undefined where nothing changes, or a folder would be in itself
 */
export function moveOnto(
  items: readonly RoomItem[],
  id: string,
  onto: string,
  where: 'before' | 'after' | 'into',
): Move | undefined {
  const target = items.find((item) => item.id === onto);
  if (!target || id === onto || isInside(items, target.id, id)) return undefined;
  if (where === 'into') return isFolder(target) ? { parent: target.id, before: null } : undefined;
  const siblings = inFolder(items, target.parent).filter((item) => item.id !== id);
  const at = siblings.findIndex((item) => item.id === onto);
  const before = (where === 'before' ? siblings[at] : siblings[at + 1])?.id ?? null;
  return { parent: target.parent, before };
}

/** Whether an entry is in a folder, at any depth, or is that folder. */
function isInside(items: readonly RoomItem[], id: string, folder: string): boolean {
  for (let at: string | null = id; at !== null; ) {
    if (at === folder) return true;
    at = items.find((item) => item.id === at)?.parent ?? null;
  }
  return false;
}

/** The entry that plays after another: the next one of its folder; undefined at the end. */
export function nextOf(items: readonly RoomItem[], id: string | null): RoomItem | undefined {
  const parent = items.find((item) => item.id === id)?.parent;
  if (parent === undefined) return undefined;
  const siblings = inFolder(items, parent).filter((item) => !isFolder(item));
  return siblings[siblings.findIndex((item) => item.id === id) + 1];
}
