/**
 * The contract of the owners of a cluster over a shared database.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Clock, createManualClock } from '../../lib/clock.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { join, nameOf, openPair, second } from './shared-placement.fixture.ts';

/** The record of an asset. */
async function addAsset(
  { db }: Awaited<ReturnType<OpenDatabase>>,
  clock: Pick<Clock, 'nowMs'>,
  id: string,
  state: string,
): Promise<void> {
  const nowUs = clock.nowMs() * 1000;
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
      created_us: nowUs,
      changed_us: nowUs,
      deleted_us: null,
    })
    .execute();
}

/** The record of an upload. @param target where its bytes are; null: on the disk of its node */
async function addUpload(
  { db }: Awaited<ReturnType<OpenDatabase>>,
  id: string,
  { asset, target }: { readonly asset: string; readonly target: string | null },
): Promise<void> {
  await db
    .insertInto('upload')
    .values({
      id,
      state: 'open',
      asset_id: asset,
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
      target,
    })
    .execute();
}

/** Every database runs this suite. */
export function sharedPlacementContract(name: string, open: OpenDatabase): void {
  suite(`the owners of a cluster on ${name}`, () => {
    test('the first node that claims a thing has it, and the others learn of it', async () => {
      await using database = await open();
      const { clock, a, b } = await openPair(database);
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
      const { clock, a, b } = await openPair(database);
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

    test('assets of a dead node are shared by the others, apart from streams; those that are still uploaded stay', async () => {
      await using database = await open();
      const clock = createManualClock();
      const [a, b, c] = [
        await join(database, clock, 'a'),
        await join(database, clock, 'b'),
        await join(database, clock, 'c'),
      ];
      for (let i = 0; i < 6; i++) await addAsset(database, clock, `film-${i}`, 'ready');
      await addAsset(database, clock, 'arriving', 'uploading');
      for (const id of ['film-0', 'film-1', 'film-2', 'film-3', 'arriving']) await a.placement.claim('asset', id);
      for (const id of ['film-4', 'film-5']) await b.placement.claim('asset', id);
      await a.placement.claim('asset', 'deleted');
      await a.placement.claim('upload', 'up');
      await a.placement.claim('stream', 'cam');
      for (let s = 0; s < 7; s++) await second(clock, [a, b, c]);
      for (let s = 0; s < 9; s++) await second(clock, [b, c]);
      const ownersOf = (ids: readonly string[]) => ids.map((id) => nameOf(c.placement.find('asset', id)));
      const owners = ownersOf(['film-0', 'film-1', 'film-2', 'film-3']);
      assert.deepEqual(owners.toSorted(), ['b', 'own', 'own', 'own'], 'b had two already');
      assert.deepEqual(ownersOf(['arriving', 'deleted']), ['a', 'a'], 'what is left of them is on the disk of a');
      assert.equal(nameOf(c.placement.find('upload', 'up')), 'a');
      assert.deepEqual([...b.tookOver, ...c.tookOver], ['a'], 'what stays is no reason to take over again');
      assert.ok(await a.placement.lookUp('asset', 'film-0'));
    });

    test('uploads in a bucket move with their assets and their locks are free; those on the disk of the dead node stay', async () => {
      await using database = await open();
      const { db } = database;
      const clock = createManualClock();
      const [a, b] = [await join(database, clock, 'a'), await join(database, clock, 'b')];
      for (const [id, target] of [
        ['bucket', 'archive'],
        ['disk', null],
      ] as const) {
        await addAsset(database, clock, `of-${id}`, 'uploading');
        await addUpload(database, id, { asset: `of-${id}`, target });
        await a.placement.claim('asset', `of-${id}`);
        await a.placement.claim('upload', id);
        const lock = { name: `upload/${id}`, holder: 'node/a', token: 3, expires_us: 9e15 };
        await db.insertInto('lease').values(lock).execute();
      }
      await db
        .insertInto('lease')
        .values({ name: 'upload/other', holder: 'node/b', token: 1, expires_us: 9e15 })
        .execute();
      for (let s = 0; s < 7; s++) await second(clock, [a, b]);
      for (let s = 0; s < 9; s++) await second(clock, [b]);
      const ownerOf = (kind: 'upload' | 'asset', id: string) => nameOf(b.placement.find(kind, id));
      assert.deepEqual([ownerOf('upload', 'bucket'), ownerOf('asset', 'of-bucket')], ['own', 'own']);
      assert.deepEqual([ownerOf('upload', 'disk'), ownerOf('asset', 'of-disk')], ['a', 'a']);
      assert.deepEqual(b.tookOver, ['a'], 'what stays is no reason to take over again');
      const locks = await db
        .selectFrom('lease')
        .select(['name', 'token', 'expires_us'])
        .where('name', 'like', 'upload/%')
        .orderBy('name')
        .execute();
      assert.deepEqual(
        locks.map(({ name: lock, token, expires_us: us }) => [lock, token, us > 0]),
        [
          ['upload/bucket', 3, false],
          ['upload/disk', 3, false],
          ['upload/other', 1, true],
        ],
      );
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
      for (let s = 0; s < 7; s++) await second(clock, [a, b, c]);
      for (let s = 0; s < 5; s++) await second(clock, [b, c]);
      assert.deepEqual([b.tookOver, c.tookOver], [[], []], 'its lease has not ended');
      for (let s = 0; s < 3; s++) await second(clock, [b, c]);
      assert.deepEqual([...b.tookOver, ...c.tookOver], ['a']);
      const owners = ['one', 'two', 'three', 'four'].map((stream) => nameOf(b.placement.find('stream', stream)));
      assert.equal(owners.filter((owner) => owner === 'own').length, 2, 'the nodes share them');
      assert.equal(owners.filter((owner) => owner === 'c').length, 2);
      assert.equal(b.moved.length + c.moved.length, 5);
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
      assert.ok(c.placement.pauseMs <= 250, `${c.placement.pauseMs} ms until it reads who has the room`);
      await c.step();
      assert.deepEqual([c.placement.pauseMs, b.placement.pauseMs], [1000, 1000], 'all of it has an owner');
    });

    test('things go to nodes with the role for them', async () => {
      await using database = await open();
      const clock = createManualClock();
      const a = await join(database, clock, 'a');
      const b = await join(database, clock, 'b', { roles: ['rooms', 'serve'] });
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
      const { clock, a, b } = await openPair(database);
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
