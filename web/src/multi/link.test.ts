import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layoutFor, layouts } from './layout.ts';
import { parseMultiLink, printMultiLink } from './link.ts';

test('a link has its streams in order, each once, at most nine', () => {
  assert.deepEqual(parseMultiLink('?s=b,a,b').streams, ['b', 'a']);
  assert.equal(parseMultiLink('?s=a,b,c,d,e,f,g,h,i,j').streams.length, 9);
  assert.deepEqual(parseMultiLink('').streams, []);
});

test('an unknown layout, focus or time is ignored', () => {
  const link = parseMultiLink('?s=a,b,c&layout=7x7&focus=9&t=soon');
  assert.deepEqual(link, {
    streams: ['a', 'b', 'c'],
    layout: '1+2',
    focus: 0,
    atMs: null,
    tokens: {},
    shifts: {},
    set: null,
  });
  assert.equal(parseMultiLink('?s=a,b,c&layout=1&focus=2').focus, 0, 'a tile that is not shown has no focus');
});

test('a plus sign in a layout may be printed either way', () => {
  assert.equal(parseMultiLink('?s=a,b&layout=1+5').layout, '1+5');
  assert.equal(parseMultiLink('?s=a,b&layout=1%2B5').layout, '1+5');
});

test('a printed link is parsed to the same tiles', () => {
  for (const layout of layouts) {
    const link = {
      streams: ['a', 'b'],
      layout,
      focus: layout === '1' ? 0 : 1,
      atMs: 1_795_160_123_000,
      tokens: {},
      shifts: {},
      set: null,
    };
    assert.deepEqual(parseMultiLink(printMultiLink(link).slice('/multi'.length)), link);
  }
  const plain = { streams: ['a', 'b'], layout: layoutFor(2), focus: 0, atMs: null, tokens: {}, shifts: {}, set: null };
  assert.equal(printMultiLink(plain), '/multi?s=a,b');
});

test('playback tokens belong to their streams, and what is no token is left out', () => {
  const { tokens } = parseMultiLink('?s=a,b&token=a:one_1&token=b:t%20w&token=c:three');
  assert.deepEqual(tokens, { a: 'one_1' });
  const link = {
    streams: ['a', 'b'],
    layout: layoutFor(2),
    focus: 0,
    atMs: null,
    tokens: { b: 'Two-2' },
    shifts: {},
    set: null,
  };
  assert.equal(printMultiLink(link), '/multi?s=a,b&token=b:Two-2');
  assert.deepEqual(parseMultiLink('?s=a,b&token=b:Two-2'), link);
});

test('a set of angles has an id, videos as tiles, and offsets to the microsecond', () => {
  const streams = ['front', 'back', 'asset:Ab_1'];
  const shifts = { back: -7300.25, 'asset:Ab_1': 1_795_160_123_456.7 };
  const link = { streams, layout: layoutFor(3), focus: 0, atMs: null, tokens: {}, shifts, set: 'Set_1' };
  const printed = printMultiLink(link);
  assert.equal(
    printed,
    '/multi?set=Set_1&s=front,back,asset:Ab_1&offset=back:-7300.25&offset=asset:Ab_1:1795160123456.7',
  );
  assert.deepEqual(parseMultiLink(printed.slice('/multi'.length)), link);
  const moved = printMultiLink({ ...link, shifts: { back: 0 } });
  assert.equal(moved, '/multi?set=Set_1&s=front,back,asset:Ab_1&offset=back:0', 'the set has another offset');
  assert.deepEqual(parseMultiLink(moved.slice('/multi'.length)).shifts, { back: 0 });
  const { shifts: none, set } = parseMultiLink('?s=a,asset:%20,b&offset=a:1e9&offset=c:5&offset=b&set=a%2Fb');
  assert.deepEqual([none, set], [{}, null]);
});

test('any query gives a page that exists', () => {
  let seed = 15;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return (seed >>> 8) % below;
  };
  const pieces = [
    's=',
    'a',
    ',',
    '%',
    '&',
    'layout=',
    '1+2',
    '3x3',
    'focus=',
    '8',
    '-1',
    't=',
    '..',
    '\u{1f600}',
    '%2C',
  ];
  for (let round = 0; round < 2000; round++) {
    const search = `?${Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join('')}`;
    const link = parseMultiLink(search);
    assert.ok(link.streams.length <= 9 && layouts.includes(link.layout));
    assert.deepEqual(parseMultiLink(printMultiLink(link).slice('/multi'.length)), link, search);
  }
});
