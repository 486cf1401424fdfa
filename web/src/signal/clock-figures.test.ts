import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamSync } from '../api/publishing.ts';
import { clockFigures } from './clock-figures.ts';

const sync: StreamSync = {
  run: { id: 1, utcOffset: 0, clock: 'arrival', since: '2026-11-20T20:00:00.000Z' },
  skew: 2,
  drift: -12.3,
  driftOver: 300,
  avOffset: 0.4,
  audioOffset: 120,
  audioBehind: null,
  jitter: null,
  tracks: [],
  runs: [],
};

test('clocks have signs and units; an offset that is not applied is left out', () => {
  assert.deepEqual(clockFigures(sync), [
    { name: 'signal.drift', value: '−12 ppm' },
    { name: 'signal.avOffset', value: '0 ms' },
    { name: 'signal.audioOffset', value: '+120 ms' },
  ]);
  assert.deepEqual(
    clockFigures({ ...sync, drift: null, audioOffset: 0 }).map(({ name }) => name),
    ['signal.avOffset'],
  );
  assert.deepEqual(clockFigures({ ...sync, run: null }), []);
});
