import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  boundsOf,
  bytesOf,
  FrameChooser,
  isSameRange,
  isWhole,
  keyedTime,
  moveHandle,
  pictureTimes,
  type Range,
  SHORTEST_S,
  timeText,
} from './range.ts';

const film = { durationS: 100, frameS: 0.04 };

test('a handle stays in the film and at least the shortest range from the other one', () => {
  const range = { from: 20, to: 30 };
  assert.deepEqual(moveHandle('from', range, 25, film), { from: 25, to: 30 });
  assert.deepEqual(moveHandle('from', range, -5, film), { from: 0, to: 30 });
  assert.deepEqual(moveHandle('from', range, 80, film), { from: 30 - SHORTEST_S, to: 30 });
  assert.deepEqual(moveHandle('to', range, 500, film), { from: 20, to: 100 });
  assert.deepEqual(moveHandle('to', range, 0, film), { from: 20, to: 20 + SHORTEST_S });
  assert.deepEqual(moveHandle('to', range, Number.NaN, film), range, 'a time that is no number moves nothing');
  assert.deepEqual(boundsOf('from', { from: 0, to: 0.1 }, { durationS: 0.1, frameS: 0.04 }), { from: 0, to: 0 });
});

test('keys move a handle by seconds, frames and tenths of the film, and to its bounds', () => {
  const range = { from: 20, to: 30 };
  const keyed = (key: string, isShift = false) => keyedTime(key, isShift, 'from', range, film);
  assert.deepEqual(
    ['ArrowLeft', 'ArrowDown', 'ArrowRight', 'ArrowUp'].map((key) => keyed(key)),
    [19, 19, 21, 21],
  );
  assert.equal(keyed('ArrowRight', true), 30, 'out of bounds: moveHandle limits it');
  assert.deepEqual([keyed(','), keyed('.')], [19.96, 20.04]);
  assert.deepEqual([keyed('PageDown'), keyed('PageUp')], [10, 30]);
  assert.deepEqual([keyed('Home'), keyed('End')], [0, 30 - SHORTEST_S]);
  assert.equal(keyed('a'), null);
});

test('a range that has every frame is the complete film', () => {
  assert.equal(isWhole({ from: 0.01, to: 99.99 }, film), true);
  assert.equal(isWhole({ from: 0.04, to: 100 }, film), false);
  assert.equal(isSameRange({ from: 1, to: 2 }, { from: 1, to: 2.03 }, 0.04), false);
});

test('the size of a range is its share of the file', () => {
  assert.equal(bytesOf({ from: 10, to: 35 }, film, 4_000_000_000), 1_000_000_000);
  assert.equal(bytesOf({ from: 3, to: 2 }, film, 1000), 0);
  assert.deepEqual(pictureTimes(100, 4), [12.5, 37.5, 62.5, 87.5]);
});

test('times are digits to the hundredth', () => {
  assert.deepEqual([0, 8.4, 59.999, 3723, -1].map(timeText), [
    '0:00.00',
    '0:08.40',
    '1:00.00',
    '1:02:03.00',
    '0:00.00',
  ]);
});

/** The frames that a cut keeps, in the order in which they are shown; each frame lasts 1. */
function keep(decodeOrder: readonly number[], range: Range): { kept: readonly number[]; endS: number } {
  const chooser = new FrameChooser(range);
  const kept: number[] = [];
  for (const at of decodeOrder) {
    const choice = chooser.choose(at, 1);
    if (choice === 'end') break;
    if (choice === 'keep') kept.push(at);
  }
  return { kept: kept.sort((a, b) => a - b), endS: chooser.endS };
}

test('without reordered frames a cut ends at the frame', () => {
  assert.deepEqual(keep([0, 1, 2, 3, 4, 5], { from: 0, to: 3 }), { kept: [0, 1, 2], endS: 3 });
  assert.deepEqual(keep([0, 1, 2], { from: 0, to: 9 }), { kept: [0, 1, 2], endS: 3 });
});

test('with B-frames no frame is missing among those that are kept', () => {
  const decodeOrder = [0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11];
  for (let to = 1; to <= 13; to++) {
    const { kept, endS } = keep(decodeOrder, { from: 0, to });
    assert.deepEqual(
      kept,
      Array.from({ length: endS }, (_, i) => i),
      `to ${to}`,
    );
    assert.ok(endS >= to && endS < to + 4, `to ${to}: ends at ${endS}`);
  }
});

test('frames that are shown before the first key frame need what is cut away, and are left out', () => {
  // An open group: 8 is the key frame, 5 to 7 follow it and are shown before it.
  assert.deepEqual(keep([8, 6, 5, 7, 12, 10, 9, 11, 16], { from: 8, to: 11 }), { kept: [8, 9, 10, 11, 12], endS: 13 });
  // At the end they are kept with their key frame, or both are left out.
  assert.deepEqual(keep([0, 4, 2, 1, 3, 8, 6, 5, 7, 9], { from: 0, to: 5 }).endS, 5);
  assert.deepEqual(keep([0, 4, 2, 1, 3, 8, 6, 5, 7, 9], { from: 0, to: 6 }).kept, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});
