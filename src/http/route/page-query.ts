/**
 * Pagination: `?limit=&cursor=`, answered with `items` and `nextCursor`.
 * In: all items in the order of their keys. Out: one page. Following the cursors returns each item that is
 * not removed exactly once.
 */
import { Type } from '../../api/type.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Items of a page without `limit`. */
export const MOST = 1000;

/** The id in a path. */
export const IdParams = Type.Object({ id: Type.String({ maxLength: 80 }) });

/** The query of a paginated list. */
export const PageQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,3}$', description: 'items per page, at most 1000' })),
    cursor: Type.Optional(Type.String({ maxLength: 80, description: '`nextCursor` of the answer before this one' })),
  },
  { additionalProperties: false },
);

/** Cursor of the next page; null on the last one. */
export const NextCursor = Type.Union([Type.String(), Type.Null()]);

/**
 * The requested page.
 *
 * @param items in rising order of `keyOf`, which no two of them share; a key is 1 to 80 characters
 * @throws OxbowError `bad-request` for an empty cursor
 */
export function pageOf<T>(
  items: readonly T[],
  { limit, cursor }: { readonly limit?: string; readonly cursor?: string },
  keyOf: (item: T) => string,
): { items: readonly T[]; nextCursor: string | null } {
  if (cursor === '') throw new OxbowError('bad-request', 'The cursor is empty. Use `nextCursor` of the previous page.');
  // The item that the cursor names may have been removed: the page starts after its key.
  const first = cursor === undefined ? 0 : items.findIndex((item) => keyOf(item) > cursor);
  if (first < 0) return { items: [], nextCursor: null };
  const end = first + Math.min(MOST, Number(limit ?? MOST));
  return { items: items.slice(first, end), nextCursor: end < items.length ? keyOf(items[end - 1]!) : null };
}
