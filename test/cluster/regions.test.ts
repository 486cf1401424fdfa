/**
 * Three regions as network namespaces, 80 and 150 ms apart: a cluster in the first, a replica in the second,
 * a bucket in the third, an edge and a viewer in each. Links are cut.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { needPostgres, type PostgresServer, startPostgres } from '../fixtures/engines/postgres.ts';
import { startRedis } from '../fixtures/engines/redis.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { EDGE_TOKEN, type RunningEdge, startEdge } from '../fixtures/proxies/edge.ts';
import { openRelay, type Way } from '../fixtures/regions/delay-relay.ts';
import { needRegions, openRegions, type Region } from '../fixtures/regions/regions.ts';
import { SteeredViewer } from '../fixtures/regions/steered-viewer.ts';
import { openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
/** Round trips between regions, ms. */
const ROUND_TRIPS_MS: Readonly<Record<string, number>> = { '1-2': 80, '1-3': 150, '2-3': 150 };
/** Most time that viewers of a lost region stand still, s. */
const MAX_STAND_S = 6;
/** Of a viewer to the edge of the own region, one direction, ms. */
const NEAR_MS = 5;
const REGIONS = [1, 2, 3] as const;
/** Things that every region reaches under one address. */
const place = {
  edge: (region: number) => `10.99.0.${region}:8081`,
  origin: '10.99.1.1:8080',
  node: (region: number) => `10.99.2.${region}:8080`,
  database: (region: number) => `10.99.3.${region}:5432`,
  bucket: '10.99.4.1:9000',
  redis: (region: number) => `10.99.5.${region}:6379`,
};
const hostOf = (address: string) => address.slice(0, address.indexOf(':'));

/** Of one direction between two regions, ms. */
function delayMs(from: number, to: number): number {
  return from === to ? 0 : ROUND_TRIPS_MS[[from, to].sort().join('-')]! / 2;
}

suite('three regions', { skip: needRegions() || needPostgres() || need('redis-server') }, () => {
  const opened = new AsyncDisposableStack();
  const ending = new AbortController();
  let regions: readonly Region[];
  let folder: string;
  let secret: string;
  let bucketTarget: Readonly<Record<string, string>>;
  let first: Server;
  const databases: PostgresServer[] = [];
  const edges: RunningEdge[] = [];
  const viewers: SteeredViewer[] = [];
  const viewerOf = (region: number) => viewers[region - 1]!;
  const regionOf = (number: number) => regions[number - 1]!;

  /** The settings of a node, as a file. */
  const settingsOf = async (region: 1 | 2) => {
    const target = { ...bucketTarget, endpoint: `http://${place.bucket}` };
    const pathways = REGIONS.map((each) => [`r${each}`, { url: `http://${place.edge(each)}` }]);
    const settings = {
      store: { url: `postgres://postgres@${place.database(region)}/postgres` },
      redis: { url: `redis://${place.redis(region)}` },
      cluster: { enabled: true, node: `node-${region}`, url: `http://${place.node(region)}`, secret },
      storage: { targets: { archive: target }, target: 'archive', mode: 'copy', after: '0s' },
      edges: { token: EDGE_TOKEN },
      steering: { ttl: '2s', url: `http://${place.origin}`, pathways: Object.fromEntries(pathways) },
      hls: { segmentDuration: '1s' },
      trustedProxies: ['10.0.0.0/8'],
    };
    const file = join(folder, `node-${region}.json`);
    await writeFile(file, JSON.stringify(settings));
    return file;
  };
  const startNode = async (region: 1 | 2) =>
    opened.use(
      await startPlainServer({
        data: join(folder, `node-${region}`),
        http: `${regionOf(region).address}:8080`,
        executable: regionOf(region).executable,
        adminToken,
        sample: false,
        args: ['--config', await settingsOf(region), ...smallPicture],
      }),
    );

  /** The ways of a region to all things. */
  const waysOf = (region: number, sockets: Readonly<Record<string, string>>): readonly Way[] => {
    const to = (number: number) => regionOf(number).address;
    const way = (listen: string, number: number, port: number): Way => ({
      listen,
      to: `${to(number)}:${port}`,
      delayMs: delayMs(region, number),
    });
    const local = (listen: string, path: string): Way => ({ listen, to: path, delayMs: 0 });
    const everywhere = [
      ...REGIONS.map((number) => way(place.edge(number), number, 8081)),
      way(place.origin, 1, 8080),
      way(place.node(1), 1, 8080),
      way(place.node(2), 2, 8080),
    ];
    const bucket = region === 3 ? local(place.bucket, sockets.bucket!) : way(place.bucket, 3, 9000);
    const own: readonly Way[] = {
      1: [
        local(place.database(1), databases[0]!.socket),
        local(`${to(1)}:5432`, databases[0]!.socket),
        local(place.redis(1), sockets.redis1!),
      ],
      2: [
        way(place.database(1), 1, 5432),
        way(sockets.primary!, 1, 5432),
        local(place.database(2), databases[1]?.socket ?? sockets.replica!),
        local(place.redis(2), sockets.redis2!),
      ],
      3: [local(`${to(3)}:9000`, sockets.bucket!)],
    }[region as 1 | 2 | 3];
    return [...everywhere, bucket, ...own];
  };

  /** Viewers near a region reach its edge at once, and others later. */
  const openViewer = async (region: number) => {
    const reached = new Map<string, string>();
    const lead = async (host: string, number: number, port: number) => {
      const listen = `127.0.0.1:${await freePort()}`;
      const late = Math.max(NEAR_MS, delayMs(region, number));
      opened.use(await openRelay({ listen, to: `${regionOf(number).address}:${port}`, delayMs: late }));
      reached.set(host, listen);
    };
    for (const number of REGIONS) await lead(place.edge(number), number, 8081);
    await lead(place.origin, 1, 8080);
    const url = `http://${place.edge(region)}/live/cam/index.m3u8`;
    return new SteeredViewer({ url, reach: (host) => reached.get(host)!, signal: ending.signal });
  };

  before(async () => {
    folder = opened.use(await openFolder('regions')).path;
    await chmod(folder, 0o755);
    secret = randomBytes(24).toString('hex');
    const bucket = opened.use(await startS3());
    bucketTarget = bucket.target();
    const sockets = {
      bucket: join(folder, 'bucket.sock'),
      redis1: join(folder, 'redis-1.sock'),
      redis2: join(folder, 'redis-2.sock'),
      primary: join(folder, 'primary', '.s.PGSQL.5432'),
    };
    await mkdir(join(folder, 'primary'));
    opened.use(await openRelay({ listen: sockets.bucket, to: `127.0.0.1:${bucket.port}`, delayMs: 0 }));
    for (const path of [sockets.redis1, sockets.redis2]) opened.use(await startRedis(['--unixsocket', path]));
    const primary = opened.use(await startPostgres());
    const conninfo = `host=${join(folder, 'primary')} port=5432 user=postgres`;
    databases.push(primary, opened.use(await startPostgres({ primary, settings: [`primary_conninfo=${conninfo}`] })));
    const addresses = [
      ...REGIONS.map((number) => hostOf(place.edge(number))),
      ...[place.origin, place.bucket].map(hostOf),
      ...[1, 2].flatMap((number) => [place.node(number), place.database(number), place.redis(number)].map(hostOf)),
    ];
    const made = opened.use(await openRegions(3, addresses, folder));
    ({ regions } = made);
    for (const region of regions) await region.openWays(waysOf(region.number, sockets));
    first = await startNode(1);
    const body = JSON.stringify({ name: 'cam', source: { type: 'test' } });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    assert.equal((await first.fetch('/api/v1/streams', init)).status, 201);
    await first.stream('cam', 'live');
    for (const { number, address, prefix } of regions) {
      const how = { http: `${address}:8081`, prefix, args: ['--pathway', `r${number}`, '--only-media'] };
      edges.push(opened.use(await startEdge(`http://${place.origin}`, how)));
    }
    await until('all edges are up', async () => {
      const { items } = await first.json<{ items: readonly { state: string }[] }>('/api/v1/steering');
      return items.every(({ state }) => state === 'up');
    });
    for (const number of REGIONS) viewers.push(await openViewer(number));
    await until('all viewers play', () => viewers.every((viewer) => viewer.watched.playedS > 5));
  });
  after(async () => {
    ending.abort();
    for (const viewer of viewers) await viewer[Symbol.asyncDispose]();
    await opened.disposeAsync();
  });

  test('without the second: its viewers are at another edge within six seconds, the others notice nothing', async (t) => {
    const cutMs = performance.now();
    await regionOf(2).cut();
    const lost = viewerOf(2);
    const moved = await until('its viewer is elsewhere', () =>
      lost.watched.media.find(({ host, atMs }) => atMs > cutMs && host !== place.edge(2)),
    );
    const played = viewers.map((viewer) => viewer.watched.playedS);
    await until('all have played on', () =>
      viewers.every((viewer, index) => viewer.watched.playedS > played[index]! + 8),
    );
    const stood = viewers.map((viewer) => viewer.stoodS(cutMs));
    t.diagnostic(
      `media of ${moved.host} after ${((moved.atMs - cutMs) / 1000).toFixed(1)} s; stood still ${stood.map((s) => s.toFixed(1)).join(', ')} s`,
    );
    assert.deepEqual([stood[0], stood[2]], [0, 0]);
    assert.ok(stood[1]! <= MAX_STAND_S, `${stood[1]} s`);
    await regionOf(2).restore();
    await until('its edge takes viewers again', async () => {
      const { items } = await first.json<{ items: readonly { id: string; state: string }[] }>('/api/v1/steering');
      return items.every(({ state }) => state === 'up');
    });
    const replica = opened.adopt(new pg.Client({ connectionString: databases[1]!.url('postgres') }), (each) =>
      each.end(),
    );
    await replica.connect();
    await until('the replica has caught up', async () => {
      const { rows } = await replica.query('SELECT now() - pg_last_xact_replay_timestamp() < $1 AS near', ['2 s']);
      return (rows[0] as { near: boolean }).near;
    });
  });

  test('without the first: the replica is promoted, the stream is live in the second, and the old node ends', async (t) => {
    const cutMs = performance.now();
    const since = () => `${((performance.now() - cutMs) / 1000).toFixed(1)} s`;
    await regionOf(1).cut();
    const config = await settingsOf(2);
    const { stdout } = await promisify(execFile)(regionOf(2).executable, ['db', 'promote', '--config', config]);
    t.diagnostic(`${since()}: ${stdout}`);
    assert.match(stdout, /^Promoted: the database has epoch 1\.\n/);
    assert.match(stdout, /bucket archive: has the epoch/);
    const second = await startNode(2);
    t.diagnostic(`${since()}: the node of the second region runs`);
    await second.stream('cam', 'live');
    t.diagnostic(`${since()}: the stream is live there`);
    for (const number of [2, 3]) await regionOf(number).lead(place.origin, `${regionOf(2).address}:8080`);
    const played = viewers.map((viewer) => viewer.watched.playedS);
    await until('viewers of the second and third region play on', () =>
      [2, 3].every((number) => viewerOf(number).watched.playedS > played[number - 1]! + 5),
    );
    t.diagnostic(`${since()}: viewers of other regions have played on for 5 s`);
    await until('it is recorded', async () => (await second.timeline('cam')).spans.length > 0);
    await regionOf(1).restore();
    await first.closed;
    assert.match(first.stderr, /another database was promoted; this process stops writing and ends/);
    assert.equal((await second.stream('cam', 'live')).state, 'live');
  });
});
