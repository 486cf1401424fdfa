import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { openTimeZone } from '../../../api/local-time.ts';
import { instantsOfName } from './file-clock.ts';

const berlin = openTimeZone('Europe/Berlin');
const read = (name: string) => instantsOfName(name, berlin).map((ms) => new Date(ms).toISOString());

test('the names that cameras give say when a file begins', () => {
  for (const name of [
    '20261130_142233.mp4',
    'NVR_ch1_main_20261130142233_20261130150000.mp4',
    '2026-11-30 14.22.33.ts',
  ]) {
    assert.deepEqual(read(name), ['2026-11-30T13:22:33.000Z'], name);
  }
  assert.deepEqual(read('2026-11-30/14h22m33.mp4'), [], 'other separators are not guessed');
  assert.deepEqual(read('cam-2026-11-30T14-22-33Z.mkv'), ['2026-11-30T14:22:33.000Z']);
  assert.deepEqual(read('2026-11-30T14:22:33.250+0200.mp4'), ['2026-11-30T12:22:33.250Z']);
  assert.deepEqual(read('1795996800.mp4'), ['2026-11-30T00:00:00.000Z']);
  assert.deepEqual(read('rec_1795996800250.mp4'), ['2026-11-30T00:00:00.250Z']);
});

test('an hour that comes twice has two instants; names without a time have none', () => {
  assert.equal(read('20261025_023000.mp4').length, 2);
  for (const name of ['film.mp4', '20261330_142233.mp4', '20260230_142233.mp4', '20261130_256199.mp4', '']) {
    assert.deepEqual(read(name), [], name);
  }
});

test('any name is read', () => {
  const random = seeded(3);
  const pieces = ['2026', '11', '30', '-', '_', 'T', ':', '.', 'Z', '+02', '1795996800', 'x'];
  for (let i = 0; i < 3000; i++) {
    const name = Array.from({ length: random(14) }, () => pieces[random(pieces.length)]).join('');
    for (const ms of instantsOfName(name, berlin)) assert.ok(Number.isFinite(ms), name);
  }
});
