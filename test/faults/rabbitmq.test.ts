import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import { startWorkerServer } from '../../src/http/workers.fixture.ts';
import type { JobQueue } from '../../src/jobs/job.ts';
import { openTableQueue } from '../../src/jobs/table-queue.ts';
import type { JobSource, JobTransport } from '../../src/jobs/transport/job-transport.ts';
import { openRabbitLink } from '../../src/jobs/transport/rabbit/rabbit-link.ts';
import { deadQueue, printMessage, queueOf } from '../../src/jobs/transport/rabbit/rabbit-queues.ts';
import { openRabbitTransport } from '../../src/jobs/transport/rabbit/rabbit-transport.ts';
import { JobBoard, Slots, transportContract } from '../../src/jobs/transport/transport.contract.ts';
import { createSystemClock } from '../../src/lib/clock.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { Services } from '../../src/observe/services/services.ts';
import { openTemporaryStore } from '../../src/store/store.fixture.ts';
import { type RabbitServer, startRabbit } from '../fixtures/engines/rabbitmq.ts';
import { openTcpProxy, type TcpProxy } from '../fixtures/engines/tcp-proxy.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { startWorker } from './start-worker.fixture.ts';

const skip = need('rabbitmq-server');
const clock = createSystemClock();
const { signal } = new AbortController();
let rabbit: RabbitServer;
let prefixes = 0;
const newPrefix = () => `t${++prefixes}`;

// One server for the file: it takes seconds to start.
before(async () => {
  if (!skip) rabbit = await startRabbit();
});
after(() => rabbit?.[Symbol.asyncDispose]());

/** A transport, and whether it uses RabbitMQ now. */
interface Joined extends AsyncDisposable {
  readonly transport: JobTransport;
  readonly isLinked: () => boolean;
  readonly errors: unknown[];
  /** Messages by what became of them. */
  results(): Promise<Readonly<Record<string, number>>>;
}

/** @param answerMs how long RabbitMQ may take for an answer: long, as long as it is only slow */
async function join(prefix: string, url = rabbit.url(), sweepMs = 200, answerMs = 20_000): Promise<Joined> {
  const opened = new AsyncDisposableStack();
  const metrics = opened.use(createMetrics());
  const services = new Services({ metrics, log: { info() {}, error() {} } });
  const pauses = { minPauseMs: 100, maxPauseMs: 200 };
  const breaker = opened.use(
    await services.open({ service: 'rabbitmq', timeoutMs: 5000 + answerMs, failures: 3, ...pauses }),
  );
  const errors: unknown[] = [];
  let isLinked = false;
  const transport = openRabbitTransport({
    url,
    prefix,
    breaker,
    clock,
    metrics,
    sweepMs,
    answerMs,
    linked() {
      isLinked = true;
    },
    lost() {
      isLinked = false;
    },
    failed: (error) => errors.push(error),
  });
  opened.use(transport);
  return {
    transport,
    errors,
    isLinked: () => isLinked,
    async results() {
      const { values } = await metrics.jobOffers.get();
      return Object.fromEntries(values.map(({ labels, value }) => [labels.result, value]));
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

transportContract(
  'over RabbitMQ',
  async () => {
    const opened = new AsyncDisposableStack();
    const prefix = newPrefix();
    const errors: unknown[] = [];
    return {
      errors,
      async join(source: JobSource) {
        const joined = opened.use(await join(prefix));
        opened.defer(() => void errors.push(...joined.errors));
        joined.errors.push = (...items) => errors.push(...items);
        joined.transport.start(source);
        await until('it uses RabbitMQ', joined.isLinked);
        return joined.transport;
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
  { skip },
);

suite('jobs over RabbitMQ', { skip }, () => {
  test('a process that queues jobs has another one start them, by messages that are confirmed', async () => {
    const prefix = newPrefix();
    const board = new JobBoard();
    await using from = await join(prefix, undefined, 600_000);
    await using to = await join(prefix, undefined, 600_000);
    for (const { transport } of [from, to]) transport.start(board);
    await until('both use RabbitMQ', () => from.isLinked() && to.isLinked());
    const slots = new Slots(board, ['import'], 10);
    to.transport.consume(slots);
    for (let i = 0; i < 10; i++) from.transport.offer(board.add('import', i % 3));
    await until('all run', () => slots.running.length === 10);
    // A job may run before the message that offered it is confirmed.
    await until('all are confirmed', async () => (await from.results()).sent === 10);
    assert.deepEqual(await from.results(), { sent: 10 });
    assert.deepEqual(await to.results(), { taken: 10 });
  });

  test('without RabbitMQ a process finds the jobs that another one has queued', async () => {
    await using proxy = await openTcpProxy(rabbit.port);
    proxy.cut();
    const prefix = newPrefix();
    const board = new JobBoard();
    await using from = await join(prefix, rabbit.url(proxy.port));
    await using to = await join(prefix, rabbit.url(proxy.port));
    for (const { transport } of [from, to]) transport.start(board);
    const slots = new Slots(board, ['import'], 2);
    to.transport.consume(slots);
    from.transport.offer(board.add('import'));
    await until('the job runs', () => slots.running.length === 1);
    assert.deepEqual([from.isLinked(), to.isLinked()], [false, false]);
  });

  test('a job whose message was lost is offered again', async () => {
    const prefix = newPrefix();
    const board = new JobBoard();
    board.add('import');
    await using joined = await join(prefix);
    joined.transport.start(board);
    await until('it uses RabbitMQ', joined.isLinked);
    const slots = new Slots(board, ['import'], 5);
    joined.transport.consume(slots);
    await until('the job runs', () => slots.running.length === 1);
    board.add('import'); // and no offer
    await until('the next one runs', () => slots.running.length === 2);
    // Its message is confirmed later than that, and may be repeated until the job is taken.
    await until('both are counted', async () => ((await joined.results()).again ?? 0) >= 2);
  });

  fullTest('a message that no process can use becomes a dead letter, and is not delivered for ever', async () => {
    const prefix = newPrefix();
    const board = new JobBoard();
    const job = board.add('import');
    await using link = await openRabbitLink(rabbit.url(), { signal, answerMs: 20_000 });
    await link.declare(deadQueue(prefix));
    await link.declare(queueOf(prefix, job));
    await link.publish(queueOf(prefix, job).name, printMessage(job));
    let deliveries = 0;
    await link.consume(queueOf(prefix, job).name, 1, (delivery) => {
      deliveries++;
      delivery.requeue();
    });
    await until('it is a dead letter', async () => (await link.declare(deadQueue(prefix))) === 1);
    assert.equal(deliveries, 21, 'the delivery limit is 20');
  });

  test('RabbitMQ is killed, starts again and stalls in mid-job: every job is done exactly once', async () => {
    await using opened = new AsyncDisposableStack();
    const store = opened.use(await openTemporaryStore());
    const prefix = newPrefix();
    const proxy: TcpProxy = opened.use(await openTcpProxy(rabbit.port));
    const runs = new Map<string, number>();
    const nodes: { queue: JobQueue; joined: Joined }[] = [];
    let gate = Promise.withResolvers<void>();
    for (let i = 0; i < 2; i++) {
      const joined = opened.use(await join(prefix, rabbit.url(proxy.port), undefined, 1000));
      const queue = opened.use(
        await openTableQueue({
          db: store.db,
          clock,
          parallel: 2,
          maxQueued: 1000,
          transport: joined.transport,
          failed: (error) => joined.errors.push(error),
        }),
      );
      joined.transport.start(queue);
      nodes.push({ queue, joined });
    }
    const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
    const areLinked = () => nodes.every(({ joined }) => joined.isLinked());
    await until('both use RabbitMQ', areLinked);
    for (const { queue } of nodes) {
      await queue.work('encode', async ({ id }) => {
        runs.set(id, (runs.get(id) ?? 0) + 1);
        await gate.promise;
      });
    }
    const ids: string[] = [];
    const add = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const { queue } = nodes[i % 2]!;
        ids.push((await queue.add('encode', i, { priority: (i % 3) - 1 })).id);
      }
    };
    const areRunning = async () => (await second.queue.list(100, undefined, { state: 'running' })).length === 4;
    const allDone = async () => (await first.queue.list(100, undefined, { state: 'done' })).length === ids.length;
    const finish = async () => {
      gate.resolve();
      await until('all jobs are done', allDone);
      gate = Promise.withResolvers();
    };

    await add(12);
    await until('four run', areRunning);
    await rabbit.kill();
    await add(4);
    await finish(); // without RabbitMQ

    await rabbit.start();
    await until('both use RabbitMQ again', areLinked);
    await add(8);
    await until('four run', areRunning);
    proxy.stall();
    await add(4);
    await until('the stalled connection is given up', () => !first.joined.isLinked() && !second.joined.isLinked());
    await finish();
    proxy.restore();
    await until('both use RabbitMQ again', areLinked);

    await add(4);
    await until('four run', areRunning);
    proxy.cut();
    proxy.restore();
    await finish();

    assert.equal(ids.length, 32);
    assert.deepEqual([...runs.values()], Array(32).fill(1));
    const jobs = await Promise.all(ids.map((id) => first.queue.find(id)));
    assert.deepEqual(new Set(jobs.map((job) => `${job?.state} ${job?.tries}`)), new Set(['done 1']));
    for (const { joined } of nodes) assert.deepEqual(joined.errors, []);
  });

  fullTest('workers over HTTP get their jobs over RabbitMQ, and its loss in mid-job does not touch a job', async () => {
    await using proxy = await openTcpProxy(rabbit.port);
    await using joined = await join(newPrefix(), rabbit.url(proxy.port));
    await using system = await startWorkerServer({ transport: joined.transport });
    await until('it uses RabbitMQ', joined.isLinked);
    await using _ = await startWorker(system, 'first');
    const job = await system.jobs.add('test', { act: 'work', forMs: 300 });
    await until('it is in progress', async () => (await system.jobs.get(job.id)).progress > 0);
    assert.equal((await joined.results()).taken, 1);
    proxy.cut();
    const next = await system.jobs.add('test', { act: 'work' });
    for (const { id } of [job, next]) await system.until(id, 'done');
    proxy.restore();
    await until('it uses RabbitMQ again', joined.isLinked);
    const last = await system.jobs.add('test', { act: 'work' });
    await system.until(last.id, 'done');
    const jobs = await Promise.all([job, next, last].map(({ id }) => system.jobs.get(id)));
    assert.deepEqual(
      jobs.map(({ tries, failures }) => [tries, failures]),
      Array(3).fill([1, []]),
    );
    assert.deepEqual([system.failures, joined.errors], [[], []]);
  });

  fullTest('oxbow exports over RabbitMQ; without it jobs continue, it is ready, and reports the service', async () => {
    await using folder = await openFolder('rabbitmq-oxbow');
    await using proxy = await openTcpProxy(rabbit.port);
    const prefix = newPrefix();
    await using server = await startServer({
      data: folder.path,
      adminToken: 'rabbitmq-tests-need-one',
      args: ['--jobs-amqp-url', rabbit.url(proxy.port), '--jobs-amqp-prefix', prefix, ...smallPicture],
    });
    const exported = async (): Promise<void> => {
      const [span] = (await server.timeline('demo')).spans;
      const fromMs = Date.parse(span!.from);
      const body = JSON.stringify({ stream: 'demo', from: `${fromMs}`, to: `${fromMs + 1000}`, format: 'mp4' });
      const headers = { 'content-type': 'application/json' };
      const answer = await server.fetch('/api/v1/exports', { method: 'POST', headers, body });
      assert.equal(answer.status, 202, await answer.clone().text());
      const { id } = (await answer.json()) as JobView;
      await until('the export is done', async () => {
        const { state } = await server.json<JobView>(`/api/v1/jobs/${id}`);
        assert.notEqual(state, 'failed');
        return state === 'done';
      });
    };
    await server.stream('demo');
    await until('two seconds are recorded', async () => {
      const [span] = (await server.timeline('demo')).spans;
      return span !== undefined && Date.parse(span.to) - Date.parse(span.from) > 2000;
    });
    await until('it uses RabbitMQ', () => server.log().some(({ msg }) => msg.includes('over RabbitMQ')));
    await exported();
    assert.match(await (await server.fetch('/metrics')).text(), /oxbow_job_offers_total\{result="taken"\} 1/);
    assert.ok(!server.stderr.includes('p@ss') && !server.stderr.includes('p%40ss'), 'the password is not in the log');
    proxy.cut();
    await until('it reports the service', async () => {
      const { status, checks } = (await (await server.fetch('/health')).json()) as {
        readonly status: string;
        readonly checks: readonly { readonly name: string; readonly status: string; readonly detail?: string }[];
      };
      const check = checks.find(({ name }) => name === 'services');
      return status === 'degraded' && check?.status === 'degraded' && check.detail?.startsWith('rabbitmq');
    });
    assert.equal((await server.fetch('/ready')).status, 200);
    await exported();
    proxy.restore();
    await until(
      'it uses RabbitMQ again',
      () => server.log().filter(({ msg }) => msg.includes('over RabbitMQ')).length > 1,
    );
    const text = await (await server.fetch('/metrics')).text();
    for (const type of ['service.failing', 'service.ok'])
      assert.ok(text.includes(`oxbow_events_total{type="${type}"} 1`));
    assert.match(text, /oxbow_breaker_state\{service="rabbitmq"\} 0/);
  });
});
