import assert from 'node:assert/strict';
import { test } from 'node:test';
import { menuMove } from './menu-keys.ts';

const items = ['Auto', '1080p', '720p', '480p', 'Audio only'];

test('arrows wrap around, Home and End go to the ends', () => {
  assert.equal(menuMove('ArrowDown', 4, items), 0);
  assert.equal(menuMove('ArrowUp', 0, items), 4);
  assert.equal(menuMove('ArrowDown', -1, items), 0);
  assert.equal(menuMove('ArrowUp', -1, items), 4);
  assert.equal(menuMove('Home', 3, items), 0);
  assert.equal(menuMove('End', 1, items), 4);
});

test('a letter goes to the next item that begins with it', () => {
  assert.equal(menuMove('a', 0, items), 4);
  assert.equal(menuMove('A', 4, items), 0);
  assert.equal(menuMove('7', -1, items), 2);
});

test('other keys do nothing, nor does any key in an empty menu', () => {
  for (const key of ['x', 'Enter', ' ', 'Tab', 'Shift', 'F5']) assert.equal(menuMove(key, 0, items), undefined, key);
  assert.equal(menuMove('ArrowDown', 0, []), undefined);
});
