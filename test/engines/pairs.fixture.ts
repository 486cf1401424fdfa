/**
 * One walk through everything that engines touch together: recording, an upload, a room, an orderly restart,
 * kill -9, a takeover, a return, an index that is rebuilt.
 * In: a combination of optional engines. Out: assertions; how long each step took.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { ClusterNodeView } from '../../src/api/nodes/node-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import type { HealthReport } from '../../src/observe/health.ts';
import { startNats } from '../fixtures/engines/nats.ts';
import { type Databases, openDatabases } from '../fixtures/engines/postgres.ts';
import { type RabbitServer, startRabbit } from '../fixtures/engines/rabbitmq.ts';
import { openRedisKeys } from '../fixtures/engines/redis.ts';
import { freePort } from '../fixtures/free-port.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { createRoom } from '../fixtures/rooms/rooms.ts';
import { openFolder, runOxbow, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

/**
 * Optional engines that run together. Several nodes need PostgreSQL, and Redis or NATS. NATS as the bus
 * carries jobs too.
 */
export interface Combination {
  readonly store: 'SQLite' | 'PostgreSQL';
  readonly objects: 'none' | 'folder copy' | 'folder move' | 'S3 copy' | 'S3 move';
  readonly bus: 'none' | 'Redis' | 'NATS';
  readonly nodes: 1 | 2;
  readonly jobs: 'table' | 'RabbitMQ' | 'NATS';
}

/** A combination as a title. */
export const titleOf = ({ store, objects, bus, nodes, jobs }: Combination): string =>
  [
    store,
    objects === 'none' ? 'no object store' : objects,
    bus === 'none' ? 'no bus' : bus,
    `${nodes} node(s)`,
    jobs,
  ].join(', ');

/**
 * A program that does not end by itself is a fault, however busy the machine is: closing gives up after 9.5
 * s.
 */
const END_WITHIN_MS = 10_000;
/** How long a node is silent before the other takes over, ms. */
const TAKEOVER_MS = 5000;
const json = { 'content-type': 'application/json' };

/** Walks. @param say how long each step took */
export async function walk(combination: Combination, say: (text: string) => void): Promise<void> {
  await using engines = await openEngines(combination);
  const walker = new Walker(combination, engines, say);
  await walker.walk();
}

interface Engines extends AsyncDisposable {
  readonly folder: string;
  /** The settings of every node. */
  readonly settings: object;
}

async function openEngines({ store, objects, bus, jobs }: Combination): Promise<Engines> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await openFolder('pairs')).path;
  const settings: Record<string, unknown> = { streams: { cam: { source: { type: 'test' } } } };
  if (store === 'PostgreSQL') {
    const postgres: Databases = opened.use(await openDatabases());
    settings.store = { url: postgres.url(await postgres.create()) };
  }
  if (bus === 'Redis') {
    const { url, prefix } = opened.use(await openRedisKeys());
    settings.redis = { url, prefix };
  }
  if (bus === 'NATS') settings.nats = { url: opened.use(await startNats()).url() };
  if (jobs === 'RabbitMQ') {
    const rabbit: RabbitServer = opened.use(await startRabbit());
    settings.jobs = { amqp: { url: rabbit.url() } };
  }
  if (objects !== 'none') {
    const [kind, mode] = objects.split(' ') as ['folder' | 'S3', 'copy' | 'move'];
    const after = mode === 'move' ? { after: '0s' } : {};
    let target: object = { type: 'folder', path: join(folder, 'second') };
    if (kind === 'folder') await mkdir(join(folder, 'second'));
    else target = opened.use(await startS3()).target();
    settings.storage = { targets: { second: target }, target: 'second', mode, ...after };
  }
  const owned = opened.move();
  return { folder, settings, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What must survive everything. */
interface Kept {
  readonly clip: string;
  readonly clipBytes: Buffer;
  readonly asset: string;
  readonly room: string;
}

class Walker {
  readonly #combination: Combination;
  readonly #folder: string;
  readonly #settings: object;
  readonly #say: (text: string) => void;
  readonly #secret = randomBytes(24).toString('hex');
  readonly #ports = new Map<string, number>();
  readonly #running = new Map<string, Server>();
  #kept: Kept | undefined;

  constructor(combination: Combination, { folder, settings }: Engines, say: (text: string) => void) {
    this.#combination = combination;
    this.#folder = folder;
    this.#settings = settings;
    this.#say = say;
  }

  async walk(): Promise<void> {
    const { nodes } = this.#combination;
    try {
      await this.#step('start', async () => {
        await this.#start('a');
        await this.#server('a').stream('cam');
        if (nodes === 2) await this.#start('b');
      });
      await this.#step('record, upload, make a room', () => this.#fill());
      await this.#step('orderly restart', () => this.#again('SIGTERM'));
      await this.#step('kill -9', () => this.#again('SIGKILL'));
      if (nodes === 2) await this.#step('takeover and return', () => this.#takeOver());
      await this.#step('export', () => this.#export());
      await this.#step('rebuild', () => this.#rebuild());
      await this.#step('end', async () => {
        for (const name of [...this.#running.keys()]) await this.#end(name, 'SIGTERM');
      });
    } finally {
      await Promise.all([...this.#running.values()].map((server) => server.stop('SIGKILL')));
    }
  }

  async #step(name: string, run: () => Promise<void>): Promise<void> {
    const began = performance.now();
    await run();
    this.#say(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }

  #server(name: string): Server {
    return this.#running.get(name)!;
  }

  get #any(): Server {
    return [...this.#running.values()][0]!;
  }

  #data(name: string): string {
    return join(this.#folder, name);
  }

  async #config(name: string): Promise<string> {
    const port = this.#ports.get(name) ?? (await freePort());
    this.#ports.set(name, port);
    const cluster = {
      enabled: true,
      node: name,
      url: `http://127.0.0.1:${port}`,
      secret: this.#secret,
      takeover: `${TAKEOVER_MS}ms`,
    };
    const file = join(this.#folder, `${name}.yaml`);
    await writeFile(file, JSON.stringify({ ...this.#settings, ...(this.#combination.nodes === 2 && { cluster }) }));
    return file;
  }

  async #start(name: string): Promise<void> {
    const config = await this.#config(name);
    const server = await startServer({
      data: this.#data(name),
      http: `127.0.0.1:${this.#ports.get(name)}`,
      adminToken: 'an-administrator',
      sample: false,
      args: ['--config', config, ...smallPicture],
    });
    this.#running.set(name, server);
  }

  async #end(name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const server = this.#server(name);
    const { code, ms } = await server.stop(signal);
    this.#running.delete(name);
    if (signal === 'SIGTERM') {
      assert.equal(code, 0, server.stderr);
      assert.ok(ms < END_WITHIN_MS, `it took ${ms} ms to end`);
    }
    assert.deepEqual(
      server.log('error').map(({ msg, ...rest }) => `${msg} ${JSON.stringify(rest)}`),
      [],
    );
  }

  /** Ends the first node and starts it again. */
  async #again(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#end('a', signal);
    await this.#start('a');
    await this.#check();
  }

  async #post<T>(path: string, body: object): Promise<T> {
    const answer = await this.#any.fetch(path, { method: 'POST', headers: json, body: JSON.stringify(body) });
    assert.ok(answer.ok, await answer.clone().text());
    return (await answer.json()) as T;
  }

  async #fill(): Promise<void> {
    const server = this.#any;
    const film = join(this.#folder, 'film.mp4');
    await makeFilm(film);
    const sent = await server.fetch('/api/v1/uploads/file?filename=film.mp4&title=Film&visibility=public', {
      method: 'PUT',
      body: await readFile(film),
    });
    assert.equal(sent.status, 201, `${await sent.clone().text()}\n${server.stderr}`);
    const { asset } = (await sent.json()) as { asset: string };
    const room = await createRoom(server, { name: 'Friday' });
    const clip = await until('four seconds are recorded', async () => {
      const { spans } = await server.timeline('cam');
      const fromMs = Date.parse(spans[0]?.from ?? '');
      const from = Math.ceil(fromMs / 1000);
      return Date.parse(spans.at(-1)?.to ?? '') - fromMs > 5000 && `/clip/cam/${from}/${from + 2}.mp4?evidence=no`;
    });
    const clipBytes = Buffer.from(await server.bytes(clip));
    assert.ok(clipBytes.length > 5000);
    this.#kept = { clip, clipBytes, asset, room };
    if (this.#combination.objects !== 'none') {
      await server.fetch('/api/v1/streams/cam/stop', { method: 'POST' });
      await server.stream('cam', 'stopped');
      await until('everything is in the object store', async () => {
        const { objectStores } = await server.json<StorageView>('/api/v1/storage');
        const store = objectStores.find(({ name }) => name === 'second')!;
        assert.equal(store.problem, null);
        return store.waiting === 0 && store.objects > 0;
      });
      await server.fetch('/api/v1/streams/cam/start', { method: 'POST' });
    }
    await this.#check();
  }

  /** Everything is there, at each node, and health says so. */
  async #check(): Promise<void> {
    const { clip, clipBytes, asset, room } = this.#kept!;
    for (const [name, server] of this.#running) {
      const before = (await server.stream('cam')).recorded.seconds;
      await until(`${name}: it records`, async () => (await server.stream('cam')).recorded.seconds > before);
      await until(`${name}: the clip`, async () => clipBytes.equals(Buffer.from(await server.bytes(clip))));
      const view = await until(`${name}: the film is ready`, async () => {
        const now = await server.json<AssetView>(`/api/v1/assets/${asset}`);
        assert.notEqual(now.state, 'failed', JSON.stringify(now));
        return now.state === 'ready' && now;
      });
      await until(`${name}: the film plays`, () => playsThrough(server, view.hls!));
      assert.equal((await server.fetch(`/api/v1/rooms/${room}`)).status, 200);
      assert.equal((await server.fetch('/ready')).status, 200);
      await until(`${name}: it is well`, async () => {
        const { status, checks } = await server.json<HealthReport>('/health');
        assert.equal(status, 'ok', JSON.stringify(checks.filter((check) => check.status !== 'ok')));
        return true;
      });
    }
  }

  async #takeOver(): Promise<void> {
    const owner = await until('the stream has an owner', () => this.#ownerOf());
    const heir = owner === 'a' ? 'b' : 'a';
    const { clip, clipBytes } = this.#kept!;
    await this.#end(owner, 'SIGKILL');
    const server = this.#server(heir);
    await until('the heir is live, and never well before', async () => {
      const [nodes, state] = [await this.#nodes(server), await stateOf(server)];
      const owns = nodes.find(({ name }) => name === heir)!.owns.streams > 0;
      const health = await server.fetch('/health').then((r) => r.json() as Promise<HealthReport>);
      const after = await stateOf(server);
      const isLive = state === 'live' || after === 'live';
      if (owns && !isLive) assert.notEqual(health.status, 'ok', JSON.stringify(health));
      return state === 'live';
    });
    if (this.#combination.objects !== 'none') assert.ok(clipBytes.equals(Buffer.from(await server.bytes(clip))));
    await this.#start(owner);
    await this.#check();
  }

  async #nodes(server: Server): Promise<readonly ClusterNodeView[]> {
    return (await server.json<{ items: readonly ClusterNodeView[] }>('/api/v1/nodes')).items;
  }

  async #ownerOf(): Promise<string | undefined> {
    return (await this.#nodes(this.#any)).find(({ owns }) => owns.streams > 0)?.name;
  }

  async #export(): Promise<void> {
    const server = this.#any;
    const [, from] = /\/(\d+)\/\d+\.mp4\?/.exec(this.#kept!.clip)!;
    const { id } = await this.#post<JobView>('/api/v1/exports', {
      stream: 'cam',
      from,
      to: String(Number(from) + 2),
      format: 'mp4',
    });
    await until('the export is done', async () => {
      const { state, ...job } = await server.json<JobView>(`/api/v1/jobs/${id}`);
      assert.notEqual(state, 'failed', JSON.stringify(job));
      return state === 'done';
    });
    const { jobs } = this.#combination;
    if (jobs !== 'table') assert.ok(server.log().some(({ msg }) => msg.includes(`over ${jobs}`)));
  }

  /** `doctor --rebuild` ends, with the index or with why not; everything is there afterwards. */
  async #rebuild(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.#end(name, 'SIGTERM');
    const args = ['doctor', '--rebuild', '--data', this.#data('a'), '--config', join(this.#folder, 'a.yaml')];
    const { code, stdout, stderr } = await runOxbow(args);
    if (this.#combination.nodes === 2) assert.match(stderr, /The database is that of a cluster \(a, b\)/);
    else {
      assert.match(stdout, /^ok +rebuild: /m, `${stdout}\n${stderr}`);
      assert.equal(code, 0, `${stdout}\n${stderr}`);
    }
    for (const name of this.#ports.keys()) await this.#start(name);
    await this.#check();
  }
}

async function stateOf(server: Server): Promise<string> {
  const answer = await server.fetch('/api/v1/streams/cam');
  return answer.ok ? ((await answer.json()) as StreamView).state : String(answer.status);
}

/** Fetches the list of a film, one of its renditions and its first segment. */
async function playsThrough(server: Server, list: string): Promise<boolean> {
  let address = new URL(list, server.url);
  for (let depth = 0; depth < 2; depth++) {
    const text = Buffer.from(await server.bytes(`${address.pathname}${address.search}`)).toString();
    const next = text.split('\n').find((line) => line !== '' && !line.startsWith('#'));
    address = new URL(next!, address);
  }
  return (await server.bytes(`${address.pathname}${address.search}`)).length > 100;
}
