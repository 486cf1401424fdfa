import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printFilter, readFilter } from './filter.ts';

test('the address of the library keeps search, filters and order', () => {
  const filter = {
    search: 'night sky',
    state: 'ready',
    visibility: 'private',
    tag: 'a&b',
    sort: 'title',
    trash: true,
  } as const;
  assert.deepEqual(readFilter(printFilter(filter)), filter);
});

test('the default is an address without a query, and invalid values are ignored', () => {
  const nothing = readFilter('?state=gone&visibility=all&sort=size&trash=yes');
  assert.deepEqual(nothing, { search: '', state: '', visibility: '', tag: '', sort: '', trash: false });
  assert.equal(printFilter(nothing), '');
  assert.equal(printFilter({ ...nothing, sort: '-created', search: ' ' }), '');
});
