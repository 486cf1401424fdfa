import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastSpan, momentQuery, readMoment, readPosition, spanQuery } from './moment.ts';

test('a position is read as links and people write it', () => {
  for (const [text, ms] of [
    ['83', 83_000],
    ['83s', 83_000],
    ['12.5', 12_500],
    ['1:23', 83_000],
    ['01:02:03', 3_723_000],
    ['1m23s', 83_000],
    ['1h2m3s', 3_723_000],
    ['2h', 7_200_000],
    ['0', 0],
  ] as const)
    assert.equal(readPosition(text), ms, text);
  for (const text of ['', ' ', 'x', '-5', '1:2:3:4', '1e3', '1:', 's', null])
    assert.equal(readPosition(text), null, `${text}`);
});

test('a page begins at a moment, or with a span; what is not valid is ignored', () => {
  assert.deepEqual(readMoment('?t=1:23'), { atMs: 83_000, span: null });
  assert.deepEqual(readMoment('?from=12&to=42.5'), { atMs: 12_000, span: { fromMs: 12_000, toMs: 42_500 } });
  assert.deepEqual(readMoment('?from=42&to=12&t=5'), { atMs: 5_000, span: null });
  assert.deepEqual(readMoment('?t=soon'), { atMs: 0, span: null });
  assert.deepEqual(readMoment(''), { atMs: 0, span: null });
});

test('a link says the same as the page it came from', () => {
  assert.equal(momentQuery(83_456, false), '?t=83');
  assert.equal(momentQuery(83_456, true), '?t=83.456');
  assert.equal(momentQuery(400, false), '');
  assert.equal(readMoment(momentQuery(83_456, true)).atMs, 83_456);
  const span = { fromMs: 12_000, toMs: 42_500 };
  assert.deepEqual(readMoment(spanQuery(span)).span, span);
});

test('a clip is the last half minute, or what there is of it', () => {
  assert.deepEqual(lastSpan(45_000), { fromMs: 15_000, toMs: 45_000 });
  assert.deepEqual(lastSpan(4_000), { fromMs: 0, toMs: 4_000 });
  assert.equal(lastSpan(900), null);
});
