import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { rewriteMpdUrls } from './rewrite-urls.ts';
import { type SegmentNames, segmentAddress } from './segment-names.ts';

/** Rewrites, and collects what was replaced. */
function rewrite(mpd: string) {
  const addresses: string[] = [];
  const templates: SegmentNames[] = [];
  const text = rewriteMpdUrls(mpd, 'https://a.example/d/m.mpd?key=1', {
    address(url) {
      addresses.push(url.href);
      return `../t${addresses.length}/x`;
    },
    segments(names) {
      templates.push(names);
      return `../s${templates.length}/`;
    },
  });
  return { text, addresses, templates };
}
const period = (inner: string) => `<MPD type="static"><Period>${inner}</Period></MPD>`;

suite('the addresses of a DASH manifest', () => {
  test('are replaced in elements and attributes, without and with entities; nothing else changes', () => {
    const mpd = `<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:x"><!-- <BaseURL>no</BaseURL> --><Location>next.mpd</Location>
<Period xlink:href='p.xml?a=1&amp;b=2'><BaseURL serviceLocation="a">https://cdn.example/a/?x=1&amp;y=2</BaseURL>
<AdaptationSet><SegmentTemplate media="v/$Number%05d$.m4s?t=1&amp;u=2" initialization='init.mp4' startNumber="1"/>
<Representation id="1"/></AdaptationSet><ContentProtection schemeIdUri="urn:uuid:1"/></Period></MPD>`;
    const { text, addresses, templates } = rewrite(mpd);
    assert.deepEqual(addresses, [
      'https://a.example/d/next.mpd',
      'https://cdn.example/a/p.xml?a=1&b=2',
      'https://cdn.example/a/init.mp4',
    ]);
    assert.equal(segmentAddress(templates[0]!, '7'), 'https://cdn.example/a/v/00007.m4s?t=1&u=2');
    assert.equal(
      text,
      mpd
        .replace('next.mpd', '../t1/x')
        .replace('p.xml?a=1&amp;b=2', '../t2/x')
        .replace('https://cdn.example/a/?x=1&amp;y=2', './')
        .replace('v/$Number%05d$.m4s?t=1&amp;u=2', '../s1/$Number$')
        .replace('init.mp4', '../t3/x'),
    );
  });

  test('are relative to the BaseURL where they are used: a template for several Representations names each', () => {
    const { text, addresses, templates } = rewrite(
      period(`<BaseURL>v/</BaseURL><AdaptationSet><SegmentTemplate media="$RepresentationID$-$Bandwidth%08d$-$Time$.m4s" initialization="$RepresentationID$.mp4"/>
<Representation id="low" bandwidth="500"><BaseURL>small/</BaseURL></Representation>
<Representation id="a/b" bandwidth="9"><BaseURL>https://b.example/big/</BaseURL></Representation></AdaptationSet>
<AdaptationSet><SegmentTemplate media="sound/$Number$$$.m4s"/><Representation id="low"/></AdaptationSet>`),
    );
    assert.match(text, /media="..\/s1\/\$RepresentationID\$\/\$Time\$" initialization="..\/s2\/\$RepresentationID\$"/);
    assert.match(text, /media="..\/s3\/\$Number\$"/);
    assert.deepEqual(addresses, []);
    const of = (at: number, path: string) => segmentAddress(templates[at]!, path);
    assert.equal(of(0, 'low/120'), 'https://a.example/d/v/small/low-00000500-120.m4s');
    assert.equal(of(0, 'a/b/120'), 'https://b.example/big/a/b-00000009-120.m4s');
    assert.equal(of(1, 'low'), 'https://a.example/d/v/small/low.mp4');
    assert.equal(of(2, '3'), 'https://a.example/d/v/sound/3$.m4s');
  });

  test('a template produces what its Representations and numbers make, and nothing else', () => {
    const { templates } = rewrite(
      period(
        '<AdaptationSet><SegmentTemplate media="$RepresentationID$/$Number$"/><Representation id="a"/><Representation id="b"/></AdaptationSet>',
      ),
    );
    assert.ok(segmentAddress(templates[0]!, 'a/1'));
    for (const path of [
      ...['', 'a', 'a/', '1', 'c/1', 'a/x', 'a/-1', 'a/1e3', 'a/1/2', 'a/../b/1', 'a/1.pdf', 'a/%31', ' a/1', '/a/1'],
      ...['a%2f/1', `a/${'1'.repeat(21)}`, 'a/1?x', 'a//1'],
    ]) {
      assert.equal(segmentAddress(templates[0]!, path), undefined, path);
    }
    const one = rewrite(period('<AdaptationSet><SegmentTemplate media="$Number$.m4s"/></AdaptationSet>')).templates[0]!;
    assert.equal(segmentAddress(one, '1'), 'https://a.example/d/1.m4s');
    assert.equal(segmentAddress(one, 'a/1'), undefined);
  });

  test('a BaseURL that is a file is an address, and one that is a folder names none', () => {
    const { text, addresses } = rewrite(
      period(`<AdaptationSet><Representation><BaseURL>v.mp4</BaseURL><SegmentBase><Initialization sourceURL="i.mp4"/></SegmentBase></Representation>
<Representation><BaseURL>x/</BaseURL><SegmentList><SegmentURL media="1.m4s"/><SegmentURL media="/2.m4s" index="data:,1"/></SegmentList></Representation></AdaptationSet>`),
    );
    assert.deepEqual(addresses, [
      ...['https://a.example/d/v.mp4', 'https://a.example/d/i.mp4'],
      ...['https://a.example/d/x/1.m4s', 'https://a.example/2.m4s'],
    ]);
    assert.match(text, /<BaseURL>\.\.\/t1\/x<\/BaseURL>.*<BaseURL>\.\/<\/BaseURL>.*index="data:,1"/s);
  });

  test('alternatives of a BaseURL are each relative to what is around them', () => {
    const { addresses } = rewrite(
      period('<BaseURL>x/</BaseURL><AdaptationSet><BaseURL>y/</BaseURL><BaseURL>z/v.mp4</BaseURL></AdaptationSet>'),
    );
    assert.deepEqual(addresses, ['https://a.example/d/x/z/v.mp4']);
  });

  test('a plain address that would be another one in each Representation is refused', () => {
    const list = (first: string, second: string) =>
      period(`<AdaptationSet><SegmentBase><Initialization sourceURL="i.mp4"/></SegmentBase>
<Representation><BaseURL>${first}</BaseURL></Representation><Representation><BaseURL>${second}</BaseURL></Representation></AdaptationSet>`);
    assert.throws(() => rewrite(list('a/', 'b/')), FormatError);
    assert.equal(rewrite(list('a.mp4', 'b.mp4')).addresses[0], 'https://a.example/d/i.mp4');
  });

  test('are not looked for in a text that is no manifest, or not well-formed', () => {
    const bad = ['<html></html>', '<MPD>', '<MPD></Period></MPD>', '<MPD><a b=></MPD>', '<MPD><!-- </MPD>', '', '<MPD'];
    for (const text of bad) assert.throws(() => rewrite(text), FormatError, text);
    assert.throws(() => rewrite(`<MPD>${'<a>'.repeat(40)}${'</a>'.repeat(40)}</MPD>`), FormatError);
  });

  test('of a manifest that inherits thousands of addresses thousands of times are refused soon', () => {
    const template = '<SegmentTemplate media="$Number$"/>';
    const text = period(
      `${template.repeat(2000)}<AdaptationSet>${'<Representation id="1"/>'.repeat(2000)}</AdaptationSet>`,
    );
    assert.throws(() => rewrite(text), FormatError);
  });

  test('of any text are replaced without a change of what surrounds them, and cannot break out of it', () => {
    const random = seeded(16);
    const pieces = [
      ...['<BaseURL>', '</BaseURL>', '<S media="', '<S media="a" ', '"', "'", '&amp;', '&#60;', '<', '>', 'a/b', '/>'],
      ...[' index=', '<SegmentTemplate media="$Number$"/>', '<!--', '-->'],
    ];
    let whole = 0;
    for (let i = 0; i < 6000; i++) {
      const inner = Array.from({ length: 1 + random(8) }, () => pieces[random(pieces.length)]).join('');
      const hostile = { address: () => `"'<&>`, segments: () => `"'<&>` };
      try {
        const text = rewriteMpdUrls(`<MPD >${inner}</MPD>`, 'https://a.example/', hostile);
        assert.ok(!text.includes(`"'<&>`));
        whole += 1;
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
      }
    }
    assert.ok(whole > 50, `${whole} were well-formed`);
  });
});
