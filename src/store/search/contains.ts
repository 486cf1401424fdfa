/**
 * Text within a column, the same in SQLite and PostgreSQL.
 * In: a column, a text of a user. Out: a condition for Kysely.
 */
import { type RawBuilder, sql } from 'kysely';

/** Whether a column contains a text, taken literally. No index helps: use it beside other conditions or with a limit. */
export function contains(column: string, text: string): RawBuilder<boolean> {
  const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
  return sql<boolean>`${sql.ref(column)} LIKE ${pattern} ESCAPE '\\'`;
}
