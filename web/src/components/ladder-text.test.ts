import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamView } from '../../../src/api/shapes.ts';
import { ladderText } from './ladder-text.ts';

type Ladder = NonNullable<StreamView['ladder']>;
const print = (key: string, values: Record<string, string | number>) => `${key} ${values.qualities} ${values.ms}`;
const rung = (name: string, state: Ladder['made'][number]['state']) => ({
  name,
  width: 1,
  height: 1,
  bitrate: 1,
  state,
  encoder: null,
  worker: null,
  missing: null,
});
const ladder = (change: Partial<Ladder>): Ladder => ({
  rungs: '480p, 240p',
  start: 'viewer',
  state: 'running',
  lagMs: 80,
  made: [],
  leftOut: [],
  problem: '',
  ...change,
});

test('names the qualities that are encoded, how late they are, and why one is missing', () => {
  const made = [rung('240', 'live'), rung('480', 'dropped')];
  const text = ladderText({ ladder: ladder({ made, problem: 'This computer is too slow for 480p.' }) }, print);
  assert.equal(text, 'edit.ladderNow 240p 80 This computer is too slow for 480p.');
});

test('names the worker that encodes a quality, and why its newest segment is missing', () => {
  const worker = { ...rung('720', 'live'), worker: 'garage', missing: 'stopped' as const };
  const say = (key: string, values: Record<string, string | number>) => `${key} ${Object.values(values).join(' ')}.`;
  const text = ladderText({ ladder: ladder({ made: [rung('240', 'live'), worker] }) }, say);
  assert.equal(text, 'edit.ladderNow 240p, edit.ladderOn 720p garage. 80. edit.ladderMissing.stopped 720p.');
});

test('says nothing while nothing is encoded, and only the reason where all are missing', () => {
  assert.equal(ladderText({}, print), '');
  assert.equal(ladderText({ ladder: ladder({ state: 'off', lagMs: null }) }, print), '');
  const made = [rung('240', 'dropped')];
  assert.equal(ladderText({ ladder: ladder({ made, problem: 'Too slow.' }) }, print), 'Too slow.');
});
