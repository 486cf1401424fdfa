import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeTimes } from './decode-times.ts';

/**
 * Decode times of pictures that enter in order of presentation and leave in `order`, as late as an encoder
 * with two reordered pictures.
 */
function decodeTimes(delay: number, times: readonly number[], order: readonly number[]): number[] {
  const clock = new DecodeTimes(delay);
  for (const time of times) clock.enter(time);
  return order.map((index) => clock.leave(times[index]!));
}

/** I P B B, with the middle B-frame as a reference. */
const ORDER = [0, 3, 2, 1, 6, 5, 4, 7];

test('a piece begins its delay before its first picture, where the piece before it ends', () => {
  const step = 3000;
  const first = Array.from({ length: 8 }, (_, i) => 90_000 + i * step);
  const second = first.map((pts) => pts + 8 * step);
  const a = decodeTimes(2 * step, first, ORDER);
  const b = decodeTimes(2 * step, second, ORDER);
  assert.deepEqual(
    a,
    first.map((pts) => pts - 2 * step),
  );
  assert.equal(a.at(-1)! + step, b[0]);
});

test('decode times are at most the presentation times, and increase, at any distance of pictures', () => {
  const times = [90_000, 90_400, 180_000, 180_100, 540_000, 540_050, 900_000, 900_900];
  const dts = decodeTimes(6000, times, ORDER);
  ORDER.forEach((index, i) => {
    assert.ok(dts[i]! <= times[index]!, `${dts[i]} of ${times[index]}`);
    if (i > 0) assert.ok(dts[i]! > dts[i - 1]!);
  });
});

test('decode times are never negative', () => {
  const dts = decodeTimes(6000, [0, 3000, 6000, 9000, 12_000, 15_000, 18_000, 21_000], ORDER);
  assert.deepEqual(dts, [0, 1, 2, 3000, 6000, 9000, 12_000, 15_000]);
});

test('without reordering, decode times are the presentation times', () => {
  assert.deepEqual(decodeTimes(0, [5, 6, 90], [0, 1, 2]), [5, 6, 90]);
});
