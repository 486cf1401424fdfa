import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gridOf, layoutFor, layouts, neighbour, swapped, tilesOf } from './layout.ts';

test('every cell of every layout is used exactly once, wide and narrow', () => {
  for (const layout of layouts) {
    for (const isNarrow of [false, true]) {
      const { columns, rows, cells } = gridOf(layout, isNarrow);
      const seen = new Set<string>();
      for (const { column, row, span } of cells) {
        for (let x = 0; x < span; x++) {
          for (let y = 0; y < span; y++) {
            const place = `${column + x},${row + y}`;
            assert.ok(!seen.has(place), `${layout}: ${place} is used twice`);
            assert.ok(column + x <= columns && row + y <= rows, `${layout}: ${place} is in the grid`);
            seen.add(place);
          }
        }
      }
      // Five tiles in two columns leave one cell free.
      assert.equal(seen.size, columns * rows - (isNarrow && layout === '1+5' ? 1 : 0), `${layout} has no hole`);
      if (isNarrow) assert.ok(columns <= 2, `${layout} can be read on a phone`);
      assert.equal(cells.length, tilesOf(layout), `${layout} has the same tiles wide and narrow`);
    }
  }
});

test('a number of streams has the smallest layout that shows all of them', () => {
  const names = Array.from({ length: 10 }, (_, streams) => layoutFor(streams));
  assert.deepEqual(names, ['1', '1', '2', '1+2', '2x2', '1+5', '1+5', '3x3', '3x3', '3x3']);
});

test('two tiles change places, and places that do not exist change nothing', () => {
  const list = ['a', 'b', 'c'];
  assert.deepEqual(swapped(list, 0, 2), ['c', 'b', 'a']);
  assert.equal(swapped(list, 1, 1), list);
  assert.equal(swapped(list, 0, 3), list);
  assert.equal(swapped(list, -1, 0), list);
});

test('arrow keys reach every tile from every other one, and stay at the edge', () => {
  assert.equal(neighbour(gridOf('2x2'), 0, 'ArrowRight'), 1);
  assert.equal(neighbour(gridOf('2x2'), 0, 'ArrowDown'), 2);
  assert.equal(neighbour(gridOf('2x2'), 0, 'ArrowLeft'), 0);
  assert.equal(neighbour(gridOf('2x2'), 0, 'Enter'), 0);
  for (const layout of layouts) {
    const grid = gridOf(layout);
    const reached = new Set([0]);
    for (const from of reached) {
      for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']) reached.add(neighbour(grid, from, key));
    }
    assert.equal(reached.size, grid.cells.length, layout);
  }
});
