/**
 * The contract of every job queue.
 * In: a way to open a queue on an empty store, and again on the same one. Out: tests; each engine's test file
 * runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OxbowError } from '../lib/errors.ts';
import type { Job, JobQueue, JobState } from './job.ts';

/** How the suite has a queue opened. */
export interface QueueSetup {
  readonly parallel?: number;
  readonly maxQueued?: number;
}

/** A store on which queues are opened, one after the other. */
export interface JobStore extends AsyncDisposable {
  /** Moves the clock, ms. */
  advance(ms: number): void;
  nowMs(): number;
  open(setup?: QueueSetup): Promise<JobQueue>;
  /** Ends a queue as a crash would: nothing that it does afterwards reaches the store. */
  crash(queue: JobQueue): Promise<void>;
  /** Reported ends, as `id state`. */
  readonly ended: readonly string[];
}

/** The job once it is in one of the states. */
async function waitFor(queue: JobQueue, id: string, ...states: readonly JobState[]): Promise<Job> {
  for (;;) {
    const job = await queue.find(id);
    assert.ok(job, `job ${id} is known`);
    if (states.includes(job.state)) return job;
    await new Promise(setImmediate);
  }
}

/** Resolves when the signal fires. */
const fired = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Every engine of the queue runs this suite. */
export function jobsContract(name: string, openStore: () => Promise<JobStore>): void {
  suite(`jobs on ${name}`, () => {
    test('a job goes from queued over running to done, with its input, progress and result', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      const job = await queue.add('add', { a: 2, b: 3 });
      assert.deepEqual(
        [job.kind, job.state, job.progress, job.result, job.error, job.startedMs, job.tries],
        ['add', 'queued', 0, null, null, null, 0],
      );
      const { promise: halfWay, resolve: goOn } = Promise.withResolvers<void>();
      await queue.work('add', async ({ input }, { progress }) => {
        progress(0.5);
        await halfWay;
        const { a, b } = input as { a: number; b: number };
        return { sum: a + b };
      });
      const running = await waitFor(queue, job.id, 'running');
      while ((await queue.find(job.id))?.progress !== 0.5) await new Promise(setImmediate);
      assert.equal(running.tries, 1);
      assert.deepEqual(await queue.counts(), [{ kind: 'add', state: 'running', count: 1 }]);
      goOn();
      const done = await waitFor(queue, job.id, 'done');
      assert.deepEqual([done.progress, done.result, done.error], [1, { sum: 5 }, null]);
      assert.ok(done.endedMs !== null && done.startedMs !== null && done.endedMs >= done.startedMs);
      while (store.ended.length === 0) await new Promise(setImmediate);
      assert.deepEqual(store.ended, [`${job.id} done`]);
    });

    test('jobs start in the order in which they were added, each once, up to the limit at the same time', async () => {
      await using store = await openStore();
      await using queue = await store.open({ parallel: 2 });
      const jobs: Job[] = [];
      for (let i = 0; i < 6; i++) jobs.push(await queue.add('count', i));
      const begun: unknown[] = [];
      let [now, most] = [0, 0];
      const two = Promise.withResolvers<void>();
      await queue.work('count', async ({ input }) => {
        begun.push(input);
        most = Math.max(most, ++now);
        if (most === 2) two.resolve();
        await two.promise; // the first waits for the second
        for (let i = 0; i < 5; i++) await new Promise(setImmediate);
        now--;
      });
      for (const { id } of jobs) await waitFor(queue, id, 'done');
      assert.deepEqual(begun, [0, 1, 2, 3, 4, 5]);
      assert.equal(most, 2);
      assert.deepEqual(
        (await queue.list(4)).map(({ input }) => input),
        [5, 4, 3, 2],
      );
      const [, , , third] = await queue.list(4);
      await queue.forget(third!.id);
      assert.deepEqual(
        (await queue.list(4, third!.number)).map(({ input }) => input),
        [1, 0],
        'it continues after a job that was deleted since',
      );
    });

    test('a job without a handler stays queued and does not block others', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      const strange = await queue.add('strange', null);
      const usual = await queue.add('usual', null);
      await queue.work('usual', async () => 'well');
      assert.equal((await waitFor(queue, usual.id, 'done')).result, 'well');
      assert.equal((await queue.find(strange.id))?.state, 'queued');
    });

    test('a full queue refuses jobs', async () => {
      await using store = await openStore();
      await using queue = await store.open({ maxQueued: 2 });
      await queue.add('wait', 1);
      await queue.add('wait', 2);
      await assert.rejects(queue.add('wait', 3), { name: 'OxbowError', code: 'queue-full' });
    });

    test('an error of the handler fails the job: OxbowErrors with code and message, others as internal', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      await queue.work('refuse', async () => {
        throw new OxbowError('no-media', 'nothing there');
      });
      await queue.work('break', async () => {
        throw new TypeError('undefined is not a function');
      });
      const refused = await waitFor(queue, (await queue.add('refuse', null)).id, 'failed');
      assert.deepEqual(refused.error, { code: 'no-media', detail: 'nothing there' });
      const broken = await waitFor(queue, (await queue.add('break', null)).id, 'failed');
      assert.equal(broken.error?.code, 'internal');
      assert.equal(broken.result, null);
    });

    test('a queued job that is cancelled is never started', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      const job = await queue.add('never', null);
      assert.equal((await queue.cancel(job.id)).state, 'cancelled');
      let begun = false;
      await queue.work('never', async () => {
        begun = true;
      });
      await queue.work('other', async () => undefined);
      await waitFor(queue, (await queue.add('other', null)).id, 'done');
      assert.equal(begun, false);
      while ((await queue.counts()).length > 0) await new Promise(setImmediate);
    });

    test('the signal of a running job fires, and it is cancelled when its handler has stopped', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      let stopped = false;
      await queue.work('long', async (_, { signal }) => {
        await fired(signal);
        stopped = true;
        throw signal.reason;
      });
      const job = await queue.add('long', null);
      await waitFor(queue, job.id, 'running');
      const cancelled = await queue.cancel(job.id);
      assert.deepEqual([cancelled.state, stopped], ['cancelled', true]);
      assert.equal((await queue.cancel(job.id)).state, 'cancelled', 'again changes nothing');
    });

    test('cancelling does not change a finished job; a job that does not exist is unknown', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      await queue.work('quick', async () => 1);
      const { id } = await queue.add('quick', null);
      await waitFor(queue, id, 'done');
      assert.equal((await queue.cancel(id)).state, 'done');
      await assert.rejects(queue.cancel('nothing'), { name: 'OxbowError', code: 'job-unknown' });
      assert.equal(await queue.find('nothing'), undefined);
    });

    test('jobs that run when the queue closes are started again by the next one', async () => {
      await using store = await openStore();
      const first = await store.open();
      await first.work('long', async (_, { signal }) => {
        await fired(signal);
        throw signal.reason;
      });
      const { id } = await first.add('long', 'x');
      await waitFor(first, id, 'running');
      await first[Symbol.asyncDispose]();
      await first[Symbol.asyncDispose]();
      await using second = await store.open();
      assert.equal((await second.find(id))?.state, 'queued');
      await second.work('long', async ({ input }) => input);
      assert.equal((await waitFor(second, id, 'done')).result, 'x');
    });

    test('jobs that ran during a crash are started again, but fail after three crashes', async () => {
      await using store = await openStore();
      let id = '';
      for (let life = 1; life <= 3; life++) {
        const queue = await store.open();
        if (life === 1) ({ id } = await queue.add('killer', null));
        await queue.work('killer', (_, { signal }) => fired(signal));
        assert.equal((await waitFor(queue, id, 'running')).tries, life);
        await store.crash(queue);
      }
      await using last = await store.open();
      const job = await last.find(id);
      assert.equal(job?.state, 'failed');
      assert.equal(job.error?.code, 'internal');
    });

    test('jobs are deleted a while after their end, and not before', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      await queue.work('quick', async () => 1);
      const { id } = await queue.add('quick', null);
      await waitFor(queue, id, 'done');
      const waiting = await queue.add('later', null);
      assert.deepEqual(await queue.forgetEndedBefore('quick', store.nowMs() - 1000), []);
      store.advance(5000);
      assert.deepEqual(await queue.forgetEndedBefore('later', store.nowMs()), [], 'each kind has its own time');
      assert.deepEqual(
        (await queue.forgetEndedBefore('quick', store.nowMs() - 1000)).map((job) => job.id),
        [id],
      );
      assert.equal(await queue.find(id), undefined);
      await queue.forget(waiting.id);
      assert.equal((await queue.find(waiting.id))?.state, 'queued', 'what has not ended is not forgotten');
    });

    test('jobs of workers start by priority, then in order, and each start has a higher token', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      for (const [input, priority] of [
        ['a', 0],
        ['b', 5],
        ['c', 5],
        ['d', -1],
      ] as const) {
        await queue.add('encode', input, { priority, subject: `s-${input}` });
      }
      await queue.add('other', 'x', { priority: 9 });
      const claimed: unknown[] = [];
      for (
        let job = await queue.leases.claim('w1', ['encode']);
        job;
        job = await queue.leases.claim('w1', ['encode'])
      ) {
        claimed.push([job.input, job.token, job.tries, job.worker, job.state]);
      }
      assert.deepEqual(
        claimed,
        ['b', 'c', 'a', 'd'].map((input) => [input, 1, 1, 'w1', 'running']),
      );
      const running = await queue.list(10, undefined, { kind: 'encode', state: 'running', subject: 's-c' });
      assert.deepEqual(
        running.map(({ input }) => input),
        ['c'],
      );
      assert.equal(await queue.leases.claim('w1', []), undefined);
    });

    test('waiting jobs are listed by priority, then in order: not those that run, have ended, or wait for their pause', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      for (const [input, priority] of [
        ['a', 0],
        ['b', 5],
        ['c', -1],
        ['d', 0],
      ] as const) {
        await queue.add(`kind-${input}`, input, { priority });
      }
      const inputs = async (limit: number) => (await queue.waiting(limit)).map(({ input }) => input);
      assert.deepEqual(await inputs(10), ['b', 'a', 'd', 'c']);
      assert.deepEqual(await inputs(2), ['b', 'a']);
      const job = (await queue.leases.claim('w1', ['kind-a']))!;
      assert.deepEqual(await inputs(10), ['b', 'd', 'c']);
      await queue.leases.fail(job, { code: 'internal', detail: '' }, { retry: true });
      assert.deepEqual(await inputs(10), ['b', 'd', 'c']);
      store.advance(1000);
      assert.deepEqual(await inputs(10), ['b', 'a', 'd', 'c']);
    });

    test('a lease without a heartbeat is taken back; the old token can change nothing any more', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      const { id } = await queue.add('encode', null);
      const first = (await queue.leases.claim('w1', ['encode']))!;
      store.advance(6000);
      const report = { id, token: first.token, progress: 0.4, parts: { '480': 0.4 } };
      assert.deepEqual(await queue.leases.renew('w1', [report]), ['held']);
      assert.deepEqual(await queue.leases.renew('w2', [report]), ['lost'], 'it is the lease of another worker');
      store.advance(6000);
      await queue.expireLeases();
      assert.deepEqual([(await queue.find(id))?.progress, (await queue.find(id))?.parts], [0.4, { '480': 0.4 }]);
      store.advance(6000);
      await queue.expireLeases();
      const waiting = (await queue.find(id))!;
      assert.deepEqual([waiting.state, waiting.failures.map(({ code }) => code)], ['queued', ['worker-lost']]);
      const second = (await queue.leases.claim('w2', ['encode']))!;
      assert.equal(second.token, 2);
      const lost = { name: 'OxbowError', code: 'lease-lost' };
      await assert.rejects(queue.leases.complete(first, 'old'), lost);
      await assert.rejects(queue.leases.fail(first, { code: 'internal', detail: '' }, { retry: true }), lost);
      await assert.rejects(queue.leases.leased(first), lost);
      let isWritten = false;
      const write = async () => {
        isWritten = true;
      };
      await assert.rejects(queue.leases.whileLeased(first, write), lost);
      await queue.leases.release(first);
      assert.equal(isWritten, false);
      assert.deepEqual(await queue.leases.renew('w1', [report]), ['lost']);
      assert.equal((await queue.leases.leased(second)).token, 2);
      await queue.leases.whileLeased(second, write);
      assert.equal((await queue.leases.complete(second, 'new')).result, 'new');
      await assert.rejects(queue.leases.whileLeased(second, write), lost, 'it has ended');
    });

    test('the same result again gets the same answer, and changes nothing', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      await queue.add('encode', null);
      const job = (await queue.leases.claim('w1', ['encode']))!;
      const done = await queue.leases.complete(job, { size: 1 });
      store.advance(1000);
      assert.deepEqual(await queue.leases.complete(job, { size: 2 }), done);
      assert.deepEqual(store.ended, [`${job.id} done`]);
    });

    test('rows that are written with a result are stored with it or not at all', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      await queue.add('encode', null);
      const job = (await queue.leases.claim('w1', ['encode']))!;
      const refuse = async () => {
        throw new OxbowError('bad-request', 'no such rendition');
      };
      await assert.rejects(queue.leases.complete(job, 1, refuse), { code: 'bad-request' });
      assert.equal((await queue.find(job.id))?.state, 'running');
      const add = queue.leases.complete(job, 1, async (transaction, { id }) => {
        await transaction.deleteFrom('worker').where('id', '=', id).execute();
      });
      assert.equal((await add).state, 'done');
    });

    test('a failed try is repeated after a pause that doubles; after the last one the job has failed, with all errors', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      const { id } = await queue.add('encode', null);
      const error = (detail: string) => ({ code: 'engine-failed', detail });
      for (const [tried, pauseMs] of [1000, 2000].entries()) {
        const job = (await queue.leases.claim('w1', ['encode']))!;
        const failed = await queue.leases.fail(job, error(`try ${tried + 1}`), { retry: true });
        assert.deepEqual(await queue.leases.fail(job, error('again'), { retry: true }), failed, 'reported twice');
        assert.equal(await queue.leases.claim('w1', ['encode']), undefined);
        store.advance(pauseMs);
      }
      const last = (await queue.leases.claim('w1', ['encode']))!;
      assert.equal((await queue.leases.fail(last, error('try 3'), { retry: true })).state, 'failed');
      const dead = (await queue.find(id))!;
      assert.deepEqual(dead.error, error('try 3'));
      assert.deepEqual(
        dead.failures.map(({ try: number, detail, worker }) => [number, detail, worker]),
        [1, 2, 3].map((number) => [number, `try ${number}`, 'w1']),
      );
      await queue.retry(id);
      const again = (await queue.leases.claim('w1', ['encode']))!;
      assert.deepEqual([again.tries, again.token, again.error, again.failures.length], [1, 4, null, 3]);
      const final = await queue.leases.fail(again, error('bad input'), { retry: false });
      assert.equal(final.state, 'failed', 'no further try');
      await queue.retry(id);
      await queue.leases.complete((await queue.leases.claim('w1', ['encode']))!, 'well');
      assert.equal((await queue.retry(id)).state, 'done', 'what is done is not repeated');
    });

    test('a job that a worker gives back waits again, and the try does not count', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      await queue.add('encode', null);
      const job = (await queue.leases.claim('w1', ['encode']))!;
      await queue.leases.release(job);
      const next = (await queue.leases.claim('w2', ['encode']))!;
      assert.deepEqual([next.tries, next.token, next.failures], [1, 2, []]);
    });

    test('a job that is given back with a pause waits this long', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      await queue.add('encode', null);
      await queue.leases.release((await queue.leases.claim('w1', ['encode']))!, { pauseMs: 5000 });
      store.advance(4999);
      assert.equal(await queue.leases.claim('w1', ['encode']), undefined);
      store.advance(1);
      assert.equal((await queue.leases.claim('w1', ['encode']))?.tries, 1);
    });

    test('a job whose guard refuses it does not exist', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      const guard = () => Promise.reject(new Error('another node has it'));
      await assert.rejects(queue.add('encode', null, { guard }), /another node has it/);
      await queue.add('encode', null, { guard: async () => {} });
      assert.equal((await queue.list(10)).length, 1);
    });

    test('a job of a worker that is cancelled is so at once, and its worker is notified', async () => {
      await using store = await openStore();
      await using queue = await store.open();
      await queue.add('encode', null);
      const { id, token } = (await queue.leases.claim('w1', ['encode']))!;
      assert.equal((await queue.cancel(id)).state, 'cancelled');
      assert.deepEqual(await queue.leases.renew('w1', [{ id, token, progress: 0.5, parts: {} }]), ['cancelled']);
      await assert.rejects(queue.leases.complete({ id, token }, 1), { code: 'lease-lost' });
    });

    test('workers keep their leases when the server is killed, and have the whole time to come back', async () => {
      await using store = await openStore();
      const first = await store.open();
      await first.add('encode', null);
      const job = (await first.leases.claim('w1', ['encode']))!;
      await store.crash(first);
      store.advance(60_000);
      await using second = await store.open();
      store.advance(9000);
      await second.expireLeases();
      assert.deepEqual(await second.leases.renew('w1', [{ ...job, progress: 0.1 }]), ['held']);
      assert.equal((await second.leases.complete(job, 1)).state, 'done');
    });
  });
}
