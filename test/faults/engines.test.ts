/**
 * oxbow on all engines at once, each of which stops, stalls, becomes slow and becomes full while a stream is
 * recorded, a room talks and a file is uploaded.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import pg from 'pg';
import { Upload } from 'tus-js-client';
import {
  type BadNetwork,
  type ObjectServer,
  openBadNetwork,
  startS3,
} from '../../src/archive/objects/object-servers.fixture.ts';
import type { HealthReport } from '../../src/observe/health.ts';
import { needPostgres, type PostgresServer, startPostgres } from '../fixtures/engines/postgres.ts';
import { type RabbitServer, startRabbit } from '../fixtures/engines/rabbitmq.ts';
import { type RedisServer, redisCli, startRedis } from '../fixtures/engines/redis.ts';
import { openTcpProxy, type TcpProxy } from '../fixtures/engines/tcp-proxy.ts';
import { need } from '../fixtures/need.ts';
import { createRoom, LastingMember } from '../fixtures/rooms/rooms.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const ADMIN = 'let-me-in-please';
const skip = needPostgres() || need('redis-server') || need('rabbitmq-server');

suite('every engine fails at once in mid-record, mid-room and mid-upload', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let postgres: PostgresServer;
  let redis: RedisServer;
  let rabbit: RabbitServer;
  let bucket: ObjectServer;
  let network: BadNetwork;
  let proxies: TcpProxy[];
  let folder: Folder;
  let server: Server;
  let database: string;
  let member: LastingMember;
  let written = 0;

  before(async () => {
    postgres = opened.use(await startPostgres());
    redis = opened.use(await startRedis());
    rabbit = opened.use(await startRabbit());
    bucket = opened.use(await startS3());
    network = opened.use(await openBadNetwork(bucket.port));
    folder = opened.use(await openFolder('engines'));
    proxies = [];
    for (const { port } of [postgres, redis, rabbit]) proxies.push(opened.use(await openTcpProxy(port)));
    const [toPostgres, toRedis, toRabbit] = proxies.map(({ port }) => port);
    database = postgres.url(await postgres.create());
    const store = new URL(database);
    store.port = String(toPostgres);
    const settings = {
      store: { url: store.href },
      redis: { url: redis.url(toRedis) },
      cluster: { enabled: true },
      jobs: { amqp: { url: rabbit.url(toRabbit) } },
      storage: { targets: { bucket: bucket.target(network.port) }, target: 'bucket', mode: 'copy', after: '0s' },
      hls: { segmentDuration: '1s' },
      streams: { cam: { source: { type: 'test' } } },
    };
    await writeFile(join(folder.path, 'oxbow.yaml'), JSON.stringify(settings));
    const args = ['--config', join(folder.path, 'oxbow.yaml'), ...smallPicture];
    server = opened.use(
      await startPlainServer({ data: join(folder.path, 'data'), adminToken: ADMIN, args, sample: false }),
    );
    await server.stream('cam');
    const room = await createRoom(server);
    member = opened.use(new LastingMember(server.url, room, { authorization: `Bearer ${ADMIN}` }));
    await until('the member is in', () => member.welcomes > 0);
  });
  after(() => opened.disposeAsync());

  /** The number of the newest segment that a viewer has. */
  const lastMsn = async (): Promise<number> => {
    const textOf = async (path: string) => Buffer.from(await server.bytes(path)).toString();
    const media = /^(?!#)\S+$/m.exec(await textOf('/live/cam/index.m3u8'))![0];
    const list = await textOf(new URL(media, `${server.url}/live/cam/`).pathname);
    return Number(/MEDIA-SEQUENCE:(\d+)/.exec(list)![1]) + (list.match(/#EXTINF/g) ?? []).length - 1;
  };

  /** Watches, talks and uploads while `begin` is done to the engines; after `end` nothing is missing. */
  async function survives(begin: () => unknown, end: () => unknown): Promise<void> {
    const file = randomBytes(2_000_000);
    const upload = new Upload(file, {
      endpoint: `${server.url}/api/v1/uploads`,
      headers: { authorization: `Bearer ${ADMIN}` },
      metadata: { filename: 'film.bin' },
      chunkSize: 200_000,
      retryDelays: Array(1000).fill(100),
    });
    let asset: string | undefined;
    const uploaded = new Promise<void>((resolve, reject) => {
      upload.options.onSuccess = () => resolve();
      upload.options.onError = reject;
    });
    const half = new Promise<void>((resolve) => {
      upload.options.onChunkComplete = (_size, sent) => {
        if (sent === file.length / 2) void upload.abort().then(resolve);
      };
    });
    upload.options.onAfterResponse = (_request, response) => {
      asset ??= response.getHeader('oxbow-asset');
    };
    upload.start();
    await half;
    const fromMs = Date.now();
    const from = await lastMsn();
    await begin();
    upload.start();
    const messages = [1, 2, 3].map(() => ({ id: randomUUID(), text: `message ${++written}` }));
    for (const { id, text } of messages) member.write(id, text);
    await until('live viewers get three more segments', async () => (await lastMsn()) >= from + 3);
    await end();
    await until('every service is used again', async () => {
      const { status } = (await (await server.fetch('/health')).json()) as HealthReport;
      return status === 'ok';
    });
    for (const { id, text } of messages) if (member.unsent.has(id)) member.write(id, text);
    await until('the messages are acknowledged', () => messages.every(({ id }) => member.acked.has(id)));
    await uploaded;
    const stored = await readFile(join(folder.path, 'data', 'assets', asset!, 'original'));
    assert.equal(createHash('sha256').update(stored).digest('hex'), createHash('sha256').update(file).digest('hex'));
    const { spans, gaps } = await until('the time of the fault is recorded', async () => {
      const timeline = await server.timeline('cam');
      return Date.parse(timeline.spans.at(-1)!.to) > fromMs + 3000 && timeline;
    });
    // What a busy machine leaves out of the picture is rightly listed.
    assert.deepEqual(
      gaps.filter(({ cause }) => cause !== 'source-skipped'),
      [],
    );
    assert.ok(spans.length > 0);
  }

  fullTest('slow by a second', () =>
    survives(
      () => {
        for (const proxy of proxies) proxy.slow(1000);
        network.delay(1000);
      },
      () => {
        for (const proxy of proxies) proxy.restore();
        network.delay(0);
      },
    ),
  );

  fullTest('partitioned: nothing passes and nothing is closed', () =>
    survives(
      () => {
        for (const proxy of proxies) proxy.stall();
        network.stall();
      },
      () => {
        for (const proxy of proxies) proxy.restore();
        network.flow();
      },
    ),
  );

  test('stopped and started again', () =>
    survives(
      async () => {
        await Promise.all([postgres.kill(), redis.kill(), rabbit.kill()]);
        network.cut();
      },
      async () => {
        await Promise.all([postgres.start(), redis.start(), rabbit.start()]);
        network.flow();
      },
    ));

  fullTest('full', () =>
    survives(
      async () => {
        await setFull(database, true);
        await redisCli(redis.port, 'CONFIG', 'SET', 'maxmemory', '1');
        await rabbit.control('set_vm_memory_high_watermark', '0');
        network.refuse(507);
      },
      async () => {
        await setFull(database, false);
        await redisCli(redis.port, 'CONFIG', 'SET', 'maxmemory', '0');
        await rabbit.control('set_vm_memory_high_watermark', '0.4');
        network.flow();
      },
    ),
  );

  test('afterwards each message is in the room once, in order', () => {
    const shown = [...member.shown.values()].map(({ text }) => text);
    assert.deepEqual(
      shown.toSorted(),
      Array.from({ length: written }, (_, index) => `message ${index + 1}`).toSorted(),
    );
  });
});

/** Every table refuses new rows as a server without disk space does (disk_full), or no longer. */
async function setFull(database: string, isFull: boolean): Promise<void> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    await client.query(`CREATE OR REPLACE FUNCTION refuse_rows() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`);
    const { rows } = await client.query<{ name: string }>(
      `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
    );
    for (const { name } of rows) {
      await client.query(
        isFull
          ? `CREATE TRIGGER refuse_rows BEFORE INSERT OR UPDATE ON ${name} FOR EACH STATEMENT EXECUTE FUNCTION refuse_rows()`
          : `DROP TRIGGER IF EXISTS refuse_rows ON ${name}`,
      );
    }
  } finally {
    await client.end();
  }
}
