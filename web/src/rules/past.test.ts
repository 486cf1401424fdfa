import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PastRulesView } from '../../../src/api/past/past-rules.ts';
import type { StreamView } from '../../../src/api/shapes.ts';
import { delayMsOf, mayClip, pastHint, playedView, startsAtMs, waitsForStart } from './past.ts';

const none: PastRulesView = { rewind: null, delay: null, start: null, isStarted: true, clips: true, isExempt: false };
const stream = (past: Partial<PastRulesView> = {}) => ({ state: 'live', past: { ...none, ...past } }) as StreamView;
const words = {
  t: (key: string, values: Record<string, string | number> = {}) => [key, ...Object.values(values)].join(' '),
  length: (seconds: number) => `${seconds} s`,
};

test('a viewer is late, makes no clips and waits for the start; who is exempt does not', () => {
  const past = { delay: 30, clips: false, isStarted: false, start: { by: 'mark', at: null } } as const;
  const viewer = stream(past);
  assert.deepEqual([delayMsOf(viewer), mayClip(viewer), waitsForStart(viewer)], [30_000, false, true]);
  assert.equal(playedView(viewer).state, 'unpublished');
  const operator = stream({ ...past, isExempt: true });
  assert.deepEqual([delayMsOf(operator), mayClip(operator), waitsForStart(operator)], [0, true, false]);
  assert.equal(playedView(operator).state, 'live');
  assert.deepEqual([delayMsOf(null), mayClip(null), waitsForStart({} as StreamView)], [0, true, false]);
});

test('a start at a time is later by the delay', () => {
  const at = '2026-11-19T08:00:00.000Z';
  assert.equal(startsAtMs(stream({ start: { by: 'time', at }, delay: 30 })), Date.parse(at) + 30_000);
  assert.equal(startsAtMs(stream({ start: { by: 'mark', at: null } })), null);
});

test('the hint says how far can be rewound; to those who are exempt, what viewers see', () => {
  assert.equal(pastHint(stream({ rewind: 1800 }), words), 'past.rewind past.minutes 30');
  assert.equal(pastHint(stream({ delay: 30 }), words), '');
  assert.equal(
    pastHint(stream({ rewind: 1800, delay: 30, clips: false, isExempt: true }), words),
    'past.forViewers past.rewindPart past.minutes 30 · past.delayPart 30 s · past.clipsPart',
  );
  assert.equal(pastHint(stream({ isExempt: true }), words), '');
});
