/**
 * The saved clips of this browser, the same in all its tabs.
 * In: the panel and the page of clips. Out: components, which read `items`.
 */
import { readStored, store } from '../viewer/storage.ts';
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
    this.#items = parseSaved(readStored(KEY));
  }

  #write(items: readonly SavedClip[]): void {
    this.#items = items;
    store(KEY, JSON.stringify(items));
  }
}

/** The clips of this browser. */
export const clipList = new ClipList();
