import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNumber } from './by-number.ts';

test('a video is a BV number or an address with one, a live room the address of one', () => {
  const video = { kind: 'video', id: 'BV1xx411c7mD' };
  assert.deepEqual(parseNumber(' BV1xx411c7mD '), video);
  assert.deepEqual(parseNumber('https://www.bilibili.com/video/BV1xx411c7mD?p=2'), video);
  assert.deepEqual(parseNumber('https://live.bilibili.com/123?x=1'), { kind: 'live', id: 'live/123', room: '123' });
  assert.deepEqual(parseNumber('https://live.bilibili.com/h5/123'), { kind: 'live', id: 'live/123', room: '123' });
  for (const wrong of ['', 'BV1', 'av170001', 'https://www.bilibili.com/']) assert.equal(parseNumber(wrong), undefined);
});
