/**
 * The contract of the table of weekly reports: each is sent by one node.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { SentReports } from './report-table.ts';

const TO_MS = Date.parse('2026-03-02T00:00:00Z');
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Every database runs this suite. */
export function reportTableContract(name: string, open: OpenDatabase): void {
  suite(`weekly reports on ${name}`, () => {
    test('of nodes that claim a report at once, one has it', async () => {
      await using database = await open();
      const nodes = Array.from({ length: 8 }, () => new SentReports(database.db));
      const claims = await Promise.all(nodes.map((node) => node.claim(TO_MS, TO_MS)));
      assert.deepEqual(claims.toSorted(), [...Array<string>(7).fill('other'), 'own']);
    });

    test('a report that was sent is known to all', async () => {
      await using database = await open();
      const [node, other] = [new SentReports(database.db), new SentReports(database.db)];
      assert.equal(await node.claim(TO_MS, TO_MS), 'own');
      await node.sent(TO_MS, TO_MS + 1000);
      assert.equal(await other.claim(TO_MS, TO_MS + DAY_MS), 'sent');
      assert.equal(await other.claim(TO_MS + 7 * DAY_MS, TO_MS + 7 * DAY_MS), 'own', 'the next one is another one');
    });

    test('a report of a node that has ended is taken after ten minutes, by one node', async () => {
      await using database = await open();
      const node = new SentReports(database.db);
      await node.claim(TO_MS, TO_MS);
      assert.equal(await node.claim(TO_MS, TO_MS + 10 * MINUTE_MS - 1), 'other');
      const claims = await Promise.all([1, 2, 3].map(() => node.claim(TO_MS, TO_MS + 10 * MINUTE_MS)));
      assert.deepEqual(claims.toSorted(), ['other', 'other', 'own']);
    });

    test('a report that could not be made is free at once, one that was sent is not', async () => {
      await using database = await open();
      const node = new SentReports(database.db);
      await node.claim(TO_MS, TO_MS);
      await node.release(TO_MS);
      assert.equal(await node.claim(TO_MS, TO_MS), 'own');
      await node.sent(TO_MS, TO_MS);
      await node.release(TO_MS);
      assert.equal(await node.claim(TO_MS, TO_MS + DAY_MS), 'sent');
    });

    test('rows are kept for three months', async () => {
      await using database = await open();
      const node = new SentReports(database.db);
      for (let week = 0; week < 20; week++) {
        const toMs = TO_MS + week * 7 * DAY_MS;
        await node.claim(toMs, toMs);
        await node.sent(toMs, toMs);
      }
      assert.equal((await database.db.selectFrom('report').select('to_us').execute()).length, 13);
    });
  });
}
