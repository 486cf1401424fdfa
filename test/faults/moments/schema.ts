/**
 * The upgrade of a large database by the start of a newer oxbow.
 * In: a database of the oldest schema that this oxbow can make. Out: the newest schema with every row, and a
 * copy of the old one.
 */
import assert from 'node:assert/strict';
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { migrations, OLDEST_SCHEMA } from '../../../src/store/migrations.ts';
import { changeSqliteSchema } from '../../../src/store/sqlite/sqlite.ts';
import { startServer } from '../../fixtures/server.ts';
import { type Activity, assertSame, hashOf, type Seen, segmentsOf } from './activity.ts';
import { importCamera, timesUpTo } from './imported.ts';

const PIECES = 12;
/** Rows of a camera that is deleted: half a month, a file a minute. */
const ROWS = 20_000;
const COPY = `oxbow.db.schema-${OLDEST_SCHEMA}`;

/** Adds rows like that of one file. */
function enlarge(file: string): void {
  using db = new DatabaseSync(file);
  const columns = db.prepare('PRAGMA table_info(chunk_file)').all() as { name: string }[];
  const changed: Readonly<Record<string, string>> = {
    stream_id: "'old-camera'",
    first_msn: 'n',
    last_msn: 'n',
    path: "'recordings/old-camera/' || n",
    absences: `CASE n % 3 WHEN 0 THEN '[]' ELSE '[{"count":1,"durationUs":1000000}]' END`,
  };
  const values = columns.map(({ name }) => changed[name] ?? name).join(', ');
  db.exec(`WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ${ROWS})
    INSERT INTO chunk_file SELECT ${values} FROM number, (SELECT * FROM chunk_file LIMIT 1)`);
}

/** What a database contains of what the old one had. */
function contentOf(file: string): { readonly version: unknown; readonly streams: unknown; readonly hash: string } {
  using db = new DatabaseSync(file, { readOnly: true });
  const { user_version: version } = db.prepare('PRAGMA user_version').get()!;
  assert.deepEqual(db.prepare('PRAGMA integrity_check').all().map(Object.values), [['ok']]);
  const streams = db.prepare('SELECT id, name FROM stream').all();
  const chunks = db.prepare(
    'SELECT stream_id, first_msn, path, size, absences, segments FROM chunk_file ORDER BY stream_id, first_msn',
  );
  const rows = chunks.all();
  assert.equal(rows.length, ROWS + PIECES);
  return { version, streams, hash: hashOf(Buffer.from(JSON.stringify(rows))) };
}

/** See above. */
export const upgrading: Activity = {
  name: 'schema',
  steps: ['renameSync data/oxbow.db.#', 'sql alter chunk_file'],
  async prepare(folder) {
    const times = timesUpTo(Date.now() - 60_000, PIECES, 60_000);
    const made = join(folder, 'data');
    await importCamera(folder, times, 6);
    let segments: Seen[];
    {
      await using server = await startServer({ data: made });
      segments = await segmentsOf(server, 'cam', times[0]! / 1000, times.at(-1)! / 1000 + 2);
    }
    const file = join(made, 'oxbow.db');
    changeSqliteSchema(file, OLDEST_SCHEMA);
    enlarge(file);
    const old = contentOf(file);
    return {
      async trial(own) {
        const data = join(own, 'data');
        await cp(made, data, { recursive: true });
        return {
          async run(env, began) {
            began();
            await using server = await startServer({ data, env });
            await assertSame(server, segments);
          },
          async check() {
            {
              await using server = await startServer({ data });
              await assertSame(server, segments);
            }
            assert.deepEqual(contentOf(join(data, 'oxbow.db')), { ...old, version: migrations.length });
            const copies = (await readdir(data)).filter((name) => /^oxbow\.db\.|corrupt/.test(name));
            // Each start copies what it finds; steps are committed one by one, so the second may find a newer
            // schema.
            assert.ok(copies.includes(COPY) && copies.length <= 2, copies.join());
            assert.deepEqual(contentOf(join(data, COPY)), old);
          },
        };
      },
      async [Symbol.asyncDispose]() {},
    };
  },
};
