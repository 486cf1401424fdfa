/**
 * Registered workers as rows of the metadata store, so that they stay registered when the server restarts.
 * In: registrations. Out: WorkerRow.
 */
import type { Kysely } from 'kysely';
import type { NewWorker } from '../api/workers/worker-shapes.ts';
import type { Tables } from '../store/schema.ts';

/** A registered worker. */
export interface WorkerRow extends Required<NewWorker> {
  readonly id: string;
  /** The process that this server started. */
  readonly own: boolean;
  /** Ms since 1970. */
  readonly createdMs: number;
}

/** The table. */
export class WorkerTable {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** All rows. */
  async all(): Promise<readonly WorkerRow[]> {
    const rows = await this.#db.selectFrom('worker').selectAll().orderBy('id').execute();
    return rows.map(({ id, name, mode, slots, kinds, facts, own, created_us }) => ({
      ...{ id, name, slots, own: own === 1, createdMs: created_us / 1000 },
      mode: mode === 'pull' ? 'pull' : 'push',
      kinds: JSON.parse(kinds) as string[],
      facts: JSON.parse(facts) as Record<string, unknown>,
    }));
  }

  /** Adds a worker. */
  async add({ id, name, mode, slots, kinds, facts, own, createdMs }: WorkerRow): Promise<void> {
    const createdUs = Math.round(createdMs * 1000);
    await this.#db
      .insertInto('worker')
      .values({
        ...{ id, name, mode, slots, own: own ? 1 : 0, created_us: createdUs },
        kinds: JSON.stringify(kinds),
        facts: JSON.stringify(facts),
      })
      .execute();
  }

  /** Deletes a worker, if it exists. */
  async remove(id: string): Promise<void> {
    await this.#db.deleteFrom('worker').where('id', '=', id).execute();
  }
}
