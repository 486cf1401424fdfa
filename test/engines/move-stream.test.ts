/**
 * Moves of the rows of a stream between PostgreSQL servers: while it records, killed at each step, and
 * against processes that are late.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { createSystemClock } from '../../src/lib/clock.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { ChunkQueries } from '../../src/recording/chunks/chunk-queries.ts';
import { ChunkTable } from '../../src/recording/chunks/chunk-table.ts';
import { StatsTable } from '../../src/recording/stats-table.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { readAllDiffering } from '../../src/store/reading/recount.ts';
import { type MovedStream, type MoveStreamOptions, moveStream } from '../../src/store/shards/move-stream.ts';
import { openDatabases } from '../../src/store/shards/open-databases.ts';
import { changeRows } from '../../src/store/shards/stream-rows.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { chunkAt, openShards, rowsIn, type ShardedServers, type ShardedSettings } from './shards.fixture.ts';

const log = createSilentLog();
const clock = createSystemClock();
const { signal } = new AbortController();
const NONE = {
  chunk_file: 0,
  date_range: 0,
  retention: 0,
  stats_window: 0,
  init: 0,
  stream_caption: 0,
  evidence_block: 0,
  gap_healing: 0,
};
let servers: ShardedServers;

const tablesOf = ({ rows }: Pick<Store, 'rows'>) => ({
  table: new ChunkTable(rows),
  chunks: new ChunkQueries(rows),
  stats: new StatsTable(rows),
});

async function move(server: ShardedSettings, to: string, more: Partial<MoveStreamOptions> = {}): Promise<MovedStream> {
  await using databases = await openDatabases(server, signal);
  const { catalogue, databaseOf } = databases;
  return await moveStream({ catalogue, databaseOf, streamId: 's', to, clock, signal, graceMs: 0, ...more });
}

/** Writes the rows of a stream until it is ended. Every write has to succeed. */
function record(store: Store, from: number) {
  const { table, stats } = tablesOf(store);
  let isEnding = false;
  let last = from - 1;
  const written = (async () => {
    while (!isEnding) {
      const n = last + 1;
      const tag = { id: `r${n}`, startDateMs: n * 60_000, attributes: [] };
      await table.put(chunkAt('s', n), n % 3 === 0 ? [{ msn: n, range: tag as never }] : []);
      await table.put(chunkAt('s/q-360p', n));
      await stats.write('s', { startUs: n * 600_000_000, packed: Uint8Array.of(n % 256) });
      await table.change('s', n, { size: 2 });
      if (n % 10 === 0) await table.remove('s', [n - 5], n);
      await changeRows(store.rows, 's', async (db) => {
        const init = { stream_id: 's', number: n, hash: String(n), bytes: Uint8Array.of(n % 256) };
        await db.insertInto('init').values(init).execute();
        await db.insertInto('stream_caption').values({ stream_id: 's', run: n, captions: '[]' }).execute();
      });
      last = n;
    }
  })();
  return {
    get last() {
      return last;
    },
    async end() {
      isEnding = true;
      await written;
    },
  };
}

/** What `record` leaves of a stream: its MSNs. */
const expected = (last: number) =>
  Array.from({ length: last }, (_, i) => i + 1).filter((n) => n % 10 !== 5 || n + 5 > last);

async function assertRows(store: Store, last: number): Promise<void> {
  const { chunks, stats, table } = tablesOf(store);
  assert.deepEqual(await readAllDiffering(store.rows), [], 'sums are those of the files');
  const { bytes } = await table.totals('s');
  assert.ok(bytes >= 2 * expected(last).length, `${bytes}`);
  assert.equal((await table.allTotals()).of('s').bytes, bytes);
  assert.deepEqual(
    [...(await chunks.files('s')).firstMsns].sort((a, b) => a - b),
    expected(last),
  );
  assert.equal((await chunks.files('s/q-360p')).firstMsns.size, last);
  assert.equal((await stats.between('s', 0, Number.MAX_SAFE_INTEGER)).length, last);
  for (const name of ['init', 'stream_caption'] as const) {
    const rows = await store.rows.read('s', (db) => db.selectFrom(name).select('stream_id').execute());
    assert.equal(rows.length, last, name);
  }
  const listed = await chunks.dateRangesBefore('s', Number.MAX_SAFE_INTEGER, 10_000);
  assert.deepEqual(
    listed.map(({ msn }) => msn),
    expected(last).filter((n) => n % 3 === 0),
  );
}

suite('moving the rows of a stream', { skip: needPostgres() }, () => {
  before(async () => {
    servers = await openShards();
  });
  after(() => servers[Symbol.asyncDispose]());

  test('works while it records, to a shard and back: every write succeeds, and nothing is lost or twice', async () => {
    const server = await servers.create();
    await using folder = await openFolder('move');
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    await tablesOf(store).table.put(chunkAt('other', 1));
    const recording = record(store, 1);
    await until('rows are written', () => recording.last > 20);
    const there = await move(server, 'b');
    assert.equal(there.from, '');
    assert.ok(there.rows!.chunk_file > 20 && there.rows!.date_range > 3 && there.rows!.retention === 1);
    const before = recording.last;
    await until('more rows are written', () => recording.last > before + 10);
    assert.deepEqual(await rowsIn(server.url), { ...NONE, chunk_file: 1 });
    assert.equal((await move(server, 'b')).rows, undefined, 'it is there');
    const back = await move(server, '');
    await recording.end();
    assert.equal(back.from, 'b');
    assert.deepEqual(await rowsIn(server.shards.b!), NONE);
    await assertRows(store, recording.last);
    assert.deepEqual([...(await tablesOf(store).chunks.files('other')).firstMsns], [1]);
    assert.ok(there.heldMs < 15_000 && back.heldMs < 15_000);
  });

  test('is killed after each step and continues; in between the rows are complete, and writes succeed', async () => {
    const server = await servers.create();
    await using folder = await openFolder('move');
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    const recording = record(store, 1);
    await until('rows are written', () => recording.last > 20);
    const script = new URL('./killed-move.fixture.ts', import.meta.url).pathname;
    for (const step of ['begun', 'copied', 'held', 'equal', 'switched', 'cleaning', 'cleaned']) {
      const args = [script, JSON.stringify(server), 's', 'b', step];
      await assert.rejects(promisify(execFile)(process.execPath, args), { signal: 'SIGKILL' }, step);
      const before = recording.last;
      await until(`rows are written after ${step}`, () => recording.last > before + 3);
      const [row] = await store.db.selectFrom('stream_shard').select(['shard', 'copies_in']).execute();
      const isThere = ['switched', 'cleaning', 'cleaned'].includes(step);
      assert.equal(row!.shard, isThere ? 'b' : '', step);
    }
    await move(server, 'b');
    await recording.end();
    assert.deepEqual(await rowsIn(server.url), NONE);
    await assertRows(store, recording.last);
  });

  test('does not switch after its hold has ended and a row was written; it compares again', async () => {
    const server = await servers.create();
    await using folder = await openFolder('move');
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    const { table, chunks } = tablesOf(store);
    await table.put(chunkAt('s', 1));
    let held = 0;
    await move(server, 'b', {
      async stepped(step) {
        if (step !== 'equal' || ++held > 1) return;
        // As a mover that was paused for longer than its hold.
        await store.db.updateTable('stream_shard').set({ held_until_us: 0 }).execute();
        await table.put(chunkAt('s', 2));
      },
    });
    assert.equal(held, 2);
    await table.put(chunkAt('s', 3));
    assert.deepEqual([...(await chunks.files('s')).firstMsns], [1, 2, 3]);
    assert.equal((await rowsIn(server.shards.b!)).chunk_file, 3);
  });

  test('a node that wakes up after the move writes to the new database, and reads there', async () => {
    const server = await servers.create();
    await using folders = await openFolder('move');
    const open = (node: string) => openStore({ file: `${folders.path}/${node}/oxbow.db`, server, log, node });
    await using first = await open('first');
    await using second = await open('second');
    await tablesOf(first).table.put(chunkAt('s', 1));
    let held: Promise<unknown> = Promise.resolve();
    await move(server, 'b', {
      stepped(step) {
        // It waits for the end of the hold with what it knows of the old database.
        if (step === 'held') held = tablesOf(first).table.put(chunkAt('s', 2));
      },
    });
    await held;
    assert.deepEqual(await rowsIn(server.url), NONE);
    await tablesOf(second).table.put(chunkAt('s', 3));
    assert.equal((await tablesOf(second).chunks.files('s')).firstMsns.size, 3);
  });

  test('a later move takes over from one that was paused, which writes and deletes nothing any more', async () => {
    const server = await servers.create();
    await using folder = await openFolder('move');
    await using store = await openStore({ file: `${folder.path}/oxbow.db`, server, log });
    const { table, chunks } = tablesOf(store);
    for (let n = 1; n <= 5; n++) await table.put(chunkAt('s', n));
    for (const late of ['copied', 'held', 'cleaning'] as const) {
      const paused = move(server, 'b', {
        async stepped(step) {
          if (step !== late) return;
          await store.db.updateTable('stream_shard').set({ held_until_us: 0 }).execute();
          await move(server, 'b');
          if (late === 'cleaning') await move(server, '');
        },
      });
      await assert.rejects(paused, { code: 'data-in-use', message: /Another move/ }, late);
      await store.rows.claim('s'); // the copies are deleted at once here: read where the stream is now
      assert.deepEqual([...(await chunks.files('s')).firstMsns], [1, 2, 3, 4, 5], late);
      await move(server, '');
    }
  });

  test('is refused while a process runs without the shards; a move to the present place ends a move', async () => {
    const server = await servers.create();
    await using folder = await openFolder('move');
    const file = `${folder.path}/oxbow.db`;
    {
      await using store = await openStore({ file, server: { ...server, shards: {} }, log });
      await tablesOf(store).table.put(chunkAt('s', 1));
      await assert.rejects(move(server, 'b'), { code: 'data-in-use', message: /without `store\.shards`/ });
    }
    await using store = await openStore({ file, server, log });
    const stopped = new AbortController();
    const stepped = (step: string) => step === 'copied' && stopped.abort();
    await assert.rejects(move(server, 'b', { signal: stopped.signal, stepped: async (step) => void stepped(step) }));
    assert.equal((await rowsIn(server.shards.b!)).chunk_file, 1);
    await move(server, '');
    assert.equal((await rowsIn(server.shards.b!)).chunk_file, 0);
    await assert.rejects(move(server, 'c'), { code: 'bad-request' });
    assert.equal((await tablesOf(store).chunks.files('s')).firstMsns.size, 1);
  });
});
