/**
 * The contract of texts: each database keeps, finds and orders the same ones.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OpenDatabase } from './store.fixture.ts';

/** A text, and what is kept of it where that differs. */
const texts: readonly (readonly [text: string, kept?: string])[] = [
  [''],
  ['a'],
  ['A'],
  ['a '],
  [' a'],
  ['a\t\r\n'],
  ['ä'],
  ['a\u0308'],
  ['straße'],
  ['\uffff'],
  ['\u{1f600}'],
  ['%_\\\'"`'],
  ['x'.repeat(100_000)],
  ['a\0b', 'ab'],
  ['end\0', 'end'],
  ['\ud800', '\ufffd'],
];

/** Every database runs this suite. */
export function textsContract(name: string, open: OpenDatabase): void {
  suite(`texts on ${name}`, () => {
    test('are kept as they are, without NUL, and found again', async () => {
      await using store = await open();
      const { db } = store;
      for (const [stream, kept = stream] of texts) {
        await db.insertInto('watch_epoch').values({ stream, epoch: 1 }).execute();
        const found = await db.selectFrom('watch_epoch').select('stream').where('stream', '=', stream).execute();
        assert.deepEqual(found, [{ stream: kept }], JSON.stringify(stream.slice(0, 20)));
      }
    });

    test('are ordered by their bytes in UTF-8', async () => {
      await using store = await open();
      const { db } = store;
      for (const [stream] of texts) await db.insertInto('watch_epoch').values({ stream, epoch: 1 }).execute();
      const rows = await db.selectFrom('watch_epoch').select('stream').orderBy('stream').execute();
      const inOrder = texts.map(([text, kept = text]) => Buffer.from(kept)).sort((a, b) => a.compare(b));
      assert.deepEqual(
        rows.map(({ stream }) => stream.slice(0, 20)),
        inOrder.map((bytes) => bytes.toString().slice(0, 20)),
      );
      for (const [stream, kept = stream] of texts) {
        const after = await db.selectFrom('watch_epoch').select('stream').where('stream', '>', stream).execute();
        const expected = inOrder.filter((bytes) => bytes.compare(Buffer.from(kept)) > 0);
        assert.equal(after.length, expected.length, JSON.stringify(stream.slice(0, 20)));
      }
    });
  });
}
