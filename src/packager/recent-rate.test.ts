import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RecentRate } from './recent-rate.ts';

/** Adds seconds of media with a bit rate, in segments of 2 s. */
function add(recent: RecentRate, seconds: number, bitsPerS: number): void {
  for (let s = 0; s < seconds; s += 2) recent.add(2_000_000, bitsPerS / 4, 2);
}

suite('bit rate of the last hour', () => {
  test('is known after five target durations', () => {
    const recent = new RecentRate();
    add(recent, 8, 800_000);
    assert.equal(recent.listed(2), undefined);
    add(recent, 2, 800_000);
    assert.deepEqual(recent.listed(2), { peak: 800_000, average: 800_000 });
  });

  test('keeps a peak for an hour of media, and no longer', () => {
    const recent = new RecentRate();
    add(recent, 60, 4_000_000);
    add(recent, 3000, 400_000);
    assert.equal(recent.listed(2)!.peak, 4_000_000);
    add(recent, 600, 400_000);
    assert.deepEqual(recent.listed(2), { peak: 400_000, average: 400_000 });
  });

  test('is the same object while it is within a tenth of what was listed', () => {
    const recent = new RecentRate();
    add(recent, 60, 1_000_000);
    const listed = recent.listed(2);
    add(recent, 60, 1_080_000);
    assert.equal(recent.listed(2), listed);
    add(recent, 60, 1_500_000);
    const later = recent.listed(2)!;
    assert.notEqual(later, listed);
    assert.equal(later.peak, 1_500_000);
    recent.clear();
    assert.equal(recent.listed(2), undefined);
  });
});
