import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uploadLines } from './upload-bars.ts';

const figures = {
  bytes: 30_000_000,
  of: 60_000_000,
  allBytes: 30_000_000,
  allOf: 60_000_000,
  files: 1,
  index: 0,
  speed: 1_000_000,
  secondsLeft: 30,
  trouble: '',
};

test('one file has one line, with speed and time left', () => {
  const line = uploadLines('a.mp4', figures);
  assert.match(line, /^\[={15} {15}\] {2}50 % {2}1\.0 MB\/s {2}00:00:30 left {2}30\.0 MB of 60\.0 MB {2}a\.mp4$/);
});

test('several files have a second line for all of them', () => {
  const [file, all] = uploadLines('b.mp4', { ...figures, files: 3, index: 1, allOf: 120_000_000 }).split('\n');
  assert.match(file!, / 50 % {2}b\.mp4 /);
  assert.match(all!, / 25 % {2}file 2 of 3 {2}1\.0 MB\/s {2}00:00:30 left$/);
});

test('while there is no connection the line says so instead of a speed', () => {
  assert.match(uploadLines('a.mp4', { ...figures, trouble: 'no connection' }), /50 % {2}waiting: no connection/);
});
