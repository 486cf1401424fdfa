import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { evenMoves } from './even-moves.ts';

const things = (node: string, count: number, kind = 'stream') =>
  Array.from({ length: count }, (_, at) => ({ kind, key: `${node}-${at}`, node }));

/** How many each node has after the moves. */
function countsAfter(placed: ReturnType<typeof things>, names: readonly string[]) {
  const moves = evenMoves(placed, names);
  const nodeOf = new Map(placed.map(({ key, node }) => [key, node]));
  for (const { key, to } of moves) nodeOf.set(key, to);
  return {
    moves: moves.length,
    counts: names.map((name) => [...nodeOf.values()].filter((node) => node === name).length),
  };
}

suite('things are spread over nodes', () => {
  test('with as few moves as possible', () => {
    assert.deepEqual(countsAfter([...things('a', 4), ...things('b', 4)], ['a', 'b']), { moves: 0, counts: [4, 4] });
    assert.deepEqual(countsAfter([...things('a', 4), ...things('b', 3)], ['b', 'a']), { moves: 0, counts: [3, 4] });
    assert.deepEqual(countsAfter(things('a', 8), ['a', 'b']), { moves: 4, counts: [4, 4] });
    assert.deepEqual(countsAfter([...things('a', 5), ...things('gone', 4)], ['a', 'b', 'c']), {
      moves: 6,
      counts: [3, 3, 3],
    });
    assert.deepEqual(countsAfter([], ['a', 'b']), { moves: 0, counts: [0, 0] });
  });

  test('each kind by itself', () => {
    const moves = evenMoves([...things('a', 2), ...things('b', 2, 'room')], ['a', 'b']);
    assert.deepEqual(
      moves.map(({ kind, to }) => [kind, to]),
      [
        ['stream', 'b'],
        ['room', 'a'],
      ],
    );
  });

  test('evenly for any numbers', () => {
    for (let nodes = 1; nodes <= 7; nodes++) {
      const names = Array.from({ length: nodes }, (_, at) => `n${at}`);
      for (let first = 0; first < 9; first++) {
        for (let second = 0; second < 9; second++) {
          const { counts } = countsAfter([...things('n0', first), ...things('other', second)], names);
          assert.equal(
            counts.reduce((sum, count) => sum + count),
            first + second,
          );
          assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${nodes}: ${counts}`);
        }
      }
    }
  });
});
