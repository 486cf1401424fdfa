/**
 * Scroll positions of the pages in the history.
 * In: keys of history entries, positions. Out: positions. Survives a reload in the tab's storage.
 */

/** Number of kept entries. */
const MOST = 100;
const KEY = 'oxbow.scroll';

/** The part of `Storage` that is used. */
type TabStorage = Pick<Storage, 'getItem' | 'setItem'>;

/** Positions by history entry. */
export class ScrollMemory {
  readonly #storage: TabStorage | null;
  #places: Map<string, number>;

  /** @param storage null if the browser forbids it: then a reload starts at the top */
  constructor(storage: TabStorage | null) {
    this.#storage = storage;
    this.#places = new Map(read(storage));
  }

  /** @param top CSS pixels from the top of the page */
  keep(entry: string, top: number): void {
    this.#places.delete(entry); // the newest is last
    this.#places.set(entry, Math.round(top));
    for (const oldest of this.#places.keys()) {
      if (this.#places.size <= MOST) break;
      this.#places.delete(oldest);
    }
  }

  /** CSS pixels from the top; 0 for a new page. */
  recall(entry: string): number {
    return this.#places.get(entry) ?? 0;
  }

  /** Stores all positions, before the page is closed. */
  save(): void {
    try {
      this.#storage?.setItem(KEY, JSON.stringify([...this.#places]));
    } catch {
      // Storage full: a reload starts at the top.
    }
  }
}

function read(storage: TabStorage | null): [string, number][] {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(KEY) ?? '[]');
    if (!Array.isArray(kept)) return [];
    return kept.filter(
      (pair): pair is [string, number] =>
        Array.isArray(pair) && typeof pair[0] === 'string' && Number.isFinite(pair[1]),
    );
  } catch {
    return []; // invalid text
  }
}
