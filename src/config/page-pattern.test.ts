import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pagePatterns } from './page-pattern.ts';

const option = pagePatterns('What addresses are.');

test('an entry as text is a handler and a regular expression', () => {
  const [only] = option.parse('page ^https://tv\\.example/ch (one|two)');
  assert.equal(only!.handler, 'page');
  assert.ok(only!.match.test('HTTPS://TV.example/ch one'));
  assert.deepEqual(option.parse(''), []);
});

test('entries of a file come in order of priority, and of their place where that is the same', () => {
  const read = option.parse([
    { match: 'a', handler: 'hls' },
    { match: 'b', handler: 'page', priority: 5, timeout: '90s' },
    { match: 'c', handler: 'mp4' },
  ]);
  assert.deepEqual(
    read.map(({ match, timeoutMs }) => [match.source, timeoutMs]),
    [
      ['b', 90_000],
      ['a', undefined],
      ['c', undefined],
    ],
  );
  assert.equal(option.parse('[{"match":"a","handler":"hls"}]')[0]!.handler, 'hls');
});

test('an invalid pattern is refused with the valid form', () => {
  for (const [value, sentence] of [
    ['https://tv.example/', /handler is one of hls, mp4, page/],
    ['page', /regular expression/],
    ['page (', /[Uu]nterminated|regular expression/],
    ['[{', /JSON/],
    [{ a: 1 }, /list/],
    [[7], /match/],
    [[{ match: 'a', handler: 'page', colour: 'red' }], /unknown key "colour"/],
    [[{ match: 'a', handler: 'page', priority: 'high' }], /whole number/],
    [[{ match: 'a', handler: 'page', timeout: 'soon' }], /soon/],
    [[{ match: 'a'.repeat(501), handler: 'page' }], /500/],
  ] as const) {
    assert.throws(() => option.parse(value), { name: 'FormatError', message: sentence });
  }
});

test('a printed value can be parsed', () => {
  const text = option.print(option.parse('page ^https://tv\\.example/'));
  assert.equal(option.parse(text)[0]!.match.source, '^https:\\/\\/tv\\.example\\/');
});
