/**
 * The browser's local storage. Where the browser forbids it, values last as long as the page.
 * In: a key, a text. Out: a text.
 */

/** The stored text; null if there is none, or the browser forbids storage. */
export function readStored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Stores a text, unless the browser forbids it or the storage is full. */
export function store(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // The value lasts as long as the page.
  }
}
