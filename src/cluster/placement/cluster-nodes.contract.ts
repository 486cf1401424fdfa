/**
 * The contract of the nodes of a cluster, as operators see them, over a shared database.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { nodeRoles } from '../../config/sections/cluster-section.ts';
import { createManualClock, type ManualClock } from '../../lib/clock.ts';
import { createSilentLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { NODE_LEASE } from '../../store/data-folder-lease.ts';
import { openLeaseTable } from '../../store/lease-table.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { Leases } from '../lease/lease.ts';
import { ClusterNodes } from './cluster-nodes.ts';
import { NodeRows } from './node-rows.ts';
import { SharedPlacement } from './shared-placement.ts';

const TAKEOVER_MS = 6000;
type Database = Awaited<ReturnType<OpenDatabase>>;

/** A node of a test; its lease is renewed by hand. */
interface TestNode {
  readonly placement: SharedPlacement;
  readonly rows: NodeRows;
  /** All nodes, as this one answers. */
  readonly nodes: ClusterNodes;
  step(): Promise<void>;
  /** It ends in order. */
  end(): Promise<void>;
}

/** Starts a node, or starts it again. */
async function join(
  { db }: Database,
  clock: ManualClock,
  name: string,
  spreadOver?: readonly string[],
): Promise<TestNode> {
  const rows = new NodeRows(db, clock);
  const store = openLeaseTable(db, clock);
  const { token } = await store.take(NODE_LEASE + name, { holder: name, ttlMs: TAKEOVER_MS });
  await rows.register({ name, url: `http://${name}.example:8080`, roles: nodeRoles, version: '1.2.3' });
  const placement = await SharedPlacement.open({
    rows,
    node: name,
    roles: nodeRoles,
    takeoverMs: TAKEOVER_MS,
    spreadOver,
    clock,
    log: createSilentLog(),
    leases: new Leases({ store, clock, failed: (error) => assert.fail(String(error)) }),
    tookOver: () => {},
  });
  const { signal } = new AbortController();
  return {
    placement,
    rows,
    nodes: new ClusterNodes({ db, rows, clock, placement }),
    async step() {
      await store.renew(NODE_LEASE + name, token, TAKEOVER_MS);
      await placement.step({ signal });
    },
    async end() {
      await rows.end(name);
      await store.release(NODE_LEASE + name, token);
    },
  };
}

/** The record of an asset. */
async function addAsset({ db }: Database, id: string, state = 'uploading'): Promise<void> {
  await db
    .insertInto('asset')
    .values({
      id,
      state,
      title: id,
      title_key: id,
      description: '',
      tags: '[]',
      visibility: 'public',
      owner: 'admin',
      origin: 'upload',
      failure: null,
      filename: id,
      bytes: 1,
      sha256: null,
      content_type: '',
      facts: null,
      duration_us: null,
      recording: null,
      poster_us: null,
      encryption: null,
      revision: 1,
      created_us: 0,
      changed_us: 0,
      deleted_us: null,
    })
    .execute();
}

/** The record of an upload. */
async function addUpload({ db }: Database, id: string, state = 'open'): Promise<void> {
  await db
    .insertInto('upload')
    .values({
      id,
      state,
      asset_id: `of-${id}`,
      owner: 'admin',
      length: 9,
      received: 0,
      chunk_bytes: null,
      metadata: '{}',
      sha256: null,
      failure: null,
      created_us: 0,
      expires_us: 1,
      request_key: null,
      request_hash: null,
    })
    .execute();
}

/** Seconds in which these nodes run, and no others. */
async function run(clock: ManualClock, seconds: number, nodes: readonly TestNode[]): Promise<void> {
  for (let s = 0; s < seconds; s++) {
    clock.advance(1000);
    for (const node of nodes) await node.step();
  }
}

const timeOf = (clock: ManualClock) => new Date(clock.nowMs()).toISOString();
const statesOf = async ({ nodes }: TestNode) => (await nodes.list()).map(({ name, state }) => `${name} ${state}`);

/** Every database runs this suite. */
export function clusterNodesContract(name: string, open: OpenDatabase): void {
  suite(`the nodes of a cluster on ${name}`, () => {
    test('the processes of a server get what starts with them evenly, and what is new goes to the one that has least', async () => {
      await using database = await open();
      const clock = createManualClock();
      const names = ['process-1', 'process-2'];
      const old = await join(database, clock, 'process-3');
      for (const stream of ['x', 'y', 'z']) await old.placement.claim('stream', stream);
      await old.end();
      await old.rows.spread(names);
      const one = await join(database, clock, 'process-1', names);
      assert.deepEqual(
        await one.rows.loads('running'),
        new Map([
          ['process-1', 2],
          ['process-2', 1],
        ]),
      );
      assert.deepEqual(
        (await one.rows.nodes()).map(({ name: node }) => node),
        ['process-1'],
      );
      const owner = await one.placement.claim('stream', 'four', { anywhere: true });
      assert.equal(owner === 'own' ? owner : owner.name, 'process-2', 'it does not run yet');
      const two = await join(database, clock, 'process-2', names);
      assert.equal(await two.placement.claim('stream', 'four', { anywhere: true }), 'own');
      await run(clock, 1, [one, two]);
      assert.equal(await one.placement.lessLoaded('stream'), undefined, 'both have two');
      await one.placement.claim('stream', 'five');
      assert.equal((await one.placement.lessLoaded('room'))?.name, 'process-2');
      assert.equal(await two.placement.lessLoaded('room'), undefined);
      assert.equal(one.placement.lessLoaded('upload'), undefined, 'its bytes come with the request');
      assert.equal((await join(database, clock, 'a')).placement.lessLoaded('stream'), undefined, 'a node of a cluster');
    });

    test('a node is listed with what it is and owns, and which one answers', async () => {
      await using database = await open();
      const clock = createManualClock();
      const startedAt = timeOf(clock);
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      for (const stream of ['one', 'two']) await b.placement.claim('stream', stream);
      await addAsset(database, 'x');
      await addUpload(database, 'x');
      for (const kind of ['room', 'asset', 'upload'] as const) await b.placement.claim(kind, 'x');
      await run(clock, 1, [a, b]);
      const [first, second, ...more] = await a.nodes.list();
      const known = { version: '1.2.3', roles: [...nodeRoles], state: 'alive', since: startedAt };
      const none = { streams: 0, rooms: 0, assets: 0, uploads: 0 };
      assert.deepEqual(first, { ...known, name: 'a', url: 'http://a.example:8080', self: true, owns: none });
      const owns = { streams: 2, rooms: 1, assets: 1, uploads: 1 };
      assert.deepEqual(second, { ...known, name: 'b', url: 'http://b.example:8080', self: false, owns });
      assert.deepEqual(more, []);
      assert.equal(await a.nodes.check(), '2 of 2 nodes are alive');
    });

    test('a node without a lease is dead since it ended, and alive again when it starts', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      await run(clock, 7, [a, b]);
      const endMs = clock.nowMs() + TAKEOVER_MS;
      await run(clock, 5, [a]);
      assert.deepEqual(await statesOf(a), ['a alive', 'b alive'], 'its lease has not ended');
      await run(clock, 60, [a]);
      const [, dead] = await a.nodes.list();
      assert.deepEqual([dead?.state, dead?.since], ['dead', new Date(endMs).toISOString()]);
      assert.equal(await a.nodes.check(), '1 of 2 nodes are alive; dead, without anything: b');
      await join(database, clock, 'b');
      const [, again] = await a.nodes.list();
      assert.deepEqual([again?.state, again?.since], ['alive', timeOf(clock)]);
    });

    test('a node whose things were taken over is dead since then, and what stays with it degrades the health', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      await b.placement.claim('stream', 'cam');
      for (const id of ['x', 'y', 'z']) await b.placement.claim('upload', id);
      await addUpload(database, 'x');
      await addUpload(database, 'y', 'completing');
      await addUpload(database, 'z', 'complete');
      await run(clock, 7, [a, b]);
      const endMs = clock.nowMs() + TAKEOVER_MS;
      await run(clock, 30, [a]);
      const [own, dead] = await a.nodes.list();
      assert.deepEqual([own?.owns.streams, dead?.owns.streams, dead?.owns.uploads], [1, 0, 2]);
      const lateMs = Date.parse(dead!.since!) - endMs;
      assert.ok(lateMs >= 0 && lateMs <= 2000, `dead ${lateMs} ms after the end of its lease`);
      await assert.rejects(a.nodes.check(), {
        code: 'not-ready',
        message: `1 of 2 nodes are alive; b is dead since ${dead!.since} and owns 2 uploads.`,
      });
      using metrics = createMetrics();
      await a.nodes.measure(metrics);
      const printed = await metrics.print();
      for (const line of [
        'oxbow_nodes{state="alive"} 1',
        'oxbow_nodes{state="draining"} 0',
        'oxbow_nodes{state="dead"} 1',
        'oxbow_node_owned{kind="stream",state="alive"} 1',
        'oxbow_node_owned{kind="stream",state="dead"} 0',
        'oxbow_node_owned{kind="upload",state="dead"} 2',
      ]) {
        assert.ok(printed.includes(`${line}\n`), line);
      }
    });

    test('a node that is stopped is draining, then dead, also before its lease is released', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      await run(clock, 3, [a, b]);
      const stoppedAt = timeOf(clock);
      await b.rows.drain('b');
      await run(clock, 2, [a, b]);
      for (const node of [a, b]) {
        const [, draining] = await node.nodes.list();
        assert.deepEqual([draining?.state, draining?.since], ['draining', stoppedAt]);
      }
      await b.rows.end('b');
      assert.deepEqual(await statesOf(a), ['a alive', 'b dead']);
      const endedAt = timeOf(clock);
      clock.advance(1000);
      await b.end();
      await run(clock, 10, [a]);
      assert.equal((await a.nodes.list())[1]?.since, endedAt, 'the lease that was released has no time');
      await join(database, clock, 'b');
      assert.deepEqual(await statesOf(a), ['a alive', 'b alive']);
    });

    test('only a dead node without anything is forgotten, and it is known again when it starts', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      await addAsset(database, 'film');
      await addUpload(database, 'film');
      for (const kind of ['asset', 'upload'] as const) await b.placement.claim(kind, 'film');
      for (const kind of ['asset', 'upload'] as const) await b.placement.claim(kind, 'deleted');
      await run(clock, 7, [a, b]);
      for (const alive of ['a', 'b']) await assert.rejects(a.nodes.forget(alive), { code: 'node-alive' });
      await assert.rejects(a.nodes.forget('c'), { code: 'node-unknown' });
      await run(clock, 20, [a]);
      await assert.rejects(a.nodes.forget('b'), {
        code: 'node-not-empty',
        message: 'The node b owns 1 asset, 1 upload.',
      });
      await database.db.deleteFrom('asset').execute();
      await database.db.updateTable('upload').set({ state: 'failed' }).execute();
      await a.nodes.forget('b');
      const left = await database.db.selectFrom('placement').select('key').where('node', '=', 'b').execute();
      assert.deepEqual(left, [], 'any node clears away what is over');
      assert.deepEqual(await statesOf(a), ['a alive']);
      await run(clock, 1, [a]);
      assert.deepEqual(a.placement.others, []);
      await assert.rejects(a.nodes.forget('b'), { code: 'node-unknown' });
      const tokenOf = () =>
        database.db.selectFrom('lease').select('token').where('name', '=', `${NODE_LEASE}b`).executeTakeFirstOrThrow();
      const before = await tokenOf();
      await join(database, clock, 'b');
      assert.ok((await tokenOf()).token > before.token, 'what it wrote before its death is refused');
      assert.deepEqual(await statesOf(a), ['a alive', 'b alive']);
    });

    test('a node that starts at this moment is not forgotten', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      await b.end();
      await run(clock, 10, [a]);
      assert.deepEqual(await statesOf(a), ['a alive', 'b dead']);
      // It has its lease, and is about to register.
      await openLeaseTable(database.db, clock).take(`${NODE_LEASE}b`, { holder: 'b', ttlMs: TAKEOVER_MS });
      await assert.rejects(a.nodes.forget('b'), { code: 'node-alive' });
    });
  });
}
