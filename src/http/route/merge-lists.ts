/**
 * One page of a list from the pages of all nodes, each of which has the first rows after the cursor.
 * In: the page of this node, those of the others. Out: a page, whose cursor any node understands; a header
 * field if rows are missing. Pure.
 */
import type { Elsewhere } from '../../serve/other-nodes.ts';

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** The header field that names nodes whose rows are missing. */
const MISSING_HEADER = 'oxbow-missing-nodes';

/** How pages are merged. */
export interface Merging<T> {
  /** Two rows with one key are the same: that of its owner counts. */
  readonly keyOf: (item: T) => string;
  /** Order of the list. */
  readonly compare: (a: T, b: T) => number;
  /** The cursor after a row. */
  readonly cursorOf: (item: T) => string;
  /** Name of the node that owns a row; undefined: this one, or unknown. */
  readonly ownerOf: (item: T) => string | undefined;
  /** Rows of a page. */
  readonly limit: number;
}

export function mergePages<T>(ownPage: Page<T>, { lists }: Elsewhere, merging: Merging<T>): Page<T> {
  const others = lists.flatMap(({ node, body }) => (isPage<T>(body) ? [{ node, page: body }] : []));
  if (others.length === 0) return ownPage;
  const { keyOf, ownerOf, compare, cursorOf, limit } = merging;
  const rows = new Map(ownPage.items.map((item) => [keyOf(item), item]));
  for (const { node, page } of others) {
    for (const item of page.items) {
      const key = keyOf(item);
      if (!rows.has(key) || ownerOf(item) === node) rows.set(key, item);
    }
  }
  const merged = [...rows.values()].sort(compare);
  const items = merged.slice(0, limit);
  const isMore =
    merged.length > limit || [ownPage, ...others.map(({ page }) => page)].some((page) => page.nextCursor !== null);
  // A node that has more has filled its page: no row of it is after the last one here but before its own last
  // one.
  return { items, nextCursor: isMore && items.length > 0 ? cursorOf(items.at(-1)!) : null };
}

/**
 * The page, each row as its owner has it: for a list whose rows are in the shared database.
 *
 * @param others their pages are of the same rows
 */
export function asOwnersHaveIt<T>(
  ownItems: readonly T[],
  { lists }: Elsewhere,
  { keyOf, ownerOf }: Pick<Merging<T>, 'keyOf' | 'ownerOf'>,
): readonly T[] {
  if (lists.length === 0) return ownItems;
  const byNode = new Map(
    lists.map(({ node, body }) => [
      node,
      new Map(isPage<T>(body) ? body.items.map((item) => [keyOf(item), item]) : []),
    ]),
  );
  return ownItems.map((item) => byNode.get(ownerOf(item) ?? '')?.get(keyOf(item)) ?? item);
}

/** Header fields of a list of which some rows may be missing. */
export function missingFields({ missing }: Pick<Elsewhere, 'missing'>): Record<string, string> {
  return missing.length === 0 ? {} : { [MISSING_HEADER]: missing.join(', ') };
}

function isPage<T>(body: unknown): body is Page<T> {
  return Array.isArray((body as { items?: unknown } | null)?.items);
}
