import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { temporaryFolder } from '../../archive/media.fixture.ts';
import { migrations } from '../migrations.ts';
import { changeSqliteSchema, openSqlite } from '../sqlite/sqlite.ts';
import { loggedMigration } from './logged-step.ts';

const BEFORE = migrations.indexOf(loggedMigration);

test('an earlier version sends described files again, and gets no database whose media is only in a log', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'oxbow.db');
  openSqlite(file, 0)[Symbol.dispose]();
  const insert = (location: string, local: number, first: string) => {
    using db = new DatabaseSync(file);
    const row = [location, 'b', location, 1, '', 1, 1, local, first, first];
    db.prepare('INSERT INTO stored_object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(...row);
  };
  const locations = () => {
    using db = new DatabaseSync(file);
    return db
      .prepare('SELECT location FROM stored_object ORDER BY location')
      .all()
      .map(({ location }) => location);
  };
  insert('r/whole', 0, '');
  insert('r/described', 1, 'm/1');
  insert('r/lost', 0, 'm/1');
  assert.throws(() => changeSqliteSchema(file, BEFORE), /recordings_are_only_in_the_log_of_a_mirror/);
  assert.deepEqual(locations(), ['r/described', 'r/lost', 'r/whole']);
  {
    using db = new DatabaseSync(file);
    db.exec(`DELETE FROM stored_object WHERE location = 'r/lost'`);
  }
  changeSqliteSchema(file, BEFORE);
  assert.deepEqual(locations(), ['r/whole']);
  changeSqliteSchema(file, BEFORE + 1);
  assert.deepEqual(locations(), ['r/whole']);
});
