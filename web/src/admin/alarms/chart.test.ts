import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alarmName, type ChartRange, fieldTime, linesOf, movedBy, stepAt } from './chart.ts';

const range: ChartRange = { fromMs: 1_000_000, toMs: 1_600_000, stepMs: 60_000 };

test('keys move the cursor by steps, not over the ends; other keys are left alone', () => {
  const press = (key: string, shiftKey = false) => movedBy({ key, shiftKey }, 1_300_000, range);
  assert.equal(press('ArrowLeft'), 1_240_000);
  assert.equal(press('ArrowRight', true), 1_599_999);
  assert.equal(press('PageDown'), 1_000_000);
  assert.equal(press('Home'), 1_000_000);
  assert.equal(press('End'), 1_599_999);
  assert.equal(press('Tab'), null);
  assert.deepEqual([stepAt(0, range), stepAt(1_300_000, range), stepAt(9e9, range)], [0, 5, 9]);
});

test('bitrate is the sum of video and audio; where neither is known there is nothing', () => {
  const series = {
    videoBitrate: [1e6, null, null],
    audioBitrate: [1e5, 1e5, null],
    frameRate: [],
    loss: [0.05],
    soundLevel: [],
  };
  const [bitrate, , loss] = linesOf({ series } as unknown as Parameters<typeof linesOf>[0]);
  assert.deepEqual(bitrate!.values, [1.1, 0.1, null]);
  assert.deepEqual(loss!.values, [5]);
});

test('alarms have names in both languages, and unknown ones their code', () => {
  assert.equal(alarmName('black', 'en'), 'Black picture');
  assert.equal(alarmName('black', 'zh-CN'), '黑屏');
  assert.equal(alarmName('later', 'en'), 'later');
});

test('the time of a field is that of the machine', () => {
  assert.equal(fieldTime(Date.parse('2026-11-26T20:14:05')), '2026-11-26T20:14:05');
});
