/**
 * Long lists in pages: `?limit=&cursor=`, answered with `items` and `nextCursor`.
 * In: all items in the order of their keys. Out: one page; who follows the cursors sees each item that stays exactly once.
 */
import { Type } from '../../api/type.ts';
import { OxbowError } from '../../lib/errors.ts';

const MOST = 1000;

/** The query of a list in pages. */
export const PageQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,3}$', description: 'items of a page, at most 1000' })),
    cursor: Type.Optional(Type.String({ maxLength: 80, description: '`nextCursor` of the answer before this one' })),
  },
  { additionalProperties: false },
);

/** What a page is shown as. */
export const NextCursor = Type.Union([Type.String(), Type.Null()]);

/**
 * The page that a query asks for.
 *
 * @param items in rising order of `keyOf`, which no two of them share; a key is 1 to 80 characters
 * @throws OxbowError `bad-request` for an empty cursor
 */
export function pageOf<T>(
  items: readonly T[],
  { limit, cursor }: { readonly limit?: string; readonly cursor?: string },
  keyOf: (item: T) => string,
): { items: readonly T[]; nextCursor: string | null } {
  if (cursor === '') throw new OxbowError('bad-request', 'The cursor is not one of this list.');
  // What the cursor names may have gone since: the page begins behind where it was.
  const first = cursor === undefined ? 0 : items.findIndex((item) => keyOf(item) > cursor);
  if (first < 0) return { items: [], nextCursor: null };
  const end = first + Math.min(MOST, Number(limit ?? MOST));
  return { items: items.slice(first, end), nextCursor: end < items.length ? keyOf(items[end - 1]!) : null };
}
