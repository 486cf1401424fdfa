import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activityPath, activityRequest } from './activity.ts';

const minute = 60_000;
const view = { fromMs: 100 * minute, toMs: 110 * minute };
const from = new Date(100 * minute).toISOString();
const answer = (values: (number | null)[], res = 120, changes: (number | null)[] = values.map(() => null)) => ({
  from,
  to: '',
  res,
  values,
  changes,
});

test('a small move of the view sends the same request, within what is recorded', () => {
  const asked = activityRequest(view, 0, 1000 * minute);
  assert.deepEqual(asked, { fromMs: 95 * minute, toMs: 115 * minute, resS: 5 });
  const moved = { fromMs: view.fromMs + 1, toMs: view.toMs - 1 };
  assert.equal(activityRequest(moved, 0, 1000 * minute)!.resS, asked!.resS);
  assert.deepEqual(activityRequest(view, 101 * minute, 109 * minute), {
    fromMs: 101 * minute,
    toMs: 109 * minute,
    resS: 5,
  });
  assert.equal(activityRequest(view, 110 * minute, 100 * minute), null);
  assert.equal(activityRequest({ fromMs: 0, toMs: 1440 * minute }, 0, 1440 * minute)!.resS, 360);
});

test('times of a room, which have fractions, are requested as whole milliseconds', () => {
  const asked = activityRequest({ fromMs: 100 * minute + 0.4, toMs: 107 * minute + 0.81 }, 0.3, 1000 * minute + 0.7);
  for (const ms of [asked!.fromMs, asked!.toMs]) assert.ok(Number.isInteger(ms), `${ms}`);
  const bounded = activityRequest(
    { fromMs: 100 * minute + 0.4, toMs: 107 * minute },
    101 * minute + 0.5,
    106 * minute + 0.5,
  );
  for (const ms of [bounded!.fromMs, bounded!.toMs]) assert.ok(Number.isInteger(ms), `${ms}`);
});

test('the curve reaches from the lowest to the highest value, and ends where nothing was received', () => {
  assert.equal(
    activityPath(answer([10, 20, null, 15, 20]), view, 0),
    'M0 100V100H20V0H40V100ZM60 100V50H80V0H100V100Z',
  );
});

test('a flat curve, or none, is not drawn', () => {
  assert.equal(activityPath(answer([100, 104, 99, 101, 100]), view, 0), '');
  assert.equal(activityPath(answer([null, null]), view, 0), '');
  assert.equal(activityPath(answer([]), view, 0), '');
});

test('at a constant bitrate the change of the picture is shown, a small one beside a cut, and noise is not', () => {
  const constant = [100, 100, 100, 100, 100];
  assert.equal(activityPath(answer(constant, 120, [0.2, 0.4, 0.9, 0.3, null]), view, 0), '');
  const path = activityPath(answer(constant, 120, [0, 0, 64, 4, null]), view, 0);
  assert.equal(path, 'M0 100V100H20V100H40V0H60V75H80V100H100V100Z');
});

test('the higher one of bitrate and change is shown', () => {
  const path = activityPath(answer([10, 20, 20, 10, 10], 120, [0, 0, 0, 9, 0]), view, 0);
  assert.equal(path, 'M0 100V100H20V0H40V0H60V0H80V100H100V100Z');
});

test('what is outside of the view is left out', () => {
  const path = activityPath(answer([10, 20, 15], 600), { fromMs: view.fromMs + 600_000, toMs: view.toMs + 600_000 }, 0);
  assert.ok(!path.includes('-1'), path);
});

test('the curve begins where the recording does, also within a step', () => {
  const steps = answer([10, 20, 20, 10, 15]);
  assert.equal(activityPath(steps, view, 103 * minute), 'M30 100V0H40V0H60V100H80V50H100V100Z');
  assert.equal(activityPath(steps, view, 102 * minute), 'M20 100V0H40V0H60V100H80V50H100V100Z');
});
