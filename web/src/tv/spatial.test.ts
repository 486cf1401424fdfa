import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Box, nextBox } from './spatial.ts';

const box = (column: number, row: number, width = 100): Box => ({
  left: column * 120,
  right: column * 120 + width,
  top: row * 120,
  bottom: row * 120 + 100,
});

suite('the focus of a remote control', () => {
  const boxes = [box(0, 0), box(1, 0), box(2, 0), box(0, 1), box(1, 1), box(0, 2, 340)];
  const from = (index: number, direction: 'left' | 'right' | 'up' | 'down') => {
    const others = boxes.filter((_, i) => i !== index);
    const found = nextBox(boxes[index]!, others, direction);
    return found === -1 ? -1 : boxes.indexOf(others[found]!);
  };

  test('moves within a row and a column', () => {
    assert.equal(from(0, 'right'), 1);
    assert.equal(from(1, 'left'), 0);
    assert.equal(from(0, 'down'), 3);
    assert.equal(from(4, 'up'), 1);
  });

  test('ends at the edges', () => {
    assert.equal(from(0, 'left'), -1);
    assert.equal(from(2, 'right'), -1);
    assert.equal(from(1, 'up'), -1);
    assert.equal(from(5, 'down'), -1);
  });

  test('a shorter row is entered where it is nearest', () => {
    assert.equal(from(2, 'down'), 4, 'the last of the row below');
    assert.equal(from(5, 'up'), 4, 'the one above its middle');
  });

  test('every box of a screen is reached from every other', () => {
    const seen = new Set([0]);
    const walk = (index: number): void => {
      for (const direction of ['left', 'right', 'up', 'down'] as const) {
        const next = from(index, direction);
        if (next === -1 || seen.has(next)) continue;
        seen.add(next);
        walk(next);
      }
    };
    walk(0);
    assert.equal(seen.size, boxes.length);
  });
});
