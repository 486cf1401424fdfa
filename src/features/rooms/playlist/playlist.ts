/**
 * The playlist of a room: entries in folders, in an order that people choose.
 * In: entries that were checked. Out: entries in order, rows to write.
 */
import { createSecret } from '../../../accounts/random-secret.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { ItemRecord } from '../room-record.ts';

/** Most entries. */
const MAX_ITEMS = 2000;
/** Most folders one within the other. */
const MAX_DEPTH = 5;
/** Ranks nearer than this are numbered again. */
const LEAST_DISTANCE = 1e-6;

/** A new entry, checked. */
export type NewItem = Pick<ItemRecord, 'name' | 'target' | 'parent' | 'signed'>;

/** Where entries go: into a folder (null: the top), before an entry of it (null: to its end). */
export interface ItemPlace {
  readonly parent: string | null;
  readonly before: string | null;
}

/** The entries of a room. */
export class Playlist {
  readonly #items: Map<string, ItemRecord>;
  #ordered: readonly ItemRecord[] | undefined;
  readonly #changed = new Map<string, ItemRecord>();
  readonly #removed = new Set<string>();
  /** Ids of entries that were put or removed since the last `takeChanged`. */
  #unsent = new Set<string>();

  constructor(records: readonly ItemRecord[]) {
    this.#items = new Map(records.map((record) => [record.id, record]));
  }

  /** All entries, by rank. */
  get all(): readonly ItemRecord[] {
    this.#ordered ??= [...this.#items.values()].sort((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1));
    return this.#ordered;
  }

  /** The address of an entry has a playback token. */
  get hasSigned(): boolean {
    return this.all.some(({ signed }) => signed);
  }

  /** An entry; undefined: there is none. */
  find(id: string): ItemRecord | undefined {
    return this.#items.get(id);
  }

  /**
   * An entry.
   *
   * @throws OxbowError `item-unknown`
   */
  get(id: string): ItemRecord {
    const item = this.#items.get(id);
    if (!item) throw new OxbowError('item-unknown', `There is no entry with the id "${id.slice(0, 80)}".`);
    return item;
  }

  /**
   * Ids of entries that are new, changed, moved or gone since the last call; the others have kept their
   * order.
   */
  takeChanged(): ReadonlySet<string> {
    const taken = this.#unsent;
    this.#unsent = new Set();
    return taken;
  }

  /** Addresses with playback tokens are new: their entries count as changed. */
  renewSigned(): void {
    for (const { id, signed } of this.all) if (signed) this.#unsent.add(id);
  }

  /** The entry after one in its folder that can be played; undefined: it is the last one. */
  after(id: string): ItemRecord | undefined {
    const item = this.#items.get(id);
    if (!item) return undefined;
    const siblings = this.#inFolder(item.parent);
    return siblings.slice(siblings.indexOf(item) + 1).find(({ target }) => target.kind !== 'folder');
  }

  /** Everything in a folder, at any depth; nothing for other entries. */
  within(id: string): readonly ItemRecord[] {
    return this.#inFolder(id).flatMap((item) => [item, ...this.within(item.id)]);
  }

  /**
   * Adds entries in their order.
   *
   * @throws OxbowError `limit-reached`, `item-unknown`, `bad-request`
   */
  add(entries: readonly NewItem[], by: string, nowMs: number, before: string | null = null): readonly ItemRecord[] {
    if (this.#items.size + entries.length > MAX_ITEMS)
      throw new OxbowError('limit-reached', `A playlist has at most ${MAX_ITEMS} entries.`);
    for (const { parent, target } of entries) this.#assertFolder(parent, target.kind === 'folder' ? 1 : 0);
    return entries.map((entry) => {
      const ranks = this.#ranksAt({ parent: entry.parent, before }, 1);
      const item = { ...entry, id: createSecret(9), rank: ranks[0]!, addedBy: by, createdMs: nowMs };
      this.#put(item);
      return item;
    });
  }

  /** Changes name, target or both of an entry. */
  edit(id: string, change: Partial<Pick<ItemRecord, 'name' | 'target' | 'signed'>>): ItemRecord {
    const item = { ...this.get(id), ...change };
    this.#put(item);
    return item;
  }

  /** The entries of a person belong to another. */
  changeAuthor(from: string, to: string): void {
    for (const item of this.all) if (item.addedBy === from) this.#put({ ...item, addedBy: to });
  }

  /**
   * Moves entries, in the order in which they are named.
   *
   * @throws OxbowError `item-unknown`; `bad-request` for a folder that would be in itself
   */
  move(ids: readonly string[], place: ItemPlace): void {
    const items = ids.map((id) => this.get(id));
    for (const item of items) {
      if (item.target.kind === 'folder') {
        for (let up = place.parent; up !== null; up = this.#items.get(up)?.parent ?? null)
          if (up === item.id) throw new OxbowError('bad-request', 'A folder cannot be in itself.');
      }
      this.#assertFolder(place.parent, item.target.kind === 'folder' ? this.#heightOf(item.id) : 0);
    }
    if (place.before !== null && this.get(place.before).parent !== place.parent)
      throw new OxbowError('bad-request', '`before` names an entry of another folder.');
    // A moving entry is no neighbour of its place.
    let { before } = place;
    const moving = new Set(ids);
    const siblings = this.#inFolder(place.parent);
    while (before !== null && moving.has(before))
      before = siblings[siblings.findIndex(({ id }) => id === before) + 1]?.id ?? null;
    const ranks = this.#ranksAt({ parent: place.parent, before }, items.length, moving);
    for (const [at, { id }] of items.entries()) this.#put({ ...this.get(id), parent: place.parent, rank: ranks[at]! });
  }

  /**
   * Removes entries, folders with everything in them. Unknown ones are gone already. Returns the ids of all
   * that were removed.
   */
  remove(ids: readonly string[]): readonly string[] {
    const removed: string[] = [];
    const waiting = [...ids];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (!this.#items.has(id)) continue;
      for (const child of this.#inFolder(id)) waiting.push(child.id);
      this.#items.delete(id);
      this.#changed.delete(id);
      this.#removed.add(id);
      this.#unsent.add(id);
      this.#ordered = undefined;
      removed.push(id);
    }
    return removed;
  }

  /** Writes the changes; a failed write is kept for the next time. */
  async save(write: (changed: readonly ItemRecord[], removed: readonly string[]) => Promise<void>): Promise<void> {
    if (this.#changed.size === 0 && this.#removed.size === 0) return;
    const [changed, removed] = [[...this.#changed.values()], [...this.#removed]];
    this.#changed.clear();
    this.#removed.clear();
    try {
      await write(changed, removed);
    } catch (error) {
      for (const { id } of changed) {
        const item = this.#items.get(id);
        if (item) this.#changed.set(id, item);
      }
      for (const id of removed) this.#removed.add(id);
      throw error;
    }
  }

  #put(item: ItemRecord): void {
    this.#items.set(item.id, item);
    this.#changed.set(item.id, item);
    this.#unsent.add(item.id);
    this.#ordered = undefined;
  }

  #inFolder(parent: string | null): readonly ItemRecord[] {
    return this.all.filter((item) => item.parent === parent);
  }

  /** @param height folders that would come below */
  #assertFolder(parent: string | null, height: number): void {
    let depth = height;
    for (let up = parent; up !== null; depth++) {
      const folder = this.get(up);
      if (folder.target.kind !== 'folder') throw new OxbowError('bad-request', `"${folder.name}" is no folder.`);
      up = folder.parent;
    }
    if (depth > MAX_DEPTH) throw new OxbowError('limit-reached', `Folders may be ${MAX_DEPTH} deep.`);
  }

  #heightOf(folder: string): number {
    const below = this.#inFolder(folder).filter(({ target }) => target.kind === 'folder');
    return 1 + Math.max(0, ...below.map(({ id }) => this.#heightOf(id)));
  }

  /** Ranks for new entries at a place, rising. */
  #ranksAt({ parent, before }: ItemPlace, count: number, moving: ReadonlySet<string> = new Set()): readonly number[] {
    const siblings = this.#inFolder(parent).filter(({ id }) => !moving.has(id));
    const at = before === null ? siblings.length : siblings.findIndex(({ id }) => id === before);
    if (at < 0) throw new OxbowError('bad-request', '`before` names an entry of another folder.');
    const low = siblings[at - 1]?.rank ?? (siblings[at]?.rank ?? 1) - 1;
    const high = siblings[at]?.rank;
    if (high === undefined) return Array.from({ length: count }, (_, index) => low + 1 + index);
    const step = (high - (at === 0 ? high - count - 1 : low)) / (count + 1);
    if (step < LEAST_DISTANCE) {
      for (const [index, item] of siblings.entries()) this.#put({ ...item, rank: (index + 1) * 10 });
      return this.#ranksAt({ parent, before }, count, moving);
    }
    return Array.from({ length: count }, (_, index) => high - (count - index) * step);
  }
}
