/**
 * Two versions of oxbow on one PostgreSQL database: the newer one takes it to a schema with which the older
 * one works, or waits until the older one has ended.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { sql } from 'kysely';
import pg from 'pg';
import { createSystemClock } from '../../src/lib/clock.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { openEngine } from '../../src/store/db.ts';
import { openLeaseTable } from '../../src/store/lease-table.ts';
import { type Migration, migrations, oldestFor } from '../../src/store/migrations.ts';
import { openPostgresEngine } from '../../src/store/postgres/engine.ts';
import { readSchema } from '../../src/store/postgres/migrate.ts';
import { openCluster, type TestCluster } from '../cluster/cluster.fixture.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const log = createSilentLog();
const NEWEST = migrations.length;
/** What a newer oxbow adds, with which this one works. */
const expanding: Migration = {
  up: `ALTER TABLE stream ADD COLUMN of_tomorrow TEXT;
   CREATE TABLE of_tomorrow (id TEXT PRIMARY KEY) STRICT;`,
  down: 'DROP TABLE of_tomorrow; ALTER TABLE stream DROP COLUMN of_tomorrow;',
  expands: true,
};
/** What this one cannot work with. */
const contracting: Migration = { up: 'ALTER TABLE stream RENAME COLUMN source TO origin_of_tomorrow;', down: '' };
/** Of a version after that. */
const furtherContracting: Migration = {
  up: 'ALTER TABLE stream RENAME COLUMN origin TO origin_later;',
  down: '',
};

suite('two versions on one database', { skip: needPostgres() || need('redis-server') }, () => {
  let cluster: TestCluster;
  const server = () => ({ url: cluster.database, replicaUrl: undefined, pool: 4, replicaLag: 2000 });
  /** Opens the database as a newer oxbow does. */
  const openAsNewer = (...steps: readonly Migration[]) =>
    openPostgresEngine({ server: server(), log, onWait: () => undefined, steps: [...migrations, ...steps] });

  before(async () => {
    cluster = await openCluster({ isProxied: false, takeoverMs: 4000 });
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  test('the older one records on beside an added column and table, is started again, and ends before others', async () => {
    const start = () => cluster.start('a', { args: [...smallPicture] });
    const a = await start();
    const create = async (name: string) => {
      const body = JSON.stringify({ name, source: { type: 'test' } });
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
      assert.equal((await a.server.fetch('/api/v1/streams', init)).status, 201);
    };
    await create('cam');
    await a.server.stream('cam', 'live');
    await until('it is recorded', async () => (await a.server.timeline('cam')).spans.length > 0);
    {
      await using newer = await openAsNewer(expanding);
      assert.deepEqual(await readSchema(newer.db), { version: NEWEST + 1, oldest: oldestFor(NEWEST) });
    }
    const fromMs = Date.now();
    await until('the older one records on', async () => {
      const { spans } = await a.server.timeline('cam');
      return Date.parse(spans.at(-1)!.to) > fromMs;
    });
    await create('later');
    await a.server.stream('later', 'live');
    await assert.rejects(openAsNewer(expanding, contracting), {
      code: 'data-in-use',
      message: /^The node a uses the database, and cannot work with the schema/,
    });
    await a.server.stop('SIGTERM');
    const again = await start();
    await again.server.stream('later', 'live');
    const warning = again.server.log('warn').find(({ msg }) => /schema of a newer oxbow/.test(msg));
    assert.deepEqual([warning?.schema, warning?.known], [NEWEST + 1, NEWEST]);
    await assert.rejects(openEngine({ file: '', server: server(), log }), { code: 'data-newer' }, 'copies and backups');
    await again.server.stop('SIGTERM');
    {
      await using newer = await openAsNewer(expanding, contracting);
      assert.deepEqual(await readSchema(newer.db), { version: NEWEST + 2, oldest: NEWEST + 2 });
    }
    await assert.rejects(start(), /data-newer|schemas up to/);
  });

  test('a step beside an older one waits for a long query, and lets others through meanwhile', async () => {
    const client = new pg.Client({ connectionString: cluster.database });
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT count(*) FROM marker');
    const later: Migration = { up: 'ALTER TABLE marker ADD COLUMN later TEXT;', down: '', expands: true };
    const opening = openAsNewer(expanding, contracting, later);
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE marker%'
      AND datname = current_database()`;
    await until('the step waits', async () => (await cluster.query(waiting)).length > 0);
    await cluster.query('SELECT count(*) FROM marker'); // behind the step, which gives up
    await client.query('COMMIT');
    await client.end();
    await using newer = await opening;
    assert.equal((await readSchema(newer.db)).version, NEWEST + 3);
    await sql`ALTER TABLE marker DROP COLUMN later`.execute(newer.db);
    await sql`UPDATE oxbow_schema SET version = ${NEWEST + 2}, oldest = ${NEWEST + 2}`.execute(newer.db);
  });

  test('a step that an older one cannot work with waits for the lease of one that was killed', async () => {
    await using engine = await openAsNewer(expanding, contracting);
    const leases = openLeaseTable(engine.db, createSystemClock());
    await leases.take('node/killed', { holder: '{}', ttlMs: 1500 });
    const beganAt = Date.now();
    await using newer = await openAsNewer(expanding, contracting, furtherContracting);
    const { rows } = await sql<{ at: number }>`SELECT expires_us AS at FROM lease WHERE name = 'node/killed'`.execute(
      newer.db,
    );
    assert.ok(Date.now() * 1000 >= rows[0]!.at, 'the lease has ended');
    assert.ok(beganAt * 1000 < rows[0]!.at, 'it was held as the newer one began');
  });
});
