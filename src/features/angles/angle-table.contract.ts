/**
 * The contract of the table of sets of angles: content, revisions, pages.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OxbowError } from '../../lib/errors.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { AngleTable, type StoredAngle } from './angle-table.ts';

/** A time of the present: µs beyond 2^50. */
const START_US = 1_794_999_600_000_000;
const front: StoredAngle = { id: 'm1', kind: 'stream', of: 's', offsetMs: 0, how: 'time' };
const phone: StoredAngle = {
  id: 'm2',
  kind: 'asset',
  of: 'a',
  offsetMs: START_US / 1000 + 0.125,
  how: 'sound',
  confidence: 0.9,
  errorMs: 5,
  measuredMs: START_US / 1000,
  drift: { ms: -30.5, overMs: 300_000 },
};
const fieldsAt = (second: number, owner = 'user:1') => ({
  name: `Bühne ${second}`,
  atUs: second === 0 ? undefined : START_US,
  members: [front, phone],
  owner,
  createdUs: START_US + second * 1_000_000,
});

/** Every database runs this suite. */
export function angleTableContract(name: string, open: OpenDatabase): void {
  suite(`sets of angles on ${name}`, () => {
    test('a set is stored with its members, offsets to the microsecond', async () => {
      await using database = await open();
      const table = new AngleTable(database.db);
      const added = await table.add(fieldsAt(0));
      assert.deepEqual(await table.find(added.id), added);
      assert.deepEqual([added.revision, added.atUs, added.members], [1, undefined, [front, phone]]);
      assert.equal(await table.find('unknown'), undefined);
      assert.equal(await table.remove(added.id), true);
      assert.equal(await table.remove(added.id), false);
    });

    test('changes at the same time are all kept, and a refused one writes nothing', async () => {
      await using database = await open();
      const table = new AngleTable(database.db);
      const { id } = await table.add(fieldsAt(1));
      const shift = (by: number) =>
        table.change(id, ({ name: before, atUs, members }) => ({
          name: before,
          atUs,
          members: members.map((member) => ({ ...member, offsetMs: member.offsetMs + by })),
        }));
      await Promise.all([1, 2, 4, 8].map(shift));
      const found = (await table.find(id))!;
      assert.deepEqual([found.members[0]!.offsetMs, found.revision], [15, 5]);
      const refusal = new OxbowError('forbidden', 'No.');
      const refuse = table.change(id, () => {
        throw refusal;
      });
      await assert.rejects(refuse, refusal);
      assert.deepEqual(await table.find(id), found);
      const gone = table.change('gone', (set) => set);
      await assert.rejects(gone, (error) => error instanceof OxbowError && error.code === 'angle-set-unknown');
    });

    test('pages have each set once, newest first; owners are counted', async () => {
      await using database = await open();
      const table = new AngleTable(database.db);
      for (const [second, owner] of [
        [1, 'user:1'],
        [3, 'user:2'],
        [3, 'user:1'],
        [2, 'admin'],
      ] as const)
        await table.add(fieldsAt(second, owner));
      const seen: number[] = [];
      let [last] = await table.page(1);
      while (last) {
        seen.push((last.createdUs - START_US) / 1_000_000);
        [last] = await table.page(1, last);
      }
      assert.deepEqual(seen, [3, 3, 2, 1]);
      assert.deepEqual(await table.counts('user:1'), { all: 4, own: 2 });
      assert.equal((await table.ofOwner('user:2')).length, 1);
    });
  });
}
