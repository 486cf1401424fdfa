/**
 * Where each page in the history was scrolled to, so that going back finds it again.
 * In: keys of history entries, positions. Out: positions. Kept for a reload in the tab's storage. Pure but for that.
 */

/** More pages than anyone goes back. */
const MOST = 100;
const KEY = 'oxbow.scroll';

/** The part of `Storage` that is used. */
export type TabStorage = Pick<Storage, 'getItem' | 'setItem'>;

/** Positions by history entry. */
export class ScrollMemory {
  readonly #storage: TabStorage | null;
  #places: Map<string, number>;

  /** @param storage null where the browser forbids it: a reload then begins at the top */
  constructor(storage: TabStorage | null) {
    this.#storage = storage;
    this.#places = new Map(read(storage));
  }

  /** @param top CSS pixels from the top of the page */
  keep(entry: string, top: number): void {
    this.#places.delete(entry); // the newest stands last
    this.#places.set(entry, Math.round(top));
    for (const oldest of this.#places.keys()) {
      if (this.#places.size <= MOST) break;
      this.#places.delete(oldest);
    }
  }

  /** CSS pixels from the top; 0 for a page that is new. */
  recall(entry: string): number {
    return this.#places.get(entry) ?? 0;
  }

  /** Writes all that is kept, before the page goes. */
  save(): void {
    try {
      this.#storage?.setItem(KEY, JSON.stringify([...this.#places]));
    } catch {
      // Storage full: a reload begins at the top.
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
    return []; // written by something else
  }
}
