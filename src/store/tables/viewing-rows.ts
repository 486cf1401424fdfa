/**
 * Deletes what was stored about the viewing of a stream or an asset that is deleted for good.
 * In: its id. Out: nothing is left in the tables of insight, and the sealer takes it out of sealed hours;
 * rows that other nodes write meanwhile are deleted by their sweep.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../schema.ts';

/** Deletes the rows. @param content.id of the stream or asset */
export async function eraseViewing(
  db: Kysely<Tables>,
  content: { readonly kind: 'stream' | 'asset'; readonly id: string },
): Promise<void> {
  const row = await db
    .selectFrom('viewing_content')
    .select('seq')
    .where('kind', '=', content.kind)
    .where('content_id', '=', content.id)
    .executeTakeFirst();
  if (!row) return;
  // Before the rows: after a crash in between, both are done again.
  const erased = { kind: content.kind, content_id: content.id };
  await db
    .insertInto('viewing_erased')
    .values(erased)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  for (const table of ['viewing_minute', 'viewing_hour', 'viewing_startup', 'viewing_sum'] as const) {
    await db.deleteFrom(table).where('content', '=', row.seq).execute();
  }
  await db.deleteFrom('viewing_content').where('seq', '=', row.seq).execute();
}
