import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '../../lib/errors.ts';
import { seeded } from '../../lib/random.fixture.ts';
import { rewriteMpdUrls } from './rewrite-urls.ts';

suite('the addresses of a DASH manifest', () => {
  test('are replaced in elements and attributes, without and with entities', () => {
    const mpd = `<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:x"><BaseURL serviceLocation="a">https://cdn.example/a/?x=1&amp;y=2</BaseURL>
<Location>next.mpd</Location><SegmentTemplate media="v/$Number%05d$.m4s?t=1&amp;u=2" initialization='init.mp4' startNumber="1"/>
<Initialization sourceURL="i.mp4" range="0-99"/><ContentProtection schemeIdUri="urn:uuid:1"/></MPD>`;
    const found: [string, boolean][] = [];
    const text = rewriteMpdUrls(mpd, (url, isBase) => {
      found.push([url, isBase]);
      return `p/${url}`;
    });
    assert.deepEqual(found, [
      ['https://cdn.example/a/?x=1&y=2', true],
      ['next.mpd', false],
      ['v/$Number%05d$.m4s?t=1&u=2', false],
      ['init.mp4', false],
      ['i.mp4', false],
    ]);
    assert.match(text, /<BaseURL serviceLocation="a">p\/https:\/\/cdn\.example\/a\/\?x=1&amp;y=2<\/BaseURL>/);
    assert.match(text, /media="p\/v\/\$Number%05d\$\.m4s\?t=1&amp;u=2" initialization="p\/init\.mp4" startNumber="1"/);
    assert.match(text, /schemeIdUri="urn:uuid:1"/);
  });

  test('are not looked for in a text that is no manifest', () => {
    assert.throws(() => rewriteMpdUrls('<html></html>', (url) => url), FormatError);
  });

  test('of any text are replaced without a change of what surrounds them, and cannot break out of it', () => {
    const random = seeded(16);
    const pieces = [
      '<BaseURL>',
      '</BaseURL>',
      ' media="',
      '"',
      "'",
      '&amp;',
      '&#60;',
      '<',
      '>',
      'a/b',
      ' index=',
      '<S ',
      '/>',
    ];
    for (let i = 0; i < 3000; i++) {
      const inner = Array.from({ length: 12 }, () => pieces[random(pieces.length)]).join('');
      const text = rewriteMpdUrls(`<MPD >${inner}</MPD>`, () => `"'<&>`);
      assert.ok(!text.includes(`"'<&>`));
    }
  });
});
