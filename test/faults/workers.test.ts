import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { startWorkerServer, type WorkerServer } from '../../src/http/workers.fixture.ts';
import { OwnWorker } from '../../src/jobs/own-worker.ts';
import { createSystemClock } from '../../src/lib/clock.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';
import { startWorker } from './start-worker.fixture.ts';

const entry = join(import.meta.dirname, 'worker.fixture.ts');
/** Short, so that the tests are. */
const leaseMs = 2000;
/** How long the first try of a job that is taken over lasts, ms. */
const ONCE_MS = 3000;

const stored = async ({ media }: WorkerServer) => {
  const found: string[] = [];
  for await (const location of media.list('assets/' as never)) found.push(location);
  return found.filter((location) => !location.endsWith('original'));
};

suite('workers that fail', { concurrency: true }, () => {
  for (const [signal, mode] of firstOf(1, [
    ['SIGKILL', 'push'],
    ['SIGSTOP', 'pull'],
  ] as const)) {
    test(`a job of a ${mode} worker that gets ${signal} is taken over; what the first one still sends is refused and deleted`, async () => {
      await using system = await startWorkerServer({ leaseMs });
      await using first = await startWorker(system, 'first', mode);
      // The first worker gets its signal in the middle of it, also on a busy machine.
      const { id } = await system.jobs.add('test', { act: 'work', onceMs: ONCE_MS });
      const job = () => system.jobs.get(id);
      await until('the first worker has begun', async () => (await job()).progress > 0);
      const begunMs = performance.now();
      first.kill(signal);
      await using second = await startWorker(system, 'second', mode);
      await until('the job is done', async () => (await job()).state === 'done');
      const done = await job();
      assert.deepEqual([done.worker, done.result, done.tries], [second.id, { value: { token: 2 } }, 2]);
      assert.deepEqual(
        done.failures.map(({ code, worker }) => [code, worker]),
        [['worker-lost', first.id]],
      );
      await until('its time is over', () => performance.now() - begunMs > ONCE_MS);
      first.kill('SIGCONT');
      const headers = { authorization: `Bearer ${system.token}`, 'oxbow-lease': '1' };
      const late = await fetch(`${system.server.url}/api/v1/jobs/${id}/outputs/v0~2.mp4`, {
        method: 'PUT',
        body: 'late',
        headers: { ...headers, 'content-type': 'application/octet-stream' },
      });
      assert.deepEqual([late.status, ((await late.json()) as { code: string }).code], [409, 'lease-lost']);
      // The next job is run by one of them: by then the first one has sent what it had.
      const next = await system.jobs.add('test', { act: 'work' });
      await system.until(next.id, 'done');
      assert.deepEqual((await job()).result, { value: { token: 2 } });
      assert.deepEqual(system.accepted, ['v0/1.mp4 2 4', 'v0/1.mp4 1 4']);
      assert.deepEqual(await stored(system), [`assets/a1/${next.id}-v0-1.mp4-1`, `assets/a1/${id}-v0-1.mp4-2`].sort());
      assert.deepEqual(system.failures, []);
    });
  }

  test('an output that was on its way when the lease ended is deleted', async () => {
    await using system = await startWorkerServer({ leaseMs });
    const { id } = await system.jobs.add('test', {});
    const [job] = [await system.jobs.queue.leases.claim('w1', ['test'])];
    const body = (async function* () {
      yield Buffer.from('first half');
      await system.jobs.queue.cancel(id);
      yield Buffer.from('second half');
    })();
    const sent = system.jobMedia.output({ id, token: job!.token }, 'v0/1.mp4', body, {
      signal: new AbortController().signal,
    });
    await assert.rejects(sent, { code: 'lease-lost' });
    assert.deepEqual(await stored(system), []);
  });

  test('a job that kills every worker ends as a dead letter, and the others continue', async () => {
    await using system = await startWorkerServer({ leaseMs });
    const crashes: string[] = [];
    const { url } = system.server;
    await using own = new OwnWorker({
      entry,
      url,
      token: system.server.deps.access.ownWorker.secret,
      slots: 1,
      encoders: { sessions: 0, liveSessions: 0, waitMs: 0 },
      unchecked: false,
      children: { network: 'auto', prlimit: '', setpriv: '', unshare: '' },
      when: 'auto',
      idleMs: 60_000,
      clock: createSystemClock(),
      isNeeded: system.isBusy,
      log: () => {},
      crashed(reason) {
        crashes.push(reason);
        void system.workers.ownEnded(reason);
      },
    });
    system.queued.subscribe(() => own.need());
    const poison = await system.jobs.add('test', { act: 'die' }, { priority: 1 });
    const good = await system.jobs.add('test', { act: 'work' });
    await system.until(poison.id, 'failed');
    await system.until(good.id, 'done');
    const dead = await system.jobs.get(poison.id);
    assert.deepEqual(
      dead.failures.map(({ try: number, code }) => [number, code]),
      [1, 2, 3].map((number) => [number, 'worker-lost']),
    );
    assert.deepEqual(crashes, Array(3).fill('killed by SIGKILL'));
    const { items } = await system.jobs.list({ state: 'failed' });
    assert.deepEqual(
      items.map(({ id }) => id),
      [poison.id],
    );
    assert.deepEqual([(await system.jobs.get(good.id)).failures, system.failures], [[], []]);
  });

  fullTest('a handler that hangs is taken back after the limit of its kind, and its worker ends', async () => {
    await using system = await startWorkerServer({ leaseMs, limits: { runMs: 1000 } });
    await using first = await startWorker(system, 'first');
    const hanging = await system.jobs.add('test', { act: 'hang' }, { maxTries: 1 });
    await system.until(hanging.id, 'failed');
    assert.equal((await system.jobs.get(hanging.id)).error?.code, 'job-timeout');
    assert.equal(await first.ended(), 1, 'what supervises it starts it again');
  });

  fullTest('a worker survives a restart of the server, and its job too', async () => {
    // Long enough for the restart of a server on a busy machine; it is renewed in the time of the job.
    await using system = await startWorkerServer({ leaseMs: 8 * leaseMs });
    await using worker = await startWorker(system, 'first');
    const { id } = await system.jobs.add('test', { act: 'work', forMs: 6000 });
    await until('the worker has begun', async () => (await system.jobs.get(id)).progress > 0);
    await using again = await system.restart();
    await again.until(id, 'done');
    const done = await again.jobs.get(id);
    assert.deepEqual([done.tries, done.worker, done.failures], [1, worker.id, []]);
    assert.deepEqual(again.accepted, ['v0/1.mp4 1 4']);
  });
});
