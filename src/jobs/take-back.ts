/**
 * Takes back the jobs that a process ran before its start: in a cluster only those of its node.
 * In: rows of jobs. Out: jobs that wait again, or have failed; leases of workers that may come back.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../store/schema.ts';
import type { JobError } from './job.ts';
import { failuresWith, type TableLeasesOptions } from './table-leases.ts';
import { workerIdsOf } from './worker-table.ts';

/** Takes back the jobs of the process, and gives its workers their whole time to live to come back. */
export async function takeBack({
  db,
  clock,
  leaseMs,
  node,
}: Pick<TableLeasesOptions, 'db' | 'clock' | 'leaseMs' | 'node'>): Promise<void> {
  const nowUs = Math.round(clock.nowMs() * 1000);
  await takeBackOwn(db, nowUs, node);
  const held = db
    .updateTable('job')
    .set({ lease_until_us: nowUs + leaseMs * 1000 })
    .where('state', '=', 'running');
  const { from, to } = workerIdsOf(node ?? '');
  await (node
    ? held.where('lease_worker', '>=', from).where('lease_worker', '<', to)
    : held.where('lease_worker', 'is not', null)
  ).execute();
}

async function takeBackOwn(db: Kysely<Tables>, nowUs: number, node: string | undefined): Promise<void> {
  // Without an owner in a cluster: from before this server became a node.
  const lost = await db
    .selectFrom('job')
    .selectAll()
    .where('state', '=', 'running')
    .where((eb) => eb.or([eb('lease_worker', 'is', null), ...(node ? [eb('lease_worker', '=', `node/${node}`)] : [])]))
    .execute();
  for (const row of lost) {
    const error: JobError = { code: 'internal', detail: `oxbow ended ${row.tries} times during this job` };
    const change =
      row.tries < row.max_tries
        ? { state: 'queued', progress: 0, parts: '{}' }
        : { state: 'failed', error: JSON.stringify(error), ended_us: nowUs };
    const failures = failuresWith(row, error, nowUs);
    await db
      .updateTable('job')
      .set({ ...change, failures, lease_until_us: 0 })
      .where('id', '=', row.id)
      .where('lease_token', '=', row.lease_token)
      .where('state', '=', 'running')
      .execute();
  }
}
