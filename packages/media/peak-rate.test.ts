import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { longestTargetS, PeakRate } from './peak-rate.ts';

/** The peak of segments, [seconds, kbit/s] each. */
function peakOf(segments: readonly (readonly [number, number])[], targetS: number): number {
  const peak = new PeakRate(targetS);
  for (const [s, kbps] of segments) peak.add(s * 1e6, (s * kbps * 1000) / 8);
  return Math.round(peak.rate / 1000);
}

suite('the peak segment bit rate (RFC 8216bis 4.4.6.2)', () => {
  test('a last segment that is shorter than half a target duration is measured with the ones before it', () => {
    const steady = Array.from({ length: 20 }, () => [2, 390] as const);
    for (const [targetS, expected] of [
      [2, 415],
      [6, 403],
    ] as const) {
      assert.equal(peakOf([...steady, [0.08, 1049]], targetS), expected, `${targetS} s`);
    }
  });

  test('of segments of a target duration it is that of the largest one', () => {
    assert.equal(
      peakOf(
        [
          [4, 300],
          [4, 900],
          [4, 300],
        ],
        4,
      ),
      900,
    );
  });

  test('of shorter ones it is that of the largest set that lasts half a target duration or more', () => {
    assert.equal(
      peakOf(
        [
          [2, 100],
          [2, 700],
          [2, 500],
          [2, 100],
        ],
        6,
      ),
      600,
    );
    assert.equal(
      peakOf(
        [
          [1, 900],
          [1, 100],
          [1, 100],
          [1, 100],
        ],
        6,
      ),
      Math.round((900 + 200) / 3),
    );
  });

  test('all together count where they are shorter than half a target duration', () => {
    assert.equal(
      peakOf(
        [
          [0.5, 100],
          [0.5, 300],
        ],
        6,
      ),
      200,
    );
    assert.equal(peakOf([], 6), 0);
  });

  test('a segment that is longer than any set counts alone', () => {
    assert.equal(
      peakOf(
        [
          [2, 100],
          [12, 800],
          [2, 100],
        ],
        6,
      ),
      800,
    );
    assert.equal(longestTargetS([{ durationUs: 2e6 }, { durationUs: 12.4e6 }], 6), 12);
  });
});
