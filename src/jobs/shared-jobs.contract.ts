/**
 * What the nodes of a cluster promise about jobs, on every database: each job is run once, by a node that
 * may, also if another one dies.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Kysely } from 'kysely';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import type { Tables } from '../store/schema.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import type { Job } from './job.ts';
import { openTableQueue } from './table-queue.ts';
import { newWorkerId, nodeOfWorker } from './worker-table.ts';

/** The queue of a node, and what has ended there. */
async function openNode(node: string, db: Kysely<Tables>, clock: ManualClock, parallel = 1) {
  const ended: string[] = [];
  const queue = await openTableQueue({
    db,
    clock,
    node,
    parallel,
    maxQueued: 1000,
    leaseMs: 100,
    placeOf: (kind) => (kind === 'export' ? 'stream' : undefined),
    ended: ({ id, state }) => ended.push(`${id} ${state}`),
    failed: (error) => assert.fail(String(error)),
  });
  return { queue, ended };
}

/** Resolves when a job is in a state. @param step called meanwhile, as nodes do every second */
async function until(
  queue: { find(id: string): Promise<Job | undefined> },
  id: string,
  state: Job['state'],
  step: () => Promise<unknown> = async () => undefined,
): Promise<Job> {
  for (;;) {
    const job = await queue.find(id);
    if (job?.state === state) return job;
    await step();
    await new Promise(setImmediate);
  }
}

const forever = (_: Job, { signal }: { readonly signal: AbortSignal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** Every database runs this suite. */
export function sharedJobsContract(name: string, open: OpenDatabase): void {
  suite(`jobs of several nodes on ${name}`, () => {
    test('each job is run once, by any node', async () => {
      await using database = await open();
      const clock = createManualClock();
      const runs: number[] = [];
      const nodes = await Promise.all(['a', 'b', 'c'].map((node) => openNode(node, database.db, clock, 2)));
      const [{ queue }] = nodes as [(typeof nodes)[0]];
      for (const node of nodes) await node.queue.work('count', async ({ input }) => void runs.push(input as number));
      const jobs = await Promise.all(Array.from({ length: 30 }, (_, i) => queue.add('count', i)));
      const tick = () => Promise.all(nodes.map((node) => node.queue.expireLeases()));
      for (const { id } of jobs) await until(queue, id, 'done', tick);
      assert.deepEqual(
        runs.toSorted((x, y) => x - y),
        Array.from({ length: 30 }, (_, i) => i),
      );
      for (const node of nodes) await node.queue[Symbol.asyncDispose]();
      assert.equal(nodes.flatMap(({ ended }) => ended).length, 30, 'each end is reported once');
    });

    test('a node that starts takes back what it ran itself, and nothing of the others', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await openNode('a', database.db, clock);
      const b = await openNode('b', database.db, clock);
      await a.queue.work('long', forever);
      const ofA = await a.queue.add('long', 1);
      await until(a.queue, ofA.id, 'running');
      await b.queue.work('long', forever);
      const ofB = await b.queue.add('long', 2);
      await until(b.queue, ofB.id, 'running');
      // As after a crash of `b`: its queue is not closed.
      const again = await openNode('b', database.db, clock);
      assert.equal((await again.queue.find(ofA.id))?.state, 'running');
      assert.equal((await again.queue.find(ofA.id))?.worker, 'node/a');
      assert.equal((await again.queue.find(ofB.id))?.state, 'queued');
      for (const { queue } of [a, again, b]) await queue[Symbol.asyncDispose]();
    });

    test('the jobs of a node that died are run by another one, and its late result counts no more', async () => {
      await using database = await open();
      const clock = createManualClock();
      const dead = await openNode('dead', database.db, clock);
      const { id } = await dead.queue.add('count', null);
      const lease = (await dead.queue.leases.claim('node/dead', ['count']))!;
      const b = await openNode('b', database.db, clock);
      await b.queue.work('count', async () => 'of b');
      await b.queue.expireLeases();
      assert.equal((await b.queue.find(id))?.state, 'running', 'its lease lasts');
      clock.advance(101);
      const job = await until(b.queue, id, 'done', () => b.queue.expireLeases());
      assert.deepEqual([job.result, job.worker, job.tries], ['of b', 'node/b', 2]);
      await assert.rejects(dead.queue.leases.complete(lease, 'of dead'), { code: 'lease-lost' });
      for (const { queue } of [dead, b]) await queue[Symbol.asyncDispose]();
    });

    test('a job that another node cancels ends, and is reported once', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await openNode('a', database.db, clock);
      const b = await openNode('b', database.db, clock);
      const stopped = Promise.withResolvers<void>();
      await a.queue.work('long', (job, context) => forever(job, context).finally(() => stopped.resolve()));
      const { id } = await a.queue.add('long', null);
      await until(a.queue, id, 'running');
      await b.queue.cancel(id);
      await stopped.promise;
      for (const { queue } of [a, b]) await queue[Symbol.asyncDispose]();
      assert.deepEqual([...a.ended, ...b.ended], [`${id} cancelled`]);
    });

    test('a job of a stream is run by the node that owns it, also after the stream has moved', async () => {
      await using database = await open();
      const clock = createManualClock();
      const nodes = { a: await openNode('a', database.db, clock), b: await openNode('b', database.db, clock) };
      const place = (node: string) =>
        database.db
          .insertInto('placement')
          .values({ kind: 'stream', key: 'cam', node, changed_us: 0 })
          .onConflict((conflict) => conflict.columns(['kind', 'key']).doUpdateSet({ node }))
          .execute();
      await place('b');
      for (const { queue } of Object.values(nodes)) await queue.work('export', async () => null);
      const tick = () => Promise.all(Object.values(nodes).map(({ queue }) => queue.expireLeases()));
      for (const node of ['b', 'a'] as const) {
        await place(node);
        const other = node === 'a' ? nodes.b : nodes.a;
        const { id } = await other.queue.add('export', null, { subject: 'cam' });
        assert.equal((await until(other.queue, id, 'done', tick)).worker, `node/${node}`);
      }
      const { id } = await nodes.a.queue.add('export', null, { subject: 'without an owner' });
      await until(nodes.a.queue, id, 'done', tick);
      for (const { queue } of Object.values(nodes)) await queue[Symbol.asyncDispose]();
    });

    test('workers are named by their node', () => {
      assert.equal(nodeOfWorker(newWorkerId('a_b-1')), 'a_b-1');
      assert.equal(nodeOfWorker(newWorkerId('')), '');
    });
  });
}
