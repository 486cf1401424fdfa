/**
 * Maps items with a few calls at a time.
 * In: items, and the work on each. Out: the results in the order of the items.
 */

const AT_ONCE = 4;

/**
 * Maps items. After a failure or an abort no further call begins; it rejects with the first reason, once the
 * calls under way have ended.
 *
 * @param options.atOnce calls at a time; default 4
 */
export async function mapEach<Item, T>(
  items: readonly Item[],
  work: (item: Item) => Promise<T>,
  { atOnce = AT_ONCE, signal }: { readonly atOnce?: number; readonly signal?: AbortSignal } = {},
): Promise<T[]> {
  const results = new Array<T>(items.length);
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      try {
        signal?.throwIfAborted();
        const index = next++;
        results[index] = await work(items[index]!);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
