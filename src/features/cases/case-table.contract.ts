/**
 * The contract of the table of cases: content, revisions, pages.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OxbowError } from '../../lib/errors.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { CaseTable, createRowId, type HeldRange } from './case-table.ts';

/** A time of the present: µs beyond 2^50. */
const START_US = 1_794_999_600_000_000;
const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const nothing = () => {};

const fieldsAt = (second: number, owner = 'user:1') => ({
  title: `Tür ${second}`,
  description: '',
  owner,
  author: 'user Ann',
  createdUs: START_US + second * 1_000_000,
});
const rangeAt = (second: number): HeldRange => ({
  id: createRowId(),
  streamId: 's',
  stream: 'door',
  fromUs: START_US + second * 1_000_000,
  toUs: START_US + (second + 60) * 1_000_000,
  title: '',
  holdId: `hold-${second}`,
  author: 'user Ann',
  addedUs: START_US,
});

/** Every database runs this suite. */
export function caseTableContract(name: string, open: OpenDatabase): void {
  suite(`cases on ${name}`, () => {
    test('ranges are in order of their start, notes of a removed range are then about the case', async () => {
      await using database = await open();
      const table = new CaseTable(database.db);
      const { id, revision } = await table.add(fieldsAt(0));
      assert.equal(revision, 1);
      const [late, early] = [rangeAt(90), rangeAt(30)];
      for (const range of [late, early])
        await table.change(id, { check: nothing, write: (db) => CaseTable.addRange(db, id, range) });
      const note = {
        id: createRowId(),
        rangeId: late.id,
        atUs: START_US + 1,
        text: '« 门 »',
        author: 'x',
        createdUs: START_US,
      };
      await table.change(id, { check: nothing, write: (db) => CaseTable.addNote(db, id, note) });
      const found = (await table.find(id))!;
      assert.deepEqual([found.ranges, found.notes, found.revision], [[early, late], [note], 4]);
      await table.change(id, { check: nothing, write: (db) => CaseTable.removeRange(db, late.id) });
      const left = (await table.find(id))!;
      assert.deepEqual([left.ranges, left.notes], [[early], [{ ...note, rangeId: undefined }]]);
    });

    test('a refused change writes nothing, and changes at once are all made, each with its revision', async () => {
      await using database = await open();
      const table = new CaseTable(database.db);
      const { id } = await table.add(fieldsAt(0));
      const refuse = () => {
        throw new OxbowError('case-closed', 'The case is closed.');
      };
      await assert.rejects(table.change(id, { check: refuse, fields: { title: 'x' } }), refusal('case-closed'));
      const fails = () => Promise.reject(new Error('no disk'));
      await assert.rejects(table.change(id, { check: nothing, fields: { title: 'x' }, write: fails }), /no disk/);
      assert.deepEqual([(await table.find(id))!.title, (await table.find(id))!.revision], ['Tür 0', 1]);
      const ranges = Array.from({ length: 8 }, (_, i) => rangeAt(i));
      await Promise.all(
        ranges.map((range) => table.change(id, { check: nothing, write: (db) => CaseTable.addRange(db, id, range) })),
      );
      const found = (await table.find(id))!;
      assert.deepEqual([found.ranges, found.revision], [ranges, 9]);
      await assert.rejects(table.change('nothing', { check: nothing }), refusal('case-unknown'));
    });

    test('pages are newest first, of one owner or of all, by state', async () => {
      await using database = await open();
      const table = new CaseTable(database.db);
      const first = await table.add(fieldsAt(1));
      const other = await table.add(fieldsAt(2, 'user:2'));
      const same = await Promise.all([table.add(fieldsAt(3)), table.add(fieldsAt(3))]);
      await table.change(first.id, { check: nothing, write: (db) => CaseTable.addRange(db, first.id, rangeAt(0)) });
      await table.change(other.id, { check: nothing, fields: { closed_us: START_US } });
      const idsOf = async (query: Parameters<CaseTable['page']>[0]) =>
        (await table.page(query)).map(({ file }) => file.id);
      const newest = same
        .map(({ id }) => id)
        .toSorted()
        .toReversed();
      const whole = [...newest, other.id, first.id];
      assert.deepEqual(await idsOf({ owner: undefined, limit: 10 }), whole);
      assert.deepEqual(await idsOf({ owner: 'user:1', limit: 10 }), [...newest, first.id]);
      assert.deepEqual(await idsOf({ owner: undefined, state: 'closed', limit: 10 }), [other.id]);
      const last = (await table.page({ owner: undefined, limit: 1 }))[0]!.file;
      assert.deepEqual(await idsOf({ owner: undefined, after: last, limit: 10 }), whole.slice(1));
      assert.deepEqual(
        (await table.page({ owner: 'user:1', limit: 10 })).map(({ ranges }) => ranges),
        [0, 0, 1],
      );
      assert.deepEqual(await table.counts('user:2'), { all: 4, open: 0 });
      assert.deepEqual(await table.counts('user:1'), { all: 4, open: 3 });
    });

    test('only a closed case is deleted, and holds that it still has are found', async () => {
      await using database = await open();
      const table = new CaseTable(database.db);
      const { id } = await table.add(fieldsAt(0));
      const range = rangeAt(0);
      await table.change(id, { check: nothing, write: (db) => CaseTable.addRange(db, id, range) });
      assert.equal(await table.remove(id), false);
      assert.deepEqual(await table.heldOfClosed(), []);
      await table.change(id, { check: nothing, fields: { closed_us: START_US } });
      assert.deepEqual(await table.heldOfClosed(), [range]);
      await table.clearHold({ id: range.id, holdId: 'another' });
      assert.deepEqual(await table.heldOfClosed(), [range]);
      await table.clearHold(range);
      assert.deepEqual(await table.heldOfClosed(), []);
      assert.equal(await table.remove(id), true);
      assert.equal(await table.find(id), undefined);
      assert.deepEqual(await database.db.selectFrom('case_range').selectAll().execute(), []);
    });
  });
}
