import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { NumberWindow, WINDOW_NUMBERS } from './number-window.ts';

test('each number is taken once, in whatever order they come', () => {
  const window = new NumberWindow();
  const numbers = [1, 2, 5, 4, 3, 31, 32, 33, 63, 64, 1000, 999, 998];
  for (const number of numbers) assert.equal(window.take(number), true, `${number}`);
  for (const number of numbers) assert.equal(window.take(number), false, `${number} again`);
});

test('a number behind the window is refused, whether it was used or not', () => {
  const window = new NumberWindow();
  assert.equal(window.take(7), true);
  assert.equal(window.take(WINDOW_NUMBERS + 100), true);
  for (const number of [7, 8, 100]) assert.equal(window.take(number), false, `${number}`);
  assert.equal(window.take(101), true);
  assert.equal(window.take(101), false);
});

test('a leap over any distance forgets nothing that is still in the window', () => {
  for (const leap of [1, 31, 32, 1000, WINDOW_NUMBERS - 1, WINDOW_NUMBERS, WINDOW_NUMBERS * 3 + 17, 2 ** 45]) {
    const window = new NumberWindow();
    assert.equal(window.take(50), true);
    assert.equal(window.take(50 + leap), true, `${leap}`);
    assert.equal(window.take(50 + leap), false, `${leap} again`);
    assert.equal(window.take(50), false, `50 after ${leap}`);
    assert.equal(window.take(50 + leap - 1), leap > 1, `before ${leap}`);
  }
});

test('it agrees with a set of all numbers, over steps of all sizes', () => {
  const random = seeded(11);
  const window = new NumberWindow();
  const used = new Set<number>();
  let highest = 0;
  for (let i = 0; i < 20_000; i++) {
    const number = Math.max(1, highest + random(400) - 240 + (random(100) === 0 ? 300_000 : 0));
    const isNew = number + WINDOW_NUMBERS > highest && !used.has(number);
    assert.equal(window.take(number), isNew, `${number} after ${highest}`);
    used.add(number);
    highest = Math.max(highest, number);
  }
});
