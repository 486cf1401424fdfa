import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readStrip } from '../strip.ts';
import { Picture } from './picture.ts';
import { fillTone } from './tone.ts';

const START_MS = 1_795_160_398_360;

test('the strip of every frame has its UTC and counter', () => {
  for (const [width, height] of [
    [640, 360],
    [854, 480],
    [128, 72],
  ] as const) {
    const picture = new Picture(width, height, 'demo');
    for (let number = 0; number < 60; number++) {
      picture.draw(START_MS + number * 40, 250 + number);
      assert.deepEqual(readStrip(picture.planes, width, height), {
        utcMs: START_MS + number * 40,
        counter: (250 + number) % 256,
      });
    }
  }
});

test('redrawing only the changes gives the same picture as a full redraw', () => {
  const used = new Picture(320, 180, 'cam_1');
  for (let number = 0; number < 250; number++) used.draw(START_MS + number * 40, number);
  const fresh = new Picture(320, 180, 'cam_1');
  fresh.draw(START_MS + 249 * 40, 249);
  assert.ok(Buffer.from(used.planes).equals(fresh.planes));
});

test('a long name is drawn smaller and does not overlap the flash', () => {
  const bright = (name: string) => {
    const picture = new Picture(640, 360, name);
    picture.draw(START_MS, 0);
    return picture.planes
      .subarray(0, 640 * 360)
      .filter((luma, at) => luma > 180 && at % 640 > 530 && at / 640 > 20 && at / 640 < 100).length;
  };
  assert.equal(bright('m'.repeat(64)), 0);
  assert.equal(bright('\u{1F600}'), 0);
});

test('flash and 1 kHz tone last for the first 100 ms of a second', () => {
  const picture = new Picture(640, 360, 'demo');
  const white = () => picture.planes.subarray(0, 640 * 360)[75 * 640 + 570] === 235;
  const seen = [1_000, 1_080, 1_120, 1_960, 2_000].map((ms) => {
    picture.draw(1_795_160_000_000 + ms, 0);
    return white();
  });
  assert.deepEqual(seen, [true, true, false, false, true]);

  const second = new Float32Array(48_000);
  assert.equal(fillTone(1_795_160_000 * 48_000, second), true);
  assert.ok(second.subarray(0, 4_800).some((sample) => sample > 0.39));
  assert.ok(second.subarray(4_800).every((sample) => sample === 0));
  const rises = second
    .subarray(0, 4_800)
    .filter((sample, at, all) => sample > 1e-6 && (all[at - 1] ?? 0) <= 1e-6).length;
  assert.equal(rises, 100);
  assert.equal(fillTone(1_795_160_000 * 48_000 + 4_800, new Float32Array(1_024)), false);
});
