/**
 * Registered workers as rows of the metadata store, so that they stay registered when the server restarts.
 * In: registrations. Out: WorkerRow.
 */
import { randomBytes } from 'node:crypto';
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

/** A new id of a worker. In a cluster it names the node that the worker is registered at: `w-NODE.RANDOM`. */
export function newWorkerId(node: string): string {
  return `w-${node === '' ? '' : `${node}.`}${randomBytes(9).toString('base64url')}`;
}

/**
 * The node that a worker is registered at; empty without a cluster. For requests of workers that arrive at
 * another node.
 */
export function nodeOfWorker(id: string): string {
  return /^w-([a-z0-9][a-z0-9_-]*)\./.exec(id)?.[1] ?? '';
}

/** The ids of the workers of a node: from `from`, before `to`. */
export function workerIdsOf(node: string): { readonly from: string; readonly to: string } {
  return { from: `w-${node}.`, to: `w-${node}/` }; // the character after the dot
}

export class WorkerTable {
  readonly #db: Kysely<Tables>;
  readonly #node: string;

  /** @param node name of this node; empty without a cluster */
  constructor(db: Kysely<Tables>, node = '') {
    this.#db = db;
    this.#node = node;
  }

  /** All rows, in a cluster those of this node. */
  async all(): Promise<readonly WorkerRow[]> {
    const { from, to } = workerIdsOf(this.#node);
    const query = this.#db.selectFrom('worker').selectAll().orderBy('id');
    const rows = await (this.#node === '' ? query : query.where('id', '>=', from).where('id', '<', to)).execute();
    return rows.map(({ id, name, mode, slots, kinds, facts, own, created_us }) => ({
      id,
      name,
      slots,
      own: own === 1,
      createdMs: created_us / 1000,
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
        id,
        name,
        mode,
        slots,
        own: own ? 1 : 0,
        created_us: createdUs,
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
