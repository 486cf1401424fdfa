/**
 * The contract of the index of objects.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { segmentLocation, segmentPrefix } from '../segment-store.ts';
import { ObjectDeletions } from './object-deletions.ts';
import { ObjectRows } from './object-rows.ts';
import { StoredObjects } from './stored-objects.ts';

/** More than a query has. */
const MANY = 1200;

/** Every database runs this suite. */
export function storedObjectsContract(name: string, open: OpenDatabase): void {
  suite(`the index of objects on ${name}`, () => {
    async function indexOf(locations: readonly string[]) {
      const database = await open();
      await database.db.insertInto('lease').values({ name: 'data', holder: '', token: 1, expires_us: 0 }).execute();
      const rows = ObjectRows.in(database.db, () => ({ name: 'data', token: 1 }));
      const objects = new StoredObjects(rows, () => 0, new ObjectDeletions(rows, () => 0));
      for (const location of locations.map(segmentLocation)) {
        await objects.adopt({ location, target: 'bucket', key: location, size: 1, fence: 1 }, false);
      }
      return { objects, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
    }

    test('names the folders below a prefix once, whatever is beside them', async () => {
      await using index = await indexOf([
        ...[
          'r/10/a',
          'r/10/b',
          'r/10.json',
          'r/100/a',
          'r/1',
          'r/z.json',
          'r/z/stream.json',
          'r/z/a/1',
          'r/z0',
          'r/z1/a',
        ],
        ...['r0/a', 'r/é/a', 'r/\u{1f600}/a', 'q/a'],
      ]);
      const { objects } = index;
      assert.deepEqual(await objects.folders(segmentPrefix('r')), ['10', '100', 'z', 'z1', 'é', '\u{1f600}']);
      assert.deepEqual(await objects.folders(segmentPrefix('r/z')), ['a']);
      assert.deepEqual(await objects.folders(segmentPrefix('r/10')), []);
      assert.deepEqual(await objects.folders(segmentPrefix('none')), []);
    });

    test('finds the descriptions that may name an object of a mirror', async () => {
      await using index = await indexOf(['r/0']);
      const { objects } = index;
      const at = (minute: number, folder = 'm') => `${folder}/${String(minute * 60_000).padStart(15, '0')}`;
      for (const [name, first, last] of [
        ['r/1', at(10), at(20)],
        ['r/2', at(20), at(30)],
        ['r/3', at(10, 'n'), at(20, 'n')],
        ['r/4', at(20), at(80)],
        ['r/5', at(20), at(200)],
      ] as const) {
        const location = segmentLocation(name);
        const row = { location, target: 'bucket', key: `${name}~.log`, size: 1, fence: 1 };
        await objects.adopt({ ...row, log_first: first, log_last: last }, true);
      }
      const between = async (first: string, last: string, target = 'bucket') =>
        (await objects.loggedBetween(target, first, last)).map(({ location }) => location).sort();
      // No file is described by objects of more than an hour.
      assert.deepEqual(await between(at(20), at(20)), ['r/1', 'r/2', 'r/4']);
      assert.deepEqual(await between(at(21), at(29)), ['r/2', 'r/4']);
      assert.deepEqual(await between(at(0), at(15)), ['r/1']);
      assert.deepEqual(await between(at(81), at(99)), []);
      assert.deepEqual(await between(at(0), at(99), 'other'), []);
    });

    test('lists more than one query has, each location once and in order', async () => {
      const names = Array.from({ length: MANY }, (_, i) => `r/${String(i).padStart(5, '0')}`);
      await using index = await indexOf(names.toReversed());
      assert.deepEqual(await Array.fromAsync(index.objects.list(segmentPrefix('r'))), names);
      await index.objects.keepOnly(new Set(names.slice(0, -1).map((each) => `bucket ${each}`)));
      assert.deepEqual(await Array.fromAsync(index.objects.list(segmentPrefix('r'))), names.slice(0, -1));
    });
  });
}
