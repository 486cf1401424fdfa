import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import tls from 'node:tls';
import type { OxbowEvent } from '../../src/api/events.ts';
import { checkNats } from '../../src/cli/doctor/nats-check.ts';
import { closeNatsClient, type NatsAddress, openNatsClient } from '../../src/cluster/nats/nats-client.ts';
import { openNatsTransport } from '../../src/jobs/transport/nats/nats-transport.ts';
import { JobBoard, Slots, transportContract } from '../../src/jobs/transport/transport.contract.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { makeCertificate } from '../fixtures/certificate.ts';
import { createCredentials, type NatsServer, startNats } from '../fixtures/engines/nats.ts';
import { openTcpProxy } from '../fixtures/engines/tcp-proxy.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { connectNats, openBus, publish, SOON_MS } from './nats.fixture.ts';

const skip = need('nats-server');
let server: NatsServer;
let prefixes = 0;
const newPrefix = () => `t${++prefixes}`;

// One server for the file.
before(async () => {
  if (!skip) server = await startNats();
});
after(() => server?.[Symbol.asyncDispose]());

const connect = (address: Partial<NatsAddress> = {}, timeoutMs?: number) =>
  connectNats({ url: server.url(), ...address }, timeoutMs);

/** A transport of one more process. */
async function joinOver(prefix: string, errors: unknown[] = [], lookEveryMs = 600_000, url = server.url()) {
  const opened = new AsyncDisposableStack();
  const metrics = opened.use(createMetrics());
  const nats = opened.use(await connect({ url }, SOON_MS));
  const transport = opened.use(
    openNatsTransport({ nats, prefix, metrics, lookEveryMs, failed: (error) => errors.push(error) }),
  );
  return { nats, transport, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

transportContract(
  'over NATS',
  async () => {
    const opened = new AsyncDisposableStack();
    const prefix = newPrefix();
    const errors: unknown[] = [];
    return {
      errors,
      async join(source) {
        const { transport } = opened.use(await joinOver(prefix, errors));
        transport.start(source);
        return transport;
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
  { skip },
);

suite('jobs over NATS', { skip }, () => {
  test('a process that queues a job has another one start it, by a message', async () => {
    const prefix = newPrefix();
    const board = new JobBoard();
    await using from = await joinOver(prefix);
    await using to = await joinOver(prefix);
    for (const { transport } of [from, to]) transport.start(board);
    const slots = new Slots(board, ['import'], 10);
    to.transport.consume(slots);
    for (let i = 0; i < 10; i++) from.transport.offer(board.add('import', i % 3));
    await until('all run', () => slots.running.length === 10);
  });

  test('without NATS, and after it, a process finds the jobs that another one has queued', async () => {
    await using proxy = await openTcpProxy(server.port);
    const prefix = newPrefix();
    const board = new JobBoard();
    await using from = await joinOver(prefix, [], 600_000, server.url(proxy.port));
    await using to = await joinOver(prefix, [], 600_000, server.url(proxy.port));
    for (const { transport } of [from, to]) transport.start(board);
    const slots = new Slots(board, ['import'], 3);
    to.transport.consume(slots);
    proxy.cut();
    await until('both are without NATS', () => !from.nats.link && !to.nats.link);
    from.transport.offer(board.add('import'));
    await until('the job runs', () => slots.running.length === 1);
    proxy.restore();
    await until('both are connected', () => from.nats.link !== undefined && to.nats.link !== undefined);
    from.transport.offer(board.add('import'));
    await until('the next job runs', () => slots.running.length === 2);
  });
});

/** Types of events that a server reports, with the names of their streams. */
async function followServer(node: Server, query: string): Promise<OxbowEvent[]> {
  const seen: OxbowEvent[] = [];
  const { body } = await node.fetch(`/api/v1/events?types=stream.created${query}`);
  const read = async () => {
    let rest = '';
    for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop()!;
      for (const line of lines.filter((each) => each.startsWith('data: '))) seen.push(JSON.parse(line.slice(6)));
    }
  };
  read().catch(() => undefined); // with the end of the server
  await until('the events are followed', () => seen[0]?.type.startsWith('events.'));
  return seen;
}

const streamsOf = (events: readonly OxbowEvent[]) => events.slice(1).map(({ stream }) => stream);

suite('oxbow in a cluster over NATS', { skip }, () => {
  const create = async (node: Server, name: string) => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ name, source: { type: 'push' } });
    const answer = await node.fetch('/api/v1/streams', { method: 'POST', headers, body });
    assert.equal(answer.status, 201, await answer.text());
  };

  fullTest(
    'events reach clients of all nodes, are read again after all have restarted, and wait without NATS',
    async () => {
      await using folder = await openFolder('nats-cluster');
      await using own = await startNats();
      const start = (name: string) =>
        startServer({
          data: join(folder.path, name),
          adminToken: 'nats-tests-need-one',
          args: ['--cluster-enabled', 'true', '--nats-url', own.url(), ...smallPicture],
        });
      let last: string;
      {
        await using first = await start('first');
        await using second = await start('second');
        const seen = [await followServer(first, ''), await followServer(second, '')];
        const arrive = (...names: readonly string[]) =>
          until(`${names} are seen by both`, () => seen.every((each) => streamsOf(each).join() === names.join()));
        await create(first, 'door');
        await arrive('door');
        await create(second, 'hall');
        await arrive('door', 'hall');
        last = seen[0]![1]!.id;

        own.signal('SIGSTOP');
        await until('the node reports it', () => first.log('warn').some(({ msg }) => msg.includes('NATS has ended')));
        await create(first, 'garden'); // works on
        assert.equal((await first.fetch('/ready')).status, 200);
        assert.match(await (await first.fetch('/metrics')).text(), /oxbow_events_waiting [1-9]/);
        const failing = async () => (await (await first.fetch('/health')).text()).includes('nats does not answer');
        await until('/health has it', failing);
        own.signal('SIGCONT');
        await arrive('door', 'hall', 'garden');
      }
      await own.kill();
      await own.start();
      await using third = await start('third');
      const again = await followServer(third, `&after=${last}`);
      await until('the past arrives', () => again.length >= 3);
      assert.equal(again[0]!.type, 'events.ready');
      assert.deepEqual(streamsOf(again), ['hall', 'garden']);
    },
  );

  fullTest('as a shadow NATS does the same next to the server, and is compared', async () => {
    await using folder = await openFolder('nats-shadow');
    const shadow = ['--cluster-enabled', 'true', '--cluster-shadow', 'true'];
    await using node = await startServer({
      data: join(folder.path, 'only'),
      adminToken: 'nats-tests-need-one',
      args: [...shadow, '--nats-url', server.url(), '--nats-prefix', newPrefix(), ...smallPicture],
    });
    await node.stream('demo');
    await create(node, 'door');
    const text = await until('events are compared', async () => {
      const metrics = await (await node.fetch('/metrics')).text();
      return metrics.includes('oxbow_cluster_shadow_total{part="events",result="same"}') && metrics;
    });
    assert.doesNotMatch(text, /oxbow_cluster_shadow_total\{.*result="(different|failed)"/);
  });
});

suite('settings of NATS', { skip }, () => {
  test('over TLS only a server with a certificate that Node trusts is connected to', {
    skip: need('openssl'),
  }, async () => {
    await using folder = await openFolder('nats-tls');
    const { cert, key } = await makeCertificate(folder.path, 'localhost');
    await using own = await startNats({ lines: [`tls { cert_file: "${cert}", key_file: "${key}" }`] });
    const { signal } = new AbortController();
    const address = { url: own.url().replace('nats:', 'tls:'), servers: [], token: undefined, credentials: '' };
    await assert.rejects(openNatsClient(address, { signal }), /self-signed certificate/);
    const trusted = tls.getCACertificates();
    tls.setDefaultCACertificates([...trusted, await readFile(cert, 'utf8')]);
    try {
      await using nats = await connect({ url: address.url });
      await using bus = openBus(nats, newPrefix());
      publish(bus, 1);
      await until('the event is confirmed', () => bus.waiting === 0);
    } finally {
      tls.setDefaultCACertificates(trusted);
    }
  });

  test('a file of credentials is used', async () => {
    await using folder = await openFolder('nats-creds');
    const file = join(folder.path, 'oxbow.creds');
    const { lines, creds } = createCredentials();
    await writeFile(file, creds);
    await using own = await startNats({ hasStreams: false, lines });
    const { signal } = new AbortController();
    const address = { url: own.url(), servers: [], token: undefined, credentials: file };
    closeNatsClient(await openNatsClient(address, { signal }));
    await assert.rejects(openNatsClient({ ...address, credentials: '' }, { signal }), /[Aa]uthorization/);
  });

  test('a file of credentials that is missing is named', async () => {
    const { signal } = new AbortController();
    const address = { url: server.url(), servers: [], token: undefined, credentials: '/missing.creds' };
    await assert.rejects(openNatsClient(address, { signal }), {
      code: 'bad-setting',
      message: /`nats\.credentials` \(\/missing\.creds\) cannot be read/,
    });
  });

  test('a user, a token and a further server are used', async () => {
    await using users = await startNats({ lines: ['authorization { user: oxbow, password: "p@ss" }'] });
    await using tokens = await startNats({ lines: ['authorization { token: "a-long-token-0123" }'] });
    const address = new URL(users.url());
    address.username = 'oxbow';
    address.password = 'p@ss';
    await using user = await connect({ url: address.href });
    await using token = await connect({ url: tokens.url(), token: 'a-long-token-0123' });
    await using further = await connect({ url: 'nats://127.0.0.1:1', servers: [`127.0.0.1:${server.port}`] });
    for (const nats of [user, token, further]) {
      await using bus = openBus(nats, newPrefix());
      publish(bus, 1);
      await until('the event is confirmed', () => bus.waiting === 0);
    }
  });

  const settings = (nats: object) => ({ nats, cluster: { enabled: true, pubsub: { enabled: true } } }) as never;
  const { signal } = new AbortController();

  test('the doctor says whether NATS answers, and whether it has JetStream', async () => {
    await using plain = await startNats({ hasStreams: false });
    const look = (url: string) =>
      checkNats(settings({ url, servers: [], token: undefined, credentials: '' }), { signal });
    const found = await Promise.all([server.url(), plain.url(), 'nats://user:secret@127.0.0.1:1'].map(look));
    assert.deepEqual(
      found.map((finding) => finding?.state),
      ['ok', 'warning', 'warning'],
    );
    assert.match(found[0]!.text, /version 2\..*with JetStream/);
    assert.match(found[1]!.text, /JetStream does not answer/);
    assert.doesNotMatch(found[2]!.text, /secret/);
  });
});
