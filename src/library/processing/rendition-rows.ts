/**
 * The rows of an asset's renditions: planned, running, done, failed.
 * In: plans and states of jobs. Out: rows of `asset_rendition`.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../../store/schema.ts';
import type { AssetFailure } from '../asset.ts';

type RenditionState = 'queued' | 'running' | 'done' | 'failed';

/** A rendition with its state. */
interface RenditionRow {
  readonly id: string;
  readonly state: RenditionState;
}

/** Reads and writes them. */
export class RenditionRows {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Those of an asset. */
  async list(assetId: string): Promise<readonly RenditionRow[]> {
    const rows = await this.#db
      .selectFrom('asset_rendition')
      .select(['id', 'state'])
      .where('asset_id', '=', assetId)
      .execute();
    return rows as RenditionRow[];
  }

  /** Adds a rendition that is to be made, unless it exists. */
  async plan(assetId: string, id: string, plan: unknown): Promise<void> {
    const row = { asset_id: assetId, id, state: 'queued', progress: 0, failure: null, init: null };
    await this.#db
      .insertInto('asset_rendition')
      .values({ ...row, plan: JSON.stringify(plan) })
      .onConflict((conflict) => conflict.columns(['asset_id', 'id']).doUpdateSet({ plan: JSON.stringify(plan) }))
      .execute();
  }

  /**
   * Sets the state of a rendition.
   *
   * @returns whether it changed
   */
  async set(
    assetId: string,
    id: string,
    state: RenditionState,
    { progress, failure }: { readonly progress: number; readonly failure?: AssetFailure | null | undefined },
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('asset_rendition')
      .set({ state, progress, failure: failure ? JSON.stringify(failure) : null })
      .where('asset_id', '=', assetId)
      .where('id', '=', id)
      .where((eb) => eb.or([eb('state', '!=', state), eb('progress', '!=', progress)]))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Fails the renditions that are still to be made, since nothing makes them any more. */
  async fail(assetId: string, failure: AssetFailure): Promise<void> {
    await this.#db
      .updateTable('asset_rendition')
      .set({ state: 'failed', failure: JSON.stringify(failure) })
      .where('asset_id', '=', assetId)
      .where('state', 'in', ['queued', 'running'])
      .execute();
  }

  /** Deletes a rendition with the rows of its chunk files; returns their locations. */
  async remove(assetId: string, id: string): Promise<readonly string[]> {
    return this.#db.transaction().execute(async (db) => {
      const chunks = await db
        .deleteFrom('asset_chunk')
        .where('asset_id', '=', assetId)
        .where('rendition', '=', id)
        .returning('path')
        .execute();
      await db.deleteFrom('asset_rendition').where('asset_id', '=', assetId).where('id', '=', id).execute();
      return chunks.map(({ path }) => path);
    });
  }

  /** Assets that are not finished: in processing, or with a rendition that is still to be made. */
  async unfinished(): Promise<readonly string[]> {
    const assets = await this.#db.selectFrom('asset').select('id').where('state', '=', 'processing').execute();
    const renditions = await this.#db
      .selectFrom('asset_rendition')
      .select('asset_id as id')
      .where('state', 'in', ['queued', 'running'])
      .distinct()
      .execute();
    return [...new Set([...assets, ...renditions].map(({ id }) => id))];
  }
}
