import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pageOf } from './page-query.ts';

const names = (count: number) => Array.from({ length: count }, (_, i) => `cam-${String(i).padStart(4, '0')}`);
const self = (name: string) => name;

test('following the cursors returns each item once, even if the item that a cursor names was removed', () => {
  const all = names(7);
  const seen: string[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages === 0 || cursor !== null; pages++) {
    const page: ReturnType<typeof pageOf<string>> = pageOf(
      all.filter((name) => name !== 'cam-0002'),
      { limit: '2', ...(cursor !== null && { cursor }) },
      self,
    );
    seen.push(...page.items);
    cursor = page.nextCursor;
  }
  assert.deepEqual(seen, all.toSpliced(2, 1));
  assert.deepEqual(pageOf(all, { limit: '2', cursor: 'cam-0002' }, self).items, ['cam-0003', 'cam-0004']);
  assert.deepEqual(pageOf(all.toSpliced(2, 1), { limit: '2', cursor: 'cam-0002' }, self).items, [
    'cam-0003',
    'cam-0004',
  ]);
});

test('a page has at most 1000 items, the last one has no cursor, and after the end there is nothing', () => {
  const all = names(1001);
  const first = pageOf(all, { limit: '9999' }, self);
  assert.deepEqual([first.items.length, first.nextCursor], [1000, 'cam-0999']);
  assert.deepEqual(pageOf(all, { cursor: 'cam-0999' }, self), { items: ['cam-1000'], nextCursor: null });
  assert.deepEqual(pageOf(all, { cursor: 'cam-1000' }, self), { items: [], nextCursor: null });
  assert.throws(() => pageOf(all, { cursor: '' }, self), { code: 'bad-request' });
});
