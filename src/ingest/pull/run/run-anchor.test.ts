import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import { anchorRun, estimateAnchor, type PreviousRun } from './run-anchor.ts';

const NOW_MS = 1_795_000_000_000;

function segment(more: Partial<QueuedSegment> = {}): QueuedSegment {
  return {
    msn: 5,
    url: new URL('https://tv.example/5.ts'),
    durationS: 4,
    targetDurationS: 4,
    discontinuity: false,
    discontinuitySequence: 0,
    dated: false,
    toEdgeS: 12,
    arrivedMs: NOW_MS,
    ended: false,
    epoch: 0,
    ...more,
  };
}

const previous = (more: Partial<PreviousRun> = {}): PreviousRun => ({
  utcOffsetUs: NOW_MS * 1000 - 100_000_000,
  clock: 'arrival',
  endUs: NOW_MS * 1000 - 12_000_000,
  sameClock: true,
  contiguous: true,
  missing: 0,
  ...more,
});

test('without a date the playlist’s edge is now: UTC offset = arrival − time to the edge − pts', () => {
  assert.deepEqual(estimateAnchor(segment(), 7_000_000), {
    utcOffsetUs: (NOW_MS - 12_000) * 1000 - 7_000_000,
    clock: 'arrival',
  });
});

test('a date sets the UTC offset when the edge it implies is within 60 s of now, on either side', () => {
  for (const [offMs, clock] of [
    [0, 'source'],
    [59_000, 'source'],
    [-59_000, 'source'],
    [61_000, 'arrival'],
    [-61_000, 'arrival'],
  ] as const) {
    const programDateTimeMs = NOW_MS - 12_000 + offMs;
    const anchor = estimateAnchor(segment({ programDateTimeMs }), 1_000_000);
    assert.equal(anchor.clock, clock, String(offMs));
    if (clock === 'source') assert.equal(anchor.utcOffsetUs, programDateTimeMs * 1000 - 1_000_000);
  }
});

test('in the middle of a segment its first part counts', () => {
  assert.equal(
    estimateAnchor(segment(), 0, 1_500_000).utcOffsetUs - estimateAnchor(segment(), 0).utcOffsetUs,
    1_500_000,
  );
});

test('the UTC offset stays while timestamps continue and the edge differs by at most two segments', () => {
  const before = previous();
  // pts 88 s is 12 s before the edge.
  for (const pts of [88_000_000, 90_000_000, 94_000_000]) {
    assert.deepEqual(anchorRun(segment(), pts, 0, before), { utcOffsetUs: before.utcOffsetUs, clock: 'arrival' });
  }
  assert.notEqual(anchorRun(segment(), 188_000_000, 0, before).utcOffsetUs, before.utcOffsetUs);
});

test('with dates the UTC offset stays within half a second and moves beyond it', () => {
  const before = previous({ clock: 'source' });
  const at = (ms: number) => segment({ programDateTimeMs: NOW_MS - 12_000 + ms });
  assert.equal(anchorRun(at(400), 88_000_000, 0, before).utcOffsetUs, before.utcOffsetUs);
  assert.equal(anchorRun(at(600), 88_000_000, 0, before).utcOffsetUs, before.utcOffsetUs + 600_000);
});

test('after a discontinuity without a date the run begins at the end of the previous one', () => {
  const before = previous({ sameClock: false });
  assert.deepEqual(anchorRun(segment(), 5_000_000, 0, before), {
    utcOffsetUs: before.endUs - 5_000_000,
    clock: 'arrival',
  });
  const hole = previous({ sameClock: false, contiguous: false });
  assert.deepEqual(anchorRun(segment(), 5_000_000, 0, hole), estimateAnchor(segment(), 5_000_000));
});

test('timestamps that go back do not keep a UTC offset that would repeat the past', () => {
  const before = previous();
  const anchor = anchorRun(segment(), 84_000_000, 0, before);
  assert.equal(anchor.utcOffsetUs + 84_000_000, before.endUs);
});
