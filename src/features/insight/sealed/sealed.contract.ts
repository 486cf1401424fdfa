/**
 * What sealed hours do, on every database: every answer is the same from Parquet files, in JavaScript and
 * with DuckDB, as from the database; and no hour is lost or there twice, whatever fails in between.
 * In: a function that opens an empty database. Out: suites.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { need } from '../../../../test/fixtures/need.ts';
import { openFolderClient } from '../../../archive/objects/folder-client.ts';
import { createNet } from '../../../net/net.ts';
import type { Store } from '../../../store/db.ts';
import type { OpenDatabase } from '../../../store/store.fixture.ts';
import { eraseViewing } from '../../../store/tables/viewing-rows.ts';
import { insightAnswersContract, viewingRow } from '../insight.contract.ts';
import type { Content } from '../viewing-row.ts';
import { ViewingTable } from '../viewing-table.ts';
import { type ClickHouseStandIn, startClickHouse } from './clickhouse.fixture.ts';
import { ClickHousePlace } from './clickhouse-place.ts';
import { ParquetPlace } from './parquet-place.ts';
import { sealingWith } from './sealed.fixture.ts';
import type { PlaceOptions, SealedPlace } from './sealed-place.ts';

/** Where `scripts/run-tests.ts` installs it. */
const engines = fileURLToPath(new URL('../../../../test/fixtures/engines/npm', import.meta.url));
const hasDuckDb = existsSync(join(engines, 'node_modules/@duckdb/node-api'));
const noDuckDb = hasDuckDb ? false : (need('duckdb for Node') as string);
const nowhere = join(tmpdir(), 'oxbow-no-duckdb');
const opened = new AsyncDisposableStack();
const { signal } = new AbortController();

async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-sealed-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function openClickHouse(): Promise<ClickHousePlace & { readonly server: ClickHouseStandIn }> {
  const server = opened.use(await startClickHouse());
  const { url } = server;
  const net = opened.use(createNet({ allow: [] }));
  const place = new ClickHousePlace({ url, database: 'oxbow', user: 'ann', password: async () => 'secret', net });
  return Object.assign(place, { server });
}

async function openPlace(duckdb = nowhere, mostRows?: number): Promise<ParquetPlace> {
  const folder = await openFolder();
  const limit = mostRows === undefined ? {} : { mostRows };
  return opened.use(new ParquetPlace({ folder, duckdb, memoryMb: 256, threads: 2, ...limit }));
}

const door: Content = { kind: 'stream', id: 'door-id' };
const yard: Content = { kind: 'stream', id: 'yard-id' };

/**
 * All suites.
 *
 * @param testPlace for what is the same with every database: the answers of further places, and their faults;
 *   `fullTest` where another database has these in the first tier
 */
export function sealedContract(name: string, openDatabase: OpenDatabase, testPlace: typeof test = test): void {
  answersOf(`${name}, Parquet files in JavaScript`, openDatabase, () => openPlace());
  if (testPlace === test) {
    if (hasDuckDb) answersOf(`${name}, Parquet files with DuckDB`, openDatabase, () => openPlace(engines));
    answersOf(`${name}, a stand-in for ClickHouse`, openDatabase, openClickHouse);
  }
  sealingOf(name, openDatabase, testPlace);
}

/** Every row is sealed: a place for each database. */
function answersOf(name: string, openDatabase: OpenDatabase, openPlace: () => Promise<SealedPlace>): void {
  const places = new Map<Store['db'], SealedPlace>();
  const open = async () => {
    const store = await openDatabase();
    places.set(store.db, await openPlace());
    return store;
  };
  insightAnswersContract(name, open, (db, contents) => sealingWith(db, places.get(db)!, { contents }));
}

function sealingOf(name: string, openDatabase: OpenDatabase, testPlace: typeof test): void {
  const openSealing = (place: SealedPlace, options?: Parameters<typeof sealingWith>[2]) =>
    openSealingIn(openDatabase, place, options);
  suite(`sealing: ${name}`, () => {
    after(() => opened.disposeAsync());
    test('rows leave the database for files of one hour each, and late rows follow in another one', async () => {
      const place = await openPlace();
      const { add, seal, table, stored, total } = await openSealing(place);
      await add(3);
      await add(2, 70);
      await seal();
      assert.deepEqual([await stored(), (await table.list('sealed')).map(({ rows }) => rows)], [0, [3, 2]]);
      assert.equal((await filesOf(place)).length, 2);
      await add(1, 0);
      assert.equal(await total(), 6 * 60_000);
      await seal();
      assert.deepEqual([await stored(), (await table.list('sealed')).length], [0, 3]);
      assert.equal(await total(), 6 * 60_000);
    });

    test('a large hour is several batches, cut between minutes', async () => {
      const { add, seal, table, total } = await openSealing(await openPlace(), { batchRows: 5 });
      for (let minute = 0; minute < 6; minute++) await add(2, minute);
      await seal();
      const batches = await table.list('sealed');
      assert.deepEqual(
        batches.map(({ rows, first_minute, last_minute }) => [rows, last_minute - first_minute]),
        [
          [4, 1],
          [4, 1],
          [4, 1],
        ],
      );
      assert.equal(await total(), 12 * 60_000);
    });

    test('a row that comes while its hour is being sealed is neither lost nor counted twice', async () => {
      const place = await openPlace();
      let late: (() => Promise<void>) | undefined;
      const slow = wrap(place, {
        async insert(id, rows, options) {
          const stored = await place.insert(id, rows, options);
          await late?.();
          late = undefined;
          return stored;
        },
      });
      const { add, seal, stored, total } = await openSealing(slow);
      await add(3);
      late = () => add(1);
      await seal();
      assert.deepEqual([await stored(), await total()], [0, 4 * 60_000]);
      assert.equal((await filesOf(place)).length, 1);
    });

    for (const step of ['before the file', 'after the file', 'before it is listed'] as const) {
      test(`a failure ${step} leaves the rows in the database, and the next turn seals them once`, async () => {
        const place = await openPlace();
        let fails = true;
        const faulty = wrap(place, {
          async insert(id, rows, options) {
            if (fails && step === 'before the file') throw new Error('killed');
            const stored = await place.insert(id, rows, options);
            if (fails && step === 'after the file') throw new Error('killed');
            return stored;
          },
        });
        const { add, seal, stored, total, table } = await openSealing(faulty);
        await add(3);
        const original = table.seal.bind(table);
        if (step === 'before it is listed') {
          table.seal = async () => {
            throw new Error('killed');
          };
        }
        await assert.rejects(seal(), /killed/);
        assert.deepEqual([await stored(), await total()], [3, 3 * 60_000]);
        fails = false;
        table.seal = original;
        await seal();
        assert.deepEqual([await stored(), await total()], [0, 3 * 60_000]);
        assert.equal((await filesOf(place)).length, 1);
      });
    }

    test('too old batches go, with their files', async () => {
      const place = await openPlace();
      const { add, seal, total, db, contents } = await openSealing(place);
      await add(3);
      await seal();
      await sealingWith(db, place, { contents, keepMs: 1000 }).seal();
      assert.deepEqual([await total(), await filesOf(place)], [0, []]);
    });

    test('a stream that is deleted for good is taken out of the files', async () => {
      const place = await openPlace();
      const { add, seal, table, total, db } = await openSealing(place);
      await add(3);
      await add(2, 0, yard);
      await add(4, 60, yard);
      await seal();
      const before = await filesOf(place);
      await eraseViewing(db, yard);
      await seal();
      const [batch, ...others] = await table.list('sealed');
      assert.deepEqual([batch!.rows, others.length, await total()], [3, 0, 3 * 60_000]);
      const left = await filesOf(place);
      assert.equal(left.length, 1);
      assert.ok(!before.includes(left[0]!), 'the old file is gone');
      assert.deepEqual(await table.erased(), []);
    });

    test('two nodes that seal at once seal each row once', async () => {
      const place = await openPlace();
      const { add, seal, stored, total, db } = await openSealing(place, { holder: 'a' });
      await add(50);
      const other = sealingWith(db, place, { holder: 'b' });
      await Promise.all([seal(), other.seal()]);
      await seal();
      assert.deepEqual([await stored(), await total()], [0, 50 * 60_000]);
    });

    test('a node that has lost its lease neither drops a batch nor leaves a file that is not listed', async () => {
      const place = await openPlace();
      // Another node deletes what this one has begun, just before this one is done.
      const giveUp = async () => {
        await first.table.retire('writing');
        for (const { id, target } of await first.table.list('removing')) {
          await place.remove({ id, target }, { signal });
          await first.table.forget(id);
        }
      };
      let isLost = true;
      const late = wrap(place, {
        async insert(...batch) {
          if (isLost) await giveUp();
          isLost = false;
          return await place.insert(...batch);
        },
        async without(...batch) {
          if (isLost) await giveUp();
          isLost = false;
          return await place.without(...batch);
        },
      });
      const first = await openSealing(late);
      const listed = async () => (await first.table.list('sealed')).map(({ id }) => `${id}.parquet`);
      await first.add(3);
      await first.add(2, 0, yard);
      await first.seal();
      assert.equal(await first.total(), 5 * 60_000);
      assert.deepEqual(await filesOf(place), await listed());
      isLost = true;
      await eraseViewing(first.db, yard);
      await first.seal();
      assert.equal(await first.total(), 5 * 60_000, 'nothing is lost');
      assert.deepEqual(await filesOf(place), await listed());
      await first.seal();
      assert.equal(await first.total(), 3 * 60_000);
      assert.deepEqual(await filesOf(place), await listed());
    });

    test('after the restore of an older database, its folder has the batches that came later', async () => {
      const place = await openPlace();
      const first = await openSealing(place);
      await first.add(3);
      await first.add(2, 60);
      await first.seal();
      const restored = await openSealing(place);
      await restored.add(2); // a part of the first hour was in the backup
      await restored.seal();
      assert.deepEqual([await restored.stored(), await restored.total()], [0, 5 * 60_000]);
    });

    test('after the restore of a backup of before a deletion, no row is there twice', async () => {
      const place = await openPlace();
      const first = await openSealing(place);
      await first.add(3);
      await first.add(2, 0, yard);
      await first.seal();
      const [batch] = await first.table.list('sealed');
      const path = join(place.folder, `${batch!.id}.parquet`);
      const backup = await readFile(path);
      await eraseViewing(first.db, yard);
      await first.seal();
      await first.add(1, 120);
      await eraseViewing(first.db, { kind: 'stream', id: 'none' });
      await first.seal();
      const restored = await openSealing(place);
      await writeFile(path, backup);
      await restored.db.insertInto('viewing_sealed').values(batch!).execute();
      await restored.seal();
      assert.deepEqual([await restored.stored(), await restored.total()], [0, 4 * 60_000]);
      assert.equal((await filesOf(place)).length, 2);
    });

    testPlace('without DuckDB a question about too many rows is refused, and the next one is answered', async () => {
      const { add, seal, reads, total } = await openSealing(await openPlace(nowhere, 4));
      await add(3);
      await add(3, 70);
      await seal();
      await assert.rejects(total(), { code: 'needs-duckdb' });
      const { first_minute: from } = (await (await openSealing(await openPlace())).table.list('sealed'))[0] ?? {
        first_minute: viewingRow(door, 's', 0).minute,
      };
      const [sum] = await reads.sums({}, { table: 'viewing_minute', from, to: from + 60 }, undefined);
      assert.equal(sum!.watchMs, 3 * 60_000);
    });

    test('with an object store each file has a copy, which another node reads, and which goes with it', async () => {
      const bucket = await openFolder();
      const copies = { target: 'far', prefix: 'oxbow', client: () => openFolderClient(bucket) };
      const openNode = async () =>
        opened.use(
          new ParquetPlace({ folder: await openFolder(), copies, duckdb: nowhere, memoryMb: 256, threads: 1 }),
        );
      const [here, there] = [await openNode(), await openNode()];
      const { add, seal, table, contents, total, db } = await openSealing(here);
      await add(3);
      await seal();
      const [batch] = await table.list('sealed');
      const keys = async () => {
        await using client = await copies.client();
        return await Array.fromAsync(client.list('oxbow/insight/'), ({ key }) => key);
      };
      assert.deepEqual([batch!.target, await keys()], ['far', [`oxbow/insight/${batch!.id}.parquet`]]);
      const other = sealingWith(db, there, { contents });
      const [sum] = await other.reads.sums({}, { table: 'viewing_minute', from: 0, to: 1e9 }, undefined);
      assert.equal(sum!.watchMs, 3 * 60_000);
      // A database that was restored without the folder finds them in the object store.
      const restored = await openSealing(await openNode());
      await restored.seal();
      assert.equal(await restored.total(), 3 * 60_000);
      await eraseViewing(db, door);
      await seal();
      await other.seal();
      assert.deepEqual([await keys(), await total(), await filesOf(there)], [[], 0, []]);
    });

    testPlace('questions that come at once fetch a file once', async () => {
      const bucket = await openFolder();
      let reads = 0;
      const client = async () => {
        const folder = await openFolderClient(bucket);
        return new Proxy(folder, {
          get(target, name) {
            if (name === 'read') reads++;
            const value = Reflect.get(target, name, target) as unknown;
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
      };
      const openNode = async () => {
        const copies = { target: 'far', prefix: '', client };
        const folder = await openFolder();
        return opened.use(new ParquetPlace({ folder, copies, duckdb: nowhere, memoryMb: 256, threads: 1 }));
      };
      const { add, seal, table } = await openSealing(await openNode());
      await add(3);
      await seal();
      const batches = await table.list('sealed');
      reads = 0;
      const there = await openNode();
      const question = { ask: 'begun', scope: {}, from: 0, to: 1e9, most: 10 } as const;
      const answers = await Promise.all([1, 2, 3].map(() => there.ask(question, batches, { signal })));
      assert.deepEqual([reads, answers.map(({ length }) => length)], [1, [3, 3, 3]]);
    });

    testPlace('a question that is aborted ends its process, and the next one is answered', async () => {
      const place = await openPlace();
      const { add, seal, table } = await openSealing(place);
      await add(3);
      await seal();
      const batches = await table.list('sealed');
      const question = { ask: 'begun', scope: {}, from: 0, to: 1e9, most: 10 } as const;
      const controller = new AbortController();
      const asked = place.ask(question, batches, { signal: controller.signal });
      controller.abort();
      await assert.rejects(asked, { name: 'AbortError' });
      assert.equal((await place.ask(question, batches, { signal })).length, 3);
    });

    testPlace('ClickHouse: rows are there once after a failure, and those of a deleted stream go', async () => {
      const place = await openClickHouse();
      const { server } = place;
      const { add, seal, stored, total, db } = await openSealing(place);
      await add(3);
      await add(2, 0, yard);
      server.fail(500);
      await assert.rejects(seal(), { code: 'not-ready', message: /answers 500: Code: 241/ });
      server.fail(undefined);
      assert.deepEqual([await stored(), await total()], [5, 5 * 60_000]);
      await seal();
      assert.deepEqual([await stored(), server.rows(), await total()], [0, 5, 5 * 60_000]);
      await eraseViewing(db, yard);
      await seal();
      assert.deepEqual([server.rows(), await total()], [3, 3 * 60_000]);
      const { 'x-clickhouse-user': user, 'x-clickhouse-key': key } = server.headers;
      assert.deepEqual([user, key], ['ann', 'secret']);
    });

    testPlace('DuckDB reads the files of its folder only', { skip: noDuckDb }, async () => {
      const place = await openPlace(engines);
      const { add, seal, table } = await openSealing(place);
      await add(1);
      await seal();
      const [batch] = await table.list('sealed');
      const question = { ask: 'begun', scope: {}, from: 0, to: 1e9, most: 10 } as const;
      const other = await openSealing(await openPlace());
      await other.add(1);
      await other.seal();
      const folder = (other.place as ParquetPlace).folder;
      const [file] = await readdir(folder);
      const outside = Object.assign({}, batch, {
        id: relative(place.folder, join(folder, file!)).replace('.parquet', ''),
      });
      await assert.rejects(place.ask(question, [outside], { signal }), /Permission/);
      assert.equal((await place.ask(question, [batch!], { signal })).length, 1);
      assert.match(await place.check({ signal }), /^DuckDB v/);
    });
  });
}

async function openSealingIn(
  openDatabase: OpenDatabase,
  place: SealedPlace,
  options: Parameters<typeof sealingWith>[2] = {},
) {
  const store = opened.use(await openDatabase());
  const sealing = sealingWith(store.db, place, options);
  const { contents } = sealing;
  const table = new ViewingTable({ db: store.db, contents, node: '' });
  const stored = async () => (await store.db.selectFrom('viewing_minute').select('minute').execute()).length;
  const span = { table: 'viewing_minute', from: 0, to: 1e9 } as const;
  const total = async () => (await sealing.reads.sums({}, span, undefined))[0]?.watchMs ?? 0;
  const add = (rows: number, minute = 0, content = door) =>
    table.add(Array.from({ length: rows }, (_, i) => viewingRow(content, `s${i}`, minute, { begins: true })));
  return { ...sealing, place, db: store.db, add, stored, total };
}

const filesOf = async ({ folder }: ParquetPlace) => (await readdir(folder)).toSorted();

/** A place of which some operations are others. */
function wrap(place: SealedPlace, changes: Partial<SealedPlace>): SealedPlace {
  return new Proxy(place, {
    get(target, name) {
      const change = changes[name as keyof SealedPlace];
      if (change) return change;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value as (options: PlaceOptions) => unknown).bind(target) : value;
    },
  });
}
