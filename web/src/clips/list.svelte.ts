/**
 * The saved clips of this browser, the same in all its tabs.
 * In: the panel and the page of clips. Out: components, which read `items`.
 */
import { parseSaved, type SavedClip, withClip, withClipBack, withoutClip } from './saved.ts';

const KEY = 'oxbow.clips';

class ClipList {
  #items = $state.raw<readonly SavedClip[]>([]);

  constructor() {
    this.#read();
    addEventListener('storage', ({ key }) => {
      if (key === KEY || key === null) this.#read();
    });
  }

  /** Newest first. */
  get items(): readonly SavedClip[] {
    return this.#items;
  }

  /** Saves a clip, in front. */
  add(clip: SavedClip): void {
    this.#write(withClip(this.#items, clip));
  }

  /** Restores a removed clip to its place. */
  restore(clip: SavedClip): void {
    this.#write(withClipBack(this.#items, clip));
  }

  remove(clip: SavedClip): void {
    this.#write(withoutClip(this.#items, clip));
  }

  #read(): void {
    try {
      this.#items = parseSaved(localStorage.getItem(KEY));
    } catch {
      // Storage forbidden: the list lasts as long as the page.
    }
  }

  #write(items: readonly SavedClip[]): void {
    this.#items = items;
    try {
      localStorage.setItem(KEY, JSON.stringify(items));
    } catch {
      // Storage forbidden or full: the list lasts as long as the page.
    }
  }
}

/** The clips of this browser. */
export const clipList = new ClipList();
