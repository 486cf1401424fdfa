/**
 * Bounds the number of entries of a Map or Set that serves as a memory.
 * In: a collection. Out: the same one, without its oldest entries. Pure.
 */

/** Deletes the entries that were inserted first, until at most `max` remain. */
export function dropOldest(entries: Map<unknown, unknown> | Set<unknown>, max: number): void {
  for (const key of entries.keys()) {
    if (entries.size <= max) return;
    entries.delete(key);
  }
}
