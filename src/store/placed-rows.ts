/**
 * Conditions on rows by the owner of their subject. docs/decisions/0055.
 * In: a column with the key of a thing, a node. Out: expressions for queries.
 */
import { type RawBuilder, sql } from 'kysely';

/**
 * The thing with the key in a column is of no other node.
 *
 * @param of kind of the thing, and the column
 * @param node name of this node; undefined or empty: without a cluster nothing is
 */
export function notElsewhere(
  of: { readonly kind: 'stream' | 'room' | 'asset' | 'upload'; readonly column: string },
  node: string | undefined,
): RawBuilder<boolean> {
  if (!node) return sql<boolean>`1 = 1`;
  return sql<boolean>`not exists (select 1 from placement where placement.kind = ${of.kind}
    and placement.key = ${sql.ref(of.column)} and placement.node <> ${node})`;
}
