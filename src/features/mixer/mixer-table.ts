/**
 * The rows of mixers.
 * In: mixers of streams. Out: rows of the store.
 */
import type { Kysely } from 'kysely';
import type { MixerConfig } from '../../api/mixer/mixer-shapes.ts';
import type { Tables } from '../../store/schema.ts';

/** What a stream that is a mixer is set to. */
export interface StoredMixer {
  readonly streamId: string;
  readonly config: Required<MixerConfig>;
  /** Name of the input of the last cut. */
  readonly chosen: string;
}

/** All mixers. @param streams only those of these */
export async function readMixers(db: Kysely<Tables>, streams?: readonly string[]): Promise<StoredMixer[]> {
  const query = db.selectFrom('mixer').selectAll().orderBy('stream_id');
  const rows = await (streams ? query.where('stream_id', 'in', streams) : query).execute();
  return rows.map(({ stream_id, config, chosen }) => ({ streamId: stream_id, config: JSON.parse(config), chosen }));
}

export async function writeMixer(db: Kysely<Tables>, { streamId, config, chosen }: StoredMixer): Promise<void> {
  const values = { config: JSON.stringify(config), chosen };
  await db
    .insertInto('mixer')
    .values({ stream_id: streamId, config: values.config, chosen })
    .onConflict((conflict) => conflict.column('stream_id').doUpdateSet(values))
    .execute();
}

export async function deleteMixer(db: Kysely<Tables>, streamId: string): Promise<void> {
  await db.deleteFrom('mixer').where('stream_id', '=', streamId).execute();
}

/** A stream that another node may have, as it is stored. */
export interface InputElsewhere {
  readonly id: string;
  readonly title: string;
  readonly visibility: string;
}

/** Some streams by name, without those that were removed. */
export async function readInputs(
  db: Kysely<Tables>,
  names: readonly string[],
): Promise<ReadonlyMap<string, InputElsewhere>> {
  if (names.length === 0) return new Map();
  const rows = await db
    .selectFrom('stream')
    .select(['id', 'name', 'title', 'visibility'])
    .where('name', 'in', names)
    .where('deleted_us', 'is', null)
    .execute();
  return new Map(rows.map(({ name, ...row }) => [name, row]));
}

/** Notes the last cut of a mixer; does nothing if the stream is no mixer any more. */
export async function writeChosen(db: Kysely<Tables>, streamId: string, chosen: string): Promise<void> {
  await db.updateTable('mixer').set({ chosen }).where('stream_id', '=', streamId).execute();
}

/** Those of some streams that were removed. */
export async function removedStreams(db: Kysely<Tables>, ids: readonly string[]): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('stream')
    .select('id')
    .where('id', 'in', ids)
    .where('deleted_us', 'is', null)
    .execute();
  const present = new Set(rows.map(({ id }) => id));
  return ids.filter((id) => !present.has(id));
}
