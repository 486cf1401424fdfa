import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateController } from './rate-controller.ts';

test('within 30 ms nothing is done, and a started correction continues to 10 ms', () => {
  const controller = new RateController();
  assert.equal(controller.next({ lateS: 0.025, aheadS: 1 }).rate, 1);
  assert.equal(controller.next({ lateS: 0.1, aheadS: 1 }).rate, 1.05);
  assert.equal(controller.next({ lateS: 0.02, aheadS: 1 }).rate, 1.01);
  assert.equal(controller.next({ lateS: 0.008, aheadS: 1 }).rate, 1);
  assert.equal(controller.next({ lateS: 0.025, aheadS: 1 }).rate, 1);
});

test('speeds stay between -5 and +8 percent, in whole percents', () => {
  const controller = new RateController();
  assert.equal(controller.next({ lateS: 0.9, aheadS: 3 }).rate, 1.08);
  assert.equal(controller.next({ lateS: -5, aheadS: 3 }).rate, 0.95);
  assert.equal(controller.next({ lateS: -0.06, aheadS: 3 }).rate, 0.97);
});

test('it never speeds up with an empty buffer', () => {
  const controller = new RateController();
  assert.equal(controller.next({ lateS: 0.5, aheadS: 0.05 }).rate, 0.98);
  assert.equal(controller.next({ lateS: -1, aheadS: 0.05 }).rate, 0.95);
});

test('more than a second late requests a seek until one is made, and then waits for its effect', () => {
  const controller = new RateController();
  assert.equal(controller.next({ lateS: 2, aheadS: 3 }).seekByS, 2);
  assert.equal(controller.next({ lateS: 2, aheadS: 3 }).seekByS, 2);
  controller.onSeek();
  for (let step = 0; step < 9; step++) assert.equal(controller.next({ lateS: 2, aheadS: 3 }).seekByS, 0);
  assert.equal(controller.next({ lateS: 2, aheadS: 3 }).seekByS, 2);
});

test('a picture that starts 800 ms late reaches the target and stays there', () => {
  const controller = new RateController();
  let lateS = 0.8;
  for (let step = 0; step < 120; step++) lateS -= (controller.next({ lateS, aheadS: 0.5 }).rate - 1) * 0.3;
  assert.ok(Math.abs(lateS) < 0.01, `${lateS} s`);
});
