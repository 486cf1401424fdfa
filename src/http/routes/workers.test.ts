import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JobView } from '../../api/jobs/job-shapes.ts';
import type { EncoderView, PoolEncoderView } from '../../api/workers/encoder-shapes.ts';
import { runWorker } from '../../jobs/worker/worker.ts';
import type { WorkerHandler } from '../../jobs/worker-job.ts';
import { OxbowError } from '../../lib/errors.ts';
import { subscribeBySse, subscribeByWebSocket } from '../events/subscriber.fixture.ts';
import { asAdmin } from '../fixture.ts';
import { original, startWorkerServer, type WorkerServer } from '../workers.fixture.ts';

/** Runs a worker in this process; disposing ends it. */
function startWorker(
  { server, token }: WorkerServer,
  handler: WorkerHandler,
  options: {
    readonly mode?: 'push' | 'pull';
    readonly slots?: number;
    readonly name?: string;
    readonly encoders?: { view(): readonly EncoderView[] };
  } = {},
) {
  const { promise: registered, resolve } = Promise.withResolvers<string>();
  const stopping = new AbortController();
  const lines: string[] = [];
  const ended = runWorker({
    name: 'test',
    mode: 'push',
    slots: 1,
    kinds: ['test'],
    handlers: { test: handler },
    ...options,
    server: { url: server.url, token },
    log: (text) => lines.push(text),
    signal: stopping.signal,
    onRegistered: resolve,
  });
  return {
    registered,
    ended,
    lines,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended.catch(() => undefined);
    },
  };
}

for (const mode of ['push', 'pull'] as const) {
  suite(`a ${mode} worker over HTTP`, () => {
    test('runs a job with its input, outputs, progress and result', async () => {
      await using system = await startWorkerServer();
      await using worker = startWorker(
        system,
        async ({ input }, { input: open, output, progress, signal }) => {
          const bytes = await open('original');
          const part = await bytes.read(5, 10, { signal });
          progress(0.5, { 'v0-480': 0.5 });
          await using file = await output('v0-480/1.mp4');
          await file.write(part);
          await file.write(part);
          await file.finish();
          return { length: bytes.length, text: Buffer.from(part).toString(), input };
        },
        { mode },
      );
      await worker.registered;
      const { id } = await system.jobs.add('test', { assetId: 'a1' }, { subject: 'a1' });
      await system.until(id, 'done', 'failed');
      const job = await system.jobs.get(id);
      assert.deepEqual(job.error, null);
      assert.deepEqual(job.result, {
        value: { length: original.length, text: '5678901234', input: { assetId: 'a1' } },
      });
      assert.deepEqual(system.accepted, ['v0-480/1.mp4 1 20']);
      assert.deepEqual([job.tries, job.worker, job.subject], [1, await worker.registered, 'a1']);
      assert.deepEqual(system.failures, []);
    });

    test('a job that is cancelled is stopped in its worker', async () => {
      await using system = await startWorkerServer();
      const { promise: stopped, resolve } = Promise.withResolvers<void>();
      await using worker = startWorker(
        system,
        async (_, { signal }) => {
          await new Promise((go) => signal.addEventListener('abort', go, { once: true }));
          resolve();
        },
        { mode },
      );
      await worker.registered;
      const { id } = await system.jobs.add('test', {});
      await system.until(id, 'running');
      const cancelled = await fetch(`${system.server.url}/api/v1/jobs/${id}`, { method: 'DELETE', headers: asAdmin });
      assert.equal(((await cancelled.json()) as { state: string }).state, 'cancelled');
      await stopped;
      assert.equal((await system.jobs.get(id)).state, 'cancelled');
    });

    test('a worker that ends gives its job back, and another one runs it; the try does not count', async () => {
      await using system = await startWorkerServer();
      const first = startWorker(
        system,
        (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        { mode },
      );
      const { id } = await system.jobs.add('test', {});
      await system.until(id, 'running');
      await first[Symbol.asyncDispose]();
      assert.equal(await first.ended, 'left');
      assert.deepEqual([(await system.jobs.get(id)).state, (await system.jobs.get(id)).tries], ['queued', 0]);
      assert.deepEqual(system.workers.list(), []);
      await using _second = startWorker(system, async () => 'well', { mode });
      await system.until(id, 'done');
      assert.deepEqual((await system.jobs.get(id)).result, { value: 'well' });
    });
  });
}

test('the next job goes to the worker with the fastest free encoder, whatever slots others have', async () => {
  await using system = await startWorkerServer();
  let state: EncoderView['state'] = 'ready';
  const encoderOf = (device: string, speed: number): EncoderView => ({
    device,
    name: 'h264_nvenc',
    codec: 'h264',
    speed,
    sessions: 2,
    used: 0,
    state,
    reason: state === 'ready' ? '' : 'it was lost',
  });
  const handler: WorkerHandler = (_, { signal }) => new Promise((go) => signal.addEventListener('abort', go));
  const start = (name: string, slots: number, speed: number) =>
    startWorker(system, handler, {
      name,
      slots,
      encoders: { view: () => (speed > 0 ? [encoderOf(name, speed)] : []) },
    });
  await using software = start('software', 9, 0);
  await using slow = start('slow', 8, 200);
  await using fast = start('fast', 2, 500);
  const ids = new Map<string | null, string>();
  for (const [name, worker] of Object.entries({ software, slow, fast })) ids.set(await worker.registered, name);
  const listed = async () => {
    const answer = await fetch(`${system.server.url}/api/v1/encoders`, { headers: asAdmin });
    return ((await answer.json()) as { items: PoolEncoderView[] }).items;
  };
  while ((await listed()).length < 2) await new Promise(setImmediate);
  assert.deepEqual((await listed()).map(({ workerName, speed }) => `${workerName} ${speed}`).sort(), [
    'fast 500',
    'slow 200',
  ]);
  const given = async () => {
    const { id } = await system.jobs.add('test', {});
    await system.until(id, 'running');
    return ids.get((await system.jobs.get(id)).worker);
  };
  assert.deepEqual([await given(), await given(), await given()], ['fast', 'fast', 'slow'], 'two slots, then the next');
  state = 'failed';
  while ((await listed()).some((encoder) => encoder.state === 'ready')) await new Promise(setImmediate);
  assert.equal(await given(), 'software', 'most free slots, where no encoder works');
});

for (const [way, subscribe] of [
  ['SSE', subscribeBySse],
  ['WebSocket', subscribeByWebSocket],
] as const) {
  test(`a job is followed over ${way}, and a client that reconnects receives what it missed`, async () => {
    await using system = await startWorkerServer();
    const address = `${system.server.url}/api/v1/events?types=job.*`;
    const first = await subscribe(address, asAdmin);
    await first.next();
    await using _worker = startWorker(system, async (_, { progress, signal }) => {
      progress(0.25, { 'v0-480': 0.5 });
      while (!system.events.some(({ data }) => data.progress === 0.25)) await new Promise(setImmediate);
      signal.throwIfAborted();
      return 1;
    });
    const { id } = await system.jobs.add('test', {}, { subject: 'a1' });
    const created = await first.next();
    assert.deepEqual([created.type, created.data.id, created.data.subject], ['job.created', id, 'a1']);
    first.close();
    await system.until(id, 'done');
    const again = await subscribe(`${address}&after=${created.id}`, asAdmin);
    const heard: unknown[] = [];
    for (let event = await again.next(); event.type !== 'job.done'; event = await again.next()) {
      if (event.type === 'job.progress') heard.push([event.data.state, event.data.progress, event.data.parts]);
    }
    again.close();
    assert.deepEqual(heard, [
      ['running', 0, {}],
      ['running', 0.25, { 'v0-480': 0.5 }],
    ]);
  });
}

suite('requests of workers', () => {
  test('need a token with the scope worker, which may do nothing else', async () => {
    await using system = await startWorkerServer();
    const { url, deps } = system.server;
    const worker = { name: 'x', mode: 'push', slots: 1, kinds: ['test'] };
    const ask = (path: string, token: string | undefined, body?: unknown) =>
      fetch(`${url}${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { ...(token && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    const { secret: viewer } = await deps.access.tokens.make({ label: 'v', scopes: ['view'], expiresMs: undefined });
    assert.equal((await ask('/api/v1/workers', undefined, worker)).status, 401);
    assert.equal((await ask('/api/v1/workers', viewer, worker)).status, 403);
    assert.equal((await ask('/api/v1/workers', system.token, worker)).status, 201);
    assert.equal((await ask('/api/v1/workers', deps.access.ownWorker.secret, worker)).status, 201);
    assert.deepEqual(
      system.workers.list().map(({ own }) => own),
      [false, true],
    );
    for (const path of ['/api/v1/workers', '/api/v1/jobs', '/api/v1/tokens']) {
      assert.equal((await ask(path, system.token)).status, 403, path);
    }
    const unknown = await ask('/api/v1/workers/w-none/heartbeat', system.token, { jobs: [] });
    assert.deepEqual([unknown.status, ((await unknown.json()) as { code: string }).code], [404, 'worker-unknown']);
  });

  test('a worker that the server has forgotten registers again', async () => {
    await using system = await startWorkerServer();
    await using worker = startWorker(system, async () => 1);
    const first = await worker.registered;
    await system.workers.drain(first, true);
    const { id } = await system.jobs.add('test', {});
    await system.until(id, 'done');
    assert.notEqual((await system.jobs.get(id)).worker, first);
  });

  test('a result may be long, and progress of any kind is accepted from a handler', async () => {
    await using system = await startWorkerServer();
    const cuts = Array.from({ length: 300_000 }, (_, i) => i * 2_000_000);
    await using worker = startWorker(system, async (_, { progress }) => {
      progress(Number.NaN, Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`v${i}`, i - 1])));
      progress(0.5, { v0: Number.NaN });
      while (!system.events.some(({ data }) => data.progress === 0.5)) await new Promise(setImmediate);
      return cuts;
    });
    const { id } = await system.jobs.add('test', {});
    await system.until(id, 'done', 'failed');
    assert.deepEqual((await system.jobs.get(id)).result, { value: cuts });
    assert.deepEqual(worker.lines, []);
  });

  test('a drained worker finishes its job, gets no other one, and ends', async () => {
    await using system = await startWorkerServer();
    const { promise: finish, resolve } = Promise.withResolvers<void>();
    await using worker = startWorker(system, () => finish);
    const { id } = await system.jobs.add('test', {});
    await system.until(id, 'running');
    const drained = await fetch(`${system.server.url}/api/v1/workers/${await worker.registered}`, {
      method: 'DELETE',
      headers: asAdmin,
    });
    assert.equal(((await drained.json()) as { state: string }).state, 'draining');
    const next = await system.jobs.add('test', {});
    resolve();
    assert.equal(await worker.ended, 'drained');
    assert.deepEqual([(await system.jobs.get(id)).state, (await system.jobs.get(next.id)).state], ['done', 'queued']);
  });

  test('jobs go to the worker with the most free slots', async () => {
    await using system = await startWorkerServer();
    const { promise: finish, resolve } = Promise.withResolvers<void>();
    let connected = 0;
    const connect = system.workers.connect.bind(system.workers);
    system.workers.connect = (...given) => {
      connected++;
      return connect(...given);
    };
    await using small = startWorker(system, () => finish, { name: 'small', slots: 1 });
    await using large = startWorker(system, () => finish, { name: 'large', slots: 3 });
    const names = new Map([
      [await small.registered, 'small'],
      [await large.registered, 'large'],
    ]);
    while (connected < 2) await new Promise(setImmediate);
    const ran: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const { id } = await system.jobs.add('test', {});
      await system.until(id, 'running');
      ran.push(names.get((await system.jobs.get(id)).worker!));
    }
    resolve();
    assert.deepEqual(ran.slice(0, 2), ['large', 'large']);
    assert.deepEqual(ran.sort(), ['large', 'large', 'large', 'small']);
  });

  test('an output that is too long, or has another name, is refused and not stored', async () => {
    await using system = await startWorkerServer({ limits: { outputBytes: 10 } });
    const { id } = await system.jobs.add('test', {});
    await system.jobs.queue.leases.claim('w1', ['test']);
    const headers = { authorization: `Bearer ${system.token}`, 'content-type': 'application/octet-stream' };
    const put = async (name: string, body: string, lease = '1') => {
      const address = `${system.server.url}/api/v1/jobs/${id}/outputs/${name}`;
      const answer = await fetch(address, { method: 'PUT', body, headers: { ...headers, 'oxbow-lease': lease } });
      return [answer.status, ((await answer.json()) as { code?: string }).code];
    };
    assert.deepEqual(await put('a.mp4', '12345678901'), [413, 'payload-too-large']);
    assert.deepEqual(await put('..~..~etc', 'x'), [404, 'not-found']);
    assert.deepEqual(await put('a.mp4', 'x', ''), [400, 'bad-request']);
    assert.deepEqual(await put('a.mp4', 'x', '2'), [409, 'lease-lost']);
    assert.deepEqual(system.accepted, []);
    assert.deepEqual(await put('a.mp4', 'x'), [200, undefined]);
    assert.deepEqual(system.accepted, ['a.mp4 1 1']);
  });

  test('a failed job is listed with its errors, and is run again', async () => {
    await using system = await startWorkerServer();
    let isBroken = true;
    await using _worker = startWorker(system, async () => {
      if (isBroken) throw new OxbowError('no-media', 'The file has no picture.');
      return 'well';
    });
    const { id } = await system.jobs.add('test', {}, { subject: 'a1' });
    await system.until(id, 'failed');
    const get = async (query: string) => {
      const answer = await fetch(`${system.server.url}/api/v1/jobs?${query}`, { headers: asAdmin });
      return ((await answer.json()) as { items: JobView[] }).items;
    };
    const [dead] = await get('state=failed&subject=a1&kind=test');
    assert.deepEqual(dead?.error, { code: 'no-media', detail: 'The file has no picture.' });
    assert.deepEqual([dead?.failures.length, dead?.tries], [1, 1], 'bad input is not tried again');
    assert.deepEqual(await get('state=failed&subject=a2'), []);
    isBroken = false;
    const retry = () => fetch(`${system.server.url}/api/v1/jobs/${id}/retry`, { method: 'POST', headers: asAdmin });
    assert.equal((await retry()).status, 200);
    await system.until(id, 'done');
    assert.equal((await retry()).status, 409);
  });
});
