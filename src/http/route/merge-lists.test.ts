import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asOwnersHaveIt, type Merging, mergePages, type Page } from './merge-lists.ts';

interface Row {
  readonly name: string;
  readonly at?: string;
}

const merging = (limit: number): Merging<Row> => ({
  keyOf: ({ name }) => name,
  cursorOf: ({ name }) => name,
  ownerOf: ({ name }) => ({ b: 'two', shared: 'three' })[name],
  compare: (a, b) => (a.name < b.name ? -1 : 1),
  limit,
});
/** The page that a node with these rows answers. */
function pageOf(names: readonly string[], limit: number, cursor = ''): Page<Row> {
  const rest = names.filter((name) => name > cursor);
  const items = rest.slice(0, limit).map((name) => ({ name }));
  return { items, nextCursor: rest.length > limit ? items.at(-1)!.name : null };
}

test('following the cursors returns each row of each node once, in order, whatever the size of the pages', () => {
  const nodes = [['a', 'd', 'g', 'h'], ['b', 'e'], [], ['c', 'f', 'i']];
  for (const limit of [1, 2, 3, 4, 9, 10]) {
    const seen: string[] = [];
    let cursor: string | null | undefined;
    do {
      const [own, ...others] = nodes.map((names) => pageOf(names, limit, cursor ?? ''));
      const lists = others.map((body, index) => ({ node: `n${index}`, body }));
      const page: Page<Row> = mergePages(own!, { lists, missing: [] }, merging(limit));
      assert.ok(page.items.length <= limit);
      seen.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(seen, [...'abcdefghi'], `limit ${limit}`);
  }
});

test('of a row that two nodes have, that of its owner counts', () => {
  const own = { items: [{ name: 'shared', at: 'one' }], nextCursor: null };
  const lists = ['two', 'three'].map((node) => ({
    node,
    body: { items: [{ name: 'shared', at: node }], nextCursor: null },
  }));
  assert.deepEqual(mergePages(own, { lists, missing: [] }, merging(9)).items, [{ name: 'shared', at: 'three' }]);
  assert.deepEqual(asOwnersHaveIt(own.items, { lists, missing: [] }, merging(9)), [{ name: 'shared', at: 'three' }]);
  assert.deepEqual(asOwnersHaveIt(own.items, { lists: lists.slice(0, 1), missing: [] }, merging(9)), own.items);
});

test('an answer that is no list changes nothing', () => {
  const own = pageOf(['a'], 9);
  assert.deepEqual(mergePages(own, { lists: [{ node: 'two', body: null }], missing: [] }, merging(9)), own);
});
