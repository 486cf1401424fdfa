import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Rows, type SecretRow, SecretTable } from './secret-table.ts';

test('a row that another node has made or removed a moment ago is read again by its id', async () => {
  const stored = new Map<string, SecretRow>();
  let reads = 0;
  const rows: Rows<SecretRow> = {
    async all(keys) {
      reads++;
      return [...stored.values()].filter(({ id }) => keys?.includes(id) ?? true);
    },
    put: async (row) => void stored.set(row.id, row),
    remove: async (key) => void stored.delete(key),
  };
  const shared = await SecretTable.open({ ...rows, follow() {} });
  const lost: string[] = [];
  shared.lost.subscribe((id) => lost.push(id));
  await shared.refresh('one');
  assert.equal(shared.get('one'), undefined);
  stored.set('one', { id: 'one', digest: 'digest' });
  assert.equal(shared.get('one'), undefined);
  await shared.refresh('one');
  assert.equal(shared.get('one')?.digest, 'digest');
  stored.clear();
  await shared.refresh('one');
  assert.equal(shared.get('one'), undefined);
  assert.deepEqual(lost, ['one']);

  await shared.put({ id: 'one', digest: 'digest' });
  const reading = shared.refresh('one');
  await shared.remove('one');
  await reading;
  assert.equal(shared.get('one'), undefined, 'it was removed here while it was read');

  const alone = await SecretTable.open(rows);
  reads = 0;
  await alone.refresh('one');
  assert.equal(reads, 0, 'where only this process writes, memory is right');
});
