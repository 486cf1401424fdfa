import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anchorsOf, findBrokenLinks, linksOf } from '../../scripts/check-links.ts';

const broken = (pages: Record<string, string>) =>
  findBrokenLinks(new Map(Object.entries(pages)), (path) => path in pages);

test('links are read from text, not from code, and paths count from the page', () => {
  const text = 'See [a](../b/a.md#x), [web](https://example.org) and [here](#y).\n```\n[no](no.md)\n```\n`[no](no.md)`';
  assert.deepEqual(linksOf('docs/c/page.md', text), [
    { target: 'docs/b/a.md', anchor: 'x' },
    { target: 'docs/c/page.md', anchor: 'y' },
  ]);
});

test('headings have the anchors that GitHub gives them, and a page may set its own', () => {
  const text =
    '<a id="15a"></a>\n# `oxbow` & you\n## Same\n## Same\n```\n# no heading\n```\n### With [a link](x.md), *too*\n';
  assert.deepEqual([...anchorsOf(text)], ['oxbow--you', 'same', 'same-1', 'with-a-link-too', '15a']);
});

test('a link to a missing page or heading, and a page that no link leads to, are problems', () => {
  assert.deepEqual(broken({ 'README.md': '[a](docs/a.md#one)', 'docs/a.md': '# One\n[back](../README.md)' }), []);
  assert.deepEqual(broken({ 'README.md': '[a](docs/a.md#two) [b](docs/b.md)', 'docs/a.md': '# One' }), [
    'README.md: docs/a.md has no heading #two',
    'README.md: docs/b.md does not exist',
  ]);
  assert.deepEqual(broken({ 'README.md': '', 'docs/lost.md': '' }), [
    'docs/lost.md: no link leads here from README.md',
  ]);
});
