/**
 * The contract of the owners of a cluster over a shared database.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Leases } from '../cluster/lease.ts';
import type { NodeRole } from '../config/sections/cluster-section.ts';
import { nodeRoles } from '../config/sections/cluster-section.ts';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import { createSilentLog } from '../observe/log.ts';
import { NODE_LEASE } from '../store/data-folder-lease.ts';
import { openLeaseTable } from '../store/lease-table.ts';
import type { OpenDatabase } from '../store/store.fixture.ts';
import { NodeRows } from './node-rows.ts';
import type { Moved } from './placement.ts';
import { SharedPlacement } from './shared-placement.ts';

const TAKEOVER_MS = 6000;
type Database = Awaited<ReturnType<OpenDatabase>>;

/** A node of a test; its lease is renewed by hand. */
interface TestNode {
  readonly placement: SharedPlacement;
  readonly moved: Moved[];
  /** Names of nodes whose things it has distributed. */
  readonly tookOver: string[];
  step(): Promise<void>;
  renew(): Promise<boolean>;
}

async function join(
  { db }: Database,
  clock: ManualClock,
  name: string,
  roles: readonly NodeRole[] = nodeRoles,
): Promise<TestNode> {
  const rows = new NodeRows(db, clock);
  await rows.register({ name, url: `http://${name}.example:8080`, roles, version: '1' });
  const store = openLeaseTable(db, clock);
  const { token } = await store.take(NODE_LEASE + name, { holder: name, ttlMs: TAKEOVER_MS });
  const tookOver: string[] = [];
  const placement = await SharedPlacement.open({
    ...{ rows, node: name, roles, takeoverMs: TAKEOVER_MS, clock, log: createSilentLog() },
    leases: new Leases({ store, clock, failed: (error) => assert.fail(String(error)) }),
    tookOver: (dead) => tookOver.push(dead),
  });
  const moved: Moved[] = [];
  placement.moved.subscribe((event) => moved.push(event));
  const { signal } = new AbortController();
  return {
    ...{ placement, moved, tookOver },
    step: () => placement.step({ signal }),
    renew: () => store.renew(NODE_LEASE + name, token, TAKEOVER_MS),
  };
}

/** A second of all of these nodes. */
async function second(clock: ManualClock, nodes: readonly TestNode[]): Promise<void> {
  clock.advance(1000);
  for (const node of nodes) await node.renew();
  for (const node of nodes) await node.step();
}

const nameOf = (owner: ReturnType<SharedPlacement['find']>) => (typeof owner === 'string' ? owner : owner?.name);

/** Every database runs this suite. */
export function sharedPlacementContract(name: string, open: OpenDatabase): void {
  suite(`the owners of a cluster on ${name}`, () => {
    test('the first node that claims a thing has it, and the others learn of it', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      assert.equal(await b.placement.lookUp('stream', 'cam'), undefined);
      const claims = await Promise.all([a.placement.claim('stream', 'cam'), b.placement.claim('stream', 'cam')]);
      assert.equal(claims.filter((owner) => owner === 'own').length, 1);
      await a.placement.claim('room', 'cam');
      await second(clock, [a, b]);
      assert.equal(nameOf(b.placement.find('room', 'cam')), 'a', 'a room is another thing than a stream');
      assert.deepEqual([a.moved, b.moved], [[], []], 'nothing has moved');
    });

    test('what is given away has moved for both nodes; a node cannot give what is not its own', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      await a.placement.claim('stream', 'cam');
      await second(clock, [a, b]);
      assert.equal(await b.placement.give('stream', 'cam', 'b'), false);
      assert.equal(await a.placement.give('stream', 'cam', 'b'), true);
      assert.deepEqual(
        a.moved.map(({ key, owner }) => [key, nameOf(owner)]),
        [['cam', 'b']],
      );
      await second(clock, [a, b]);
      assert.deepEqual(
        b.moved.map(({ key, owner }) => [key, owner]),
        [['cam', 'own']],
      );
      await b.placement.forget('stream', 'cam');
      assert.equal(await a.placement.claim('stream', 'dog'), 'own');
      assert.equal(await b.placement.lookUp('stream', 'cam'), undefined);
    });

    test('streams and rooms of a dead node are distributed once, and its lease has a higher token', async () => {
      await using database = await open();
      const clock = createManualClock();
      const [a, b, c] = [
        await join(database, clock, 'a'),
        await join(database, clock, 'b'),
        await join(database, clock, 'c'),
      ];
      for (const stream of ['one', 'two', 'three', 'four']) await a.placement.claim('stream', stream);
      await a.placement.claim('room', 'r');
      await a.placement.claim('asset', 'film');
      for (let s = 0; s < 7; s++) await second(clock, [a, b, c]);
      for (let s = 0; s < 5; s++) await second(clock, [b, c]);
      assert.deepEqual([b.tookOver, c.tookOver], [[], []], 'its lease has not ended');
      for (let s = 0; s < 3; s++) await second(clock, [b, c]);
      assert.deepEqual([...b.tookOver, ...c.tookOver], ['a']);
      const owners = ['one', 'two', 'three', 'four'].map((stream) => nameOf(b.placement.find('stream', stream)));
      assert.equal(owners.filter((owner) => owner === 'own').length, 2, 'the nodes share them');
      assert.equal(owners.filter((owner) => owner === 'c').length, 2);
      assert.equal(b.moved.length + c.moved.length, 5);
      assert.equal(nameOf(b.placement.find('asset', 'film')), 'a', 'its file is on the disk of the dead node');
      assert.equal(await a.renew(), false, 'the lease is not its own any more');
    });

    test('a node is noticed when its lease ends, and what it had is looked for often until it has another owner', async () => {
      await using database = await open();
      const clock = createManualClock();
      const [a, b, c] = [
        await join(database, clock, 'a'),
        await join(database, clock, 'b'),
        await join(database, clock, 'c'),
      ];
      await a.placement.claim('room', 'r');
      for (let s = 0; s < 7; s++) await second(clock, [a, b, c]);
      assert.equal(b.placement.pauseMs, 1000, 'all are alive');
      clock.advance(500);
      for (let s = 0; s < 5; s++) await second(clock, [b, c]);
      assert.ok(
        b.placement.pauseMs > 500 && b.placement.pauseMs < 600,
        `${b.placement.pauseMs} ms, its lease ends in 500`,
      );
      clock.advance(b.placement.pauseMs);
      await Promise.all([b.renew(), c.renew()]);
      await b.step();
      assert.deepEqual(b.tookOver, ['a']);
      assert.ok(c.placement.pauseMs <= 250, `${c.placement.pauseMs} ms until it learns who has the room`);
      await c.step();
      assert.deepEqual([c.placement.pauseMs, b.placement.pauseMs], [1000, 1000], 'all of it has an owner');
    });

    test('things go to nodes with the role for them', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b', ['rooms', 'serve']);
      await a.placement.claim('stream', 'cam');
      await a.placement.claim('room', 'r');
      assert.deepEqual([b.placement.takes('stream'), b.placement.takes('room')], [false, true]);
      for (let s = 0; s < 7; s++) await second(clock, [a, b]);
      for (let s = 0; s < 8; s++) await second(clock, [b]);
      assert.equal(b.placement.find('room', 'r'), 'own');
      assert.equal(nameOf(b.placement.find('stream', 'cam')), 'a', 'no living node runs streams');
    });

    test('after the database stored nothing for a while no node is dead before all could renew their leases', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      await a.placement.claim('stream', 'cam');
      for (let s = 0; s < 7; s++) await second(clock, [a, b]);
      // It answers what is read.
      for (let s = 0; s < 10; s++) {
        clock.advance(1000);
        await b.step();
      }
      for (let s = 0; s < 5; s++) await second(clock, [b]);
      assert.deepEqual(b.tookOver, [], 'b could renew a moment before a');
      assert.equal(await a.renew(), true);
    });

    test('after the database was away no node is dead before all could renew their leases', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b');
      await a.placement.claim('stream', 'cam');
      await second(clock, [a, b]);
      clock.advance(60_000);
      // b is back first: it has read nothing for a minute.
      const late = await join(database, clock, 'c');
      for (let s = 0; s < 4; s++) await second(clock, [late]);
      assert.deepEqual(late.tookOver, []);
      assert.equal(await a.renew(), true);
    });
  });
}
