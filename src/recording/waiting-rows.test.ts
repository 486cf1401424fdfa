import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { videoTrack } from '../live/frames.fixture.ts';
import { CaptionTable } from './caption-table.ts';
import { InitTable } from './init-table.ts';
import { WaitingRows } from './waiting-rows.ts';

/** A database that can be out of reach. */
function openDatabase() {
  const written: string[] = [];
  const errors: string[] = [];
  const database = {
    isAway: false,
    written,
    errors,
    async write(row: string) {
      await new Promise(setImmediate);
      if (database.isAway) throw new Error(`no answer for ${row}`);
      written.push(row);
    },
    failed: (error: unknown) => void errors.push((error as Error).message),
  };
  return database;
}

suite('rows that the index refers to', () => {
  test('are written at once and in order', async () => {
    const database = openDatabase();
    const rows = new WaitingRows(database.failed);
    await rows.stored();
    for (const key of [1, 2, 3]) rows.add(key, () => database.write(`row ${key}`));
    await rows.stored();
    assert.deepEqual(database.written, ['row 1', 'row 2', 'row 3']);
    rows.add(4, () => database.write('row 4'));
    await rows.stored();
    assert.deepEqual([database.written.at(-1), database.errors], ['row 4', []]);
  });

  test('wait while the database does not answer; the newest of a key is written', async () => {
    const database = openDatabase();
    const rows = new WaitingRows(database.failed);
    database.isAway = true;
    rows.add(1, () => database.write('old'));
    await assert.rejects(rows.stored(), { message: 'no answer for old' });
    rows.add(2, () => database.write('other'));
    rows.add(1, () => database.write('new'));
    await assert.rejects(rows.stored());
    assert.ok(database.errors.length > 0);
    database.isAway = false;
    await rows.stored();
    assert.deepEqual(database.written, ['new', 'other']);
    await rows.stored();
    assert.equal(database.written.length, 2, 'each once');
  });

  test('a write that throws at once is tried again too', async () => {
    const database = openDatabase();
    const rows = new WaitingRows(database.failed);
    database.isAway = true;
    rows.add(1, () => {
      if (database.isAway) throw new Error('at once');
      return database.write('row');
    });
    await assert.rejects(rows.stored(), { message: 'at once' });
    database.isAway = false;
    await rows.stored();
    assert.deepEqual([database.written, database.errors], [['row'], ['at once']]);
  });

  test('a row that is replaced while it is written is written again', async () => {
    const database = openDatabase();
    const rows = new WaitingRows(database.failed);
    rows.add(1, async () => {
      await database.write('old');
      rows.add(1, () => database.write('new'));
    });
    await rows.stored();
    assert.deepEqual(database.written, ['old', 'new']);
  });

  test('of codec configurations and captions are not lost by a failed write', async () => {
    const database = openDatabase();
    const { failed } = database;
    const inits = new InitTable([], { save: ({ number }) => database.write(`init ${number}`), failed, nowMs: () => 0 });
    const captions = new CaptionTable(new Map(), (run) => database.write(`captions of ${run}`), failed);
    database.isAway = true;
    const { number } = inits.of([videoTrack()]);
    inits.add(7, '7'.repeat(64), [videoTrack()]);
    captions.set(3, []);
    await assert.rejects(inits.stored());
    await assert.rejects(captions.stored());
    assert.equal(inits.get(number)?.number, number, 'it is known here at once');
    database.isAway = false;
    await Promise.all([inits.stored(), captions.stored()]);
    assert.deepEqual(database.written.toSorted(), ['captions of 3', `init ${number}`, 'init 7'].toSorted());
  });
});
