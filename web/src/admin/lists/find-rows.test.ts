import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFound } from './find-rows.ts';

const row = ['front-door', 'Front door', 'Live', 'RTMP', '前门'];

test('a row is found by all words of a search, in any order and case, each in any of its texts', () => {
  for (const typed of ['', '  ', 'front', 'DOOR rtmp', 'live front', ' door ', '前门', 'nt-d']) {
    assert.equal(isFound(typed, row), true, typed);
  }
  for (const typed of ['back', 'front back', 'rtmps', 'doorlive', '.*'])
    assert.equal(isFound(typed, row), false, typed);
});
