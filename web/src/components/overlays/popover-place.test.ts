import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placePopover } from './popover-place.ts';

const frame = { width: 1000, height: 600 };
const button = (left: number, top: number) => ({ left, top, right: left + 40, bottom: top + 40 });

test('a menu opens on the preferred side, its right edge at the button’s', () => {
  assert.deepEqual(placePopover(button(500, 400), { width: 200, height: 300 }, frame, 'above'), {
    left: 340,
    top: 92,
    maxHeight: 384,
  });
  assert.equal(placePopover(button(500, 100), { width: 200, height: 300 }, frame, 'below').top, 148);
});

test('it opens on the other side if it fits only there', () => {
  assert.equal(placePopover(button(500, 100), { width: 200, height: 300 }, frame, 'above').top, 148);
  assert.equal(placePopover(button(500, 500), { width: 200, height: 300 }, frame, 'below').top, 192);
});

test('if it fits on neither side, it uses the larger one and is cut to it', () => {
  const { top, maxHeight } = placePopover(button(500, 200), { width: 200, height: 900 }, frame, 'above');
  assert.deepEqual([top, maxHeight], [248, 344]);
});

test('it stays inside the window at both edges', () => {
  assert.equal(placePopover(button(0, 400), { width: 200, height: 100 }, frame, 'above').left, 8);
  assert.equal(placePopover(button(990, 400), { width: 200, height: 100 }, frame, 'above').left, 792);
});

test('on a phone narrower than the menu it starts at the left edge', () => {
  assert.equal(
    placePopover(button(300, 400), { width: 400, height: 100 }, { width: 360, height: 640 }, 'above').left,
    8,
  );
});
