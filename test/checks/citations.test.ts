import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findBrokenCitations, findMissingFiles } from '../../scripts/check-citations.ts';

const pages: Record<string, string> = {
  'docs/media.md': '<a id="14"></a>\n### 14. A name\n<a id="15a"></a>\n### 15a. Muxed',
  'docs/architecture.md': '## Outgoing requests',
};
const broken = (text: string) => findBrokenCitations('x.ts', text, (path) => pages[path]);

test('a rule, a heading and a page that exist can be cited', () => {
  assert.deepEqual(broken('docs/media.md 14 and 15a. docs/architecture.md, Outgoing requests. RFC 8216bis 6.2.5.'), []);
});

test('a rule, a heading or a page that does not exist is a problem', () => {
  assert.deepEqual(broken('docs/media.md 14 to 16'), ['x.ts: docs/media.md has no rule 16']);
  assert.deepEqual(broken('docs/architecture.md, Threads'), ['x.ts: docs/architecture.md has no "Threads"']);
  assert.deepEqual(broken('See docs/gone.md.'), ['x.ts: docs/gone.md does not exist']);
});

test('a source outside the tree, and another form of RFC 8216bis, are problems', () => {
  for (const text of ['MEDIA.md, Addresses 14', 'MEDIA 14', 'DESIGN, Posture', 'DESIGN 6', '8216bis 6.2', 'rfc8216bis'])
    assert.equal(broken(text).length, 1, text);
  assert.deepEqual(broken('https://datatracker.ietf.org/doc/draft-pantos-hls-rfc8216bis/ #EXT-X-MEDIA:TYPE'), []);
});

test('a page and the opening comment of a file name only files and folders that exist', () => {
  const files = new Set(['src/http/routes/clips.ts', 'src/serve/hot', 'web/src/api/server.ts', 'test/full.ts']);
  const missing = (file: string, text: string) => findMissingFiles(file, text, (path) => files.has(path));
  const page = 'In `http/routes/clips.ts`, `serve/hot` and `api/server.ts`; test/full.ts. An address: http/none.';
  assert.deepEqual(missing('docs/a.md', page), []);
  assert.deepEqual(missing('docs/a.md', '`http/routes/gone.ts`, src/gone.ts'), [
    'docs/a.md names src/gone.ts, which does not exist',
    'docs/a.md names http/routes/gone.ts, which does not exist',
  ]);
  assert.deepEqual(missing('src/a.ts', '/**\n * In: http/routes/clips.\n */\n// http/routes/gone\n'), []);
  assert.deepEqual(missing('src/a.ts', '/** In: http/routes/gone. */\n'), [
    'src/a.ts names http/routes/gone, which does not exist',
  ]);
});
