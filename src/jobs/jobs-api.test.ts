import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JobView } from '../api/jobs/job-shapes.ts';
import { createManualClock } from '../lib/clock.ts';
import { openTemporaryStore } from '../store/store.fixture.ts';
import type { Job } from './job.ts';
import { JobEvents } from './job-events.ts';
import { type JobKind, JobKinds } from './job-kinds.ts';
import { Jobs } from './jobs-api.ts';
import { openTableQueue } from './table-queue.ts';

/**
 * Jobs of two kinds: `sum` adds two numbers, `wait` works until it is cancelled. Notes events, sweeps and
 * discards.
 */
async function openJobs() {
  const store = await openTemporaryStore();
  const clock = createManualClock();
  const events: string[] = [];
  const discarded: string[] = [];
  const failed = (error: unknown) => assert.fail(String(error));
  const publish = (type: string, data: object) => void events.push(`${type} ${JSON.stringify(data)}`);
  const kinds = new JobKinds();
  const jobEvents = new JobEvents({ kinds, clock, events: { publish }, failed });
  const queue = await openTableQueue({
    db: store.db,
    clock,
    parallel: 2,
    maxQueued: 10,
    failed,
    ended: (job) => jobEvents.ended(job),
  });
  const jobs = new Jobs({ queue, kinds, events: jobEvents, clock, failed });
  const sum: JobKind = {
    name: 'sum',
    keepMs: 60_000,
    async work({ input }, { progress }) {
      const { a, b } = input as { a: number; b: number };
      progress(0.1);
      clock.advance(1000);
      progress(0.5);
      return a + b;
    },
    resultOf: ({ result }) => ({ sum: result }),
    discard: async ({ id }) => void discarded.push(id),
  };
  const wait: JobKind = {
    name: 'wait',
    keepMs: 3_600_000,
    work: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    resultOf: () => null,
    sweep: async () => void discarded.push('swept'),
  };
  for (const kind of [sum, wait]) kinds.add(kind);
  return {
    jobs,
    clock,
    events,
    discarded,
    async until(id: string, state: Job['state']): Promise<JobView> {
      for (;;) {
        const job = await jobs.get(id);
        if (job.state === state && !(await queue.counts()).some((one) => one.state === 'running')) return job;
        if (job.state === state && state === 'running') return job;
        await new Promise(setImmediate);
      }
    },
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

suite('jobs of any kind', () => {
  test('each kind has its own handler, result and expiry', async () => {
    await using opened = await openJobs();
    const { jobs, until } = opened;
    await jobs.work();
    const { id } = await jobs.add('sum', { a: 2, b: 3 });
    const done = await until(id, 'done');
    assert.deepEqual([done.kind, done.result, done.input], ['sum', { sum: 5 }, { a: 2, b: 3 }]);
    assert.equal(Date.parse(done.expiresAt!) - Date.parse(done.endedAt!), 60_000);
    const waits = await jobs.add('wait', null);
    await until(waits.id, 'running');
    const cancelled = await jobs.cancel(waits.id);
    assert.deepEqual([cancelled.state, cancelled.result], ['cancelled', null]);
    assert.equal(Date.parse(cancelled.expiresAt!) - Date.parse(cancelled.endedAt!), 3_600_000);
  });

  test('created, progress, done and cancelled are published with the kind and its result', async () => {
    await using opened = await openJobs();
    const { jobs, events, until } = opened;
    const first = await jobs.add('wait', null);
    await jobs.cancel(first.id);
    await jobs.work();
    const { id } = await jobs.add('sum', { a: 1, b: 1 });
    await until(id, 'done');
    const of = (job: string, kind: string, state: string, progress: number) => ({
      id: job,
      kind,
      state,
      progress,
      parts: {},
      subject: null,
    });
    assert.deepEqual(events, [
      `job.created ${JSON.stringify(of(first.id, 'wait', 'queued', 0))}`,
      `job.cancelled ${JSON.stringify(of(first.id, 'wait', 'cancelled', 0))}`,
      `job.created ${JSON.stringify(of(id, 'sum', 'queued', 0))}`,
      `job.progress ${JSON.stringify(of(id, 'sum', 'running', 0.5))}`,
      `job.done ${JSON.stringify({ ...of(id, 'sum', 'done', 1), result: { sum: 2 } })}`,
    ]);
  });

  test('an expired job is deleted with what it produced; another kind keeps its jobs longer', async () => {
    await using opened = await openJobs();
    const { jobs, clock, discarded, until } = opened;
    await jobs.work();
    const sum = await jobs.add('sum', { a: 1, b: 1 });
    await until(sum.id, 'done');
    const wait = await jobs.add('wait', null);
    await jobs.cancel(wait.id);
    clock.advance(61_000);
    const ending = new AbortController();
    const expiring = jobs.expire({ signal: ending.signal });
    while (discarded.length < 2) await new Promise(setImmediate);
    ending.abort();
    await expiring;
    assert.deepEqual(discarded, ['swept', sum.id]);
    await assert.rejects(jobs.get(sum.id), { code: 'job-unknown' });
    assert.equal((await jobs.get(wait.id)).state, 'cancelled');
  });

  test('cancelling a finished job deletes it; a job of an unknown kind is listed and stays queued', async () => {
    await using opened = await openJobs();
    const { jobs, discarded, until } = opened;
    await jobs.work();
    const { id } = await jobs.add('sum', { a: 1, b: 1 });
    await until(id, 'done');
    assert.equal((await jobs.cancel(id)).state, 'done');
    assert.deepEqual(discarded, [id]);
    await assert.rejects(jobs.get(id), { code: 'job-unknown' });
    const strange = await jobs.add('strange', {});
    const { state, result, expiresAt } = await jobs.get(strange.id);
    assert.deepEqual([state, result, expiresAt], ['queued', null, null]);
  });

  test('jobs are listed in pages, newest first, each once, also when jobs are added or deleted meanwhile', async () => {
    await using opened = await openJobs();
    const { jobs } = opened;
    const add = async () => (await jobs.add('wait', null)).id;
    const [first, second, third] = [await add(), await add(), await add()];
    const idsOf = ({ items }: Awaited<ReturnType<typeof jobs.list>>) => items.map(({ id }) => id);
    assert.deepEqual(idsOf(await jobs.list()), [third, second, first]);
    const page = await jobs.list({ limit: 1 });
    assert.deepEqual(idsOf(page), [third]);
    await jobs.cancel(third);
    await jobs.cancel(second);
    await add();
    const rest = await jobs.list({ cursor: page.nextCursor! });
    assert.deepEqual([idsOf(rest), rest.nextCursor], [[second, first], null]);
    for (const cursor of ['', '0', 'x', '1'.repeat(16)]) {
      await assert.rejects(jobs.list({ cursor }), { code: 'bad-request' }, cursor);
    }
  });
});
