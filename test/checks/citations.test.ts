import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findBrokenCitations } from '../../scripts/check-citations.ts';

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
