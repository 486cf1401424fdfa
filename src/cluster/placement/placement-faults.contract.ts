/**
 * The contract of the owners of a cluster when databases are slow, clocks jump and nodes pause.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import { NODE_LEASE } from '../../store/data-folder-lease.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { join, nameOf, openPair, second } from './shared-placement.fixture.ts';

/** Every database runs this suite. */
export function placementFaultsContract(name: string, open: OpenDatabase): void {
  suite(`the owners of a cluster with faults on ${name}`, () => {
    test('what a node gives away while it reads the owners does not seem to come back', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      await join(database, clock, 'b');
      await a.placement.claim('stream', 'cam');
      a.rows.afterPlacements = async () => {
        a.rows.afterPlacements = undefined;
        assert.equal(await a.placement.give('stream', 'cam', 'b'), true);
      };
      await a.step();
      assert.deepEqual(
        a.moved.map(({ owner }) => nameOf(owner)),
        ['b'],
        'opened again, two nodes would run it',
      );
    });

    test('of two readings at once the later one counts', async () => {
      await using database = await open();
      const { a, b } = await openPair(database);
      await a.placement.claim('stream', 'cam');
      await b.step();
      const held = Promise.withResolvers<void>();
      const reading = Promise.withResolvers<void>();
      b.rows.afterPlacements = () => {
        b.rows.afterPlacements = undefined;
        reading.resolve();
        return held.promise;
      };
      const first = b.step();
      await reading.promise;
      await a.placement.give('stream', 'cam', 'b');
      const refreshed = b.placement.refresh();
      const others = database.db.selectFrom('placement').selectAll();
      for (let i = 0; i < 10; i++) await Promise.race([refreshed, others.execute()]); // it waits for the first one
      held.resolve();
      await Promise.all([first, refreshed]);
      assert.deepEqual(
        b.moved.map(({ owner }) => owner),
        ['own'],
      );
      assert.equal(b.placement.find('stream', 'cam'), 'own');
    });

    test('a node that was answered late by the database first lets the others renew their leases', async () => {
      await using database = await open();
      const { clock, a, b } = await openPair(database);
      await a.placement.claim('stream', 'cam');
      for (let s = 0; s < 8; s++) await second(clock, [a, b]);
      clock.advance(60_000); // no query failed: they all took a minute
      await b.renew();
      for (let s = 0; s < 4; s++) await second(clock, [b]);
      assert.deepEqual(b.tookOver, []);
      assert.equal(await a.renew(), true);
    });

    test('a clock that jumps makes no node dead', async () => {
      await using database = await open();
      const [clockA, clockB] = [createManualClock(), createManualClock()];
      const a = await join(database, clockA, 'a');
      const b = await join(database, clockB, 'b');
      await a.placement.claim('stream', 'cam');
      const seconds = async (count: number) => {
        for (let s = 0; s < count; s++) {
          clockA.advance(1000);
          await a.renew();
          await second(clockB, [b]);
        }
      };
      await seconds(8);
      clockB.step(600_000);
      await seconds(8);
      const [other] = b.placement.others;
      assert.deepEqual([b.tookOver, other?.isAlive], [[], true]);
      clockA.step(-600_000);
      await seconds(8);
      assert.deepEqual([b.tookOver, b.placement.others[0]?.isAlive], [[], true]);
    });

    test('a node that pauses while it takes over distributes nothing of a node that is back', async () => {
      await using database = await open();
      const { clock, a, b } = await openPair(database);
      await a.placement.claim('stream', 'cam');
      for (let s = 0; s < 7; s++) await second(clock, [a, b]);
      b.rows.beforeLoads = async () => {
        b.rows.beforeLoads = undefined;
        clock.advance(60_000);
        await join(database, clock, 'a');
      };
      for (let s = 0; s < 8; s++) await second(clock, [b]);
      assert.equal(b.rows.beforeLoads, undefined, 'it has begun to take over');
      assert.deepEqual([b.tookOver, nameOf(b.placement.find('stream', 'cam'))], [[], 'a']);
    });

    test('a node that ends in order is succeeded at once', async () => {
      await using database = await open();
      const { clock, a, b } = await openPair(database);
      await a.placement.claim('stream', 'cam');
      for (let s = 0; s < 7; s++) await second(clock, [a, b]);
      await a.release();
      await second(clock, [b]);
      assert.equal(b.placement.find('stream', 'cam'), 'own');
    });

    test('the lease of a dead node whose things no living node can have is left alone', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b', { roles: ['rooms', 'serve'] });
      await a.placement.claim('stream', 'cam');
      for (let s = 0; s < 7; s++) await second(clock, [a, b]);
      for (let s = 0; s < 20; s++) await second(clock, [b]);
      const { token } = await database.db
        .selectFrom('lease')
        .select('token')
        .where('name', '=', `${NODE_LEASE}a`)
        .executeTakeFirstOrThrow();
      assert.equal(token, 1);
    });

    test('things that exist no more are forgotten by all nodes within ten minutes', async () => {
      await using database = await open();
      const { clock, a, b } = await openPair(database);
      await a.placement.claim('upload', 'u');
      await a.placement.claim('upload', 'v');
      await second(clock, [a, b]);
      await a.placement.forget('upload', 'u');
      assert.equal(nameOf(b.placement.find('upload', 'u')), 'a');
      clock.advance(10 * 60_000);
      await second(clock, [a, b]);
      assert.equal(b.placement.find('upload', 'u'), undefined);
      assert.equal(nameOf(b.placement.find('upload', 'v')), 'a');
    });
  });
}
