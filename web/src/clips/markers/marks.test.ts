import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPinned, listMarks, readMarks } from './marks.ts';

test('markers and protected spans are one list, newest first', () => {
  const markers = [
    { id: 'a', atMs: 1_000, text: 'kick-off' },
    { id: 'b', atMs: 5_000, text: 'goal' },
  ];
  const pins = [{ id: 'c', fromMs: 5_000, toMs: 9_000, text: '' }];
  assert.deepEqual(
    listMarks(markers, pins).map(({ kind, id }) => `${kind} ${id}`),
    ['marker b', 'pin c', 'marker a'],
  );
  assert.deepEqual(listMarks([], []), []);
});

test('a span is protected if one protected span contains all of it', () => {
  const pins = [
    { id: 'a', fromMs: 0, toMs: 10, text: '' },
    { id: 'b', fromMs: 10, toMs: 20, text: '' },
  ];
  assert.ok(isPinned({ fromMs: 2, toMs: 10 }, pins));
  assert.ok(!isPinned({ fromMs: 5, toMs: 15 }, pins));
});

test('marks of the server are parsed; those without a time are left out', () => {
  const at = '2026-01-31T20:00:00.000Z';
  const to = '2026-01-31T20:00:10.000Z';
  const atMs = Date.parse(at);
  assert.deepEqual(
    readMarks(
      [
        { id: 'a', at, text: 'x' },
        { id: 'b', at: 'soon', text: '' },
      ],
      [
        { id: 'c', from: at, to, text: '' },
        { id: 'd', from: to, to: at, text: '' },
        { id: 'e', from: at, to: '?', text: '' },
      ],
    ),
    {
      markers: [{ id: 'a', atMs, text: 'x' }],
      pins: [{ id: 'c', fromMs: atMs, toMs: atMs + 10_000, text: '' }],
    },
  );
});
