import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corners, fitted, inset } from './places.ts';

const picture = { width: 1280, height: 720 };

test('a screen of another shape is shown complete, in the middle', () => {
  assert.deepEqual(fitted(picture, { width: 1600, height: 1200 }), { x: 160, y: 0, width: 960, height: 720 });
  assert.deepEqual(fitted(picture, { width: 0, height: 0 }), { x: 0, y: 0, ...picture });
});

test('the camera is inside the picture in each corner, wide or upright', () => {
  for (const camera of [
    { width: 1280, height: 720 },
    { width: 720, height: 1280 },
    { width: 0, height: 0 },
  ]) {
    for (const corner of corners) {
      const { x, y, width, height } = inset(picture, camera, corner);
      assert.ok(x > 0 && y > 0 && x + width < 1280 && y + height < 720, `${corner} ${camera.width}`);
      assert.equal(x < 640 - width / 2, corner.endsWith('left'));
      assert.equal(y < 360 - height / 2, corner.startsWith('top'));
    }
  }
});
