/**
 * Bounds the number of entries of a Map or Set that serves as a memory.
 * In: a collection. Out: the same one, without its oldest entries. Pure.
 */

/** Deletes the entries that were inserted first, until at most `max` remain. */
export function dropOldest(entries: Map<unknown, unknown> | Set<unknown>, max: number): void {
  if (entries.size <= max) return; // an iterator would pass all entries that were deleted before
  for (const key of entries.keys()) {
    entries.delete(key);
    if (entries.size <= max) return;
  }
}
