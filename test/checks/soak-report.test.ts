import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  csvHead,
  csvLine,
  memoryLimit,
  printAfterLoad,
  printSummary,
  type SoakSample,
  slopeOf,
  summarize,
} from '../../bench/soak/report.ts';

/** An hour of samples, one every ten seconds. */
function samplesOf(rss: (atS: number) => number): SoakSample[] {
  return Array.from({ length: 360 }, (_, k) => {
    const atS = 10 * (k + 1);
    const more = {
      pss: 1e6,
      treePss: 2e6,
      treeRss: 3e6,
      heap: 4e6,
      external: 5e6,
      arrayBuffers: 6e6,
      libraryHeap: 7e6,
    };
    return { atS, rss: rss(atS), ...more, cpuS: atS / 50, viewers: k % 9 };
  });
}

suite('the report of a soak', () => {
  test('reports an exceeded limit, but ignores the start', () => {
    const calm = samplesOf((atS) => (atS <= 20 ? 300e6 : 160e6));
    assert.equal(summarize(calm, 200e6).exceeded, false);
    assert.equal(summarize(calm, 200e6).peak, 160e6);
    const once = summarize(
      samplesOf((atS) => (atS === 1800 ? 201e6 : 160e6)),
      200e6,
    );
    assert.deepEqual([once.exceeded, once.peak, once.last], [true, 201e6, 160e6]);
    assert.match(
      printSummary('demo', once),
      /at most 201\.0 MB of 200\.0 MB.*\n.*PSS 2\.0 MB\n.*CPU 2\.00 % of a core\nEXCEEDED$/,
    );
  });

  test('has the trend per hour, independent of fluctuations', () => {
    const rising = summarize(
      samplesOf((atS) => 100e6 + (12e6 * atS) / 3600 + (atS % 20 === 0 ? 5e6 : -5e6)),
      200e6,
    );
    assert.ok(Math.abs(rising.slope - 12e6) < 1e6, `${rising.slope}`);
    assert.equal(slopeOf([]), 0);
    assert.equal(slopeOf([[5, 7]]), 0);
    assert.equal(summarize(samplesOf(() => 1e8).slice(0, 1), 2e8).slope, 0);
  });

  test('has limits for the sample stream alone, for pulled streams, and for serving threads', () => {
    assert.deepEqual([memoryLimit(0, 1), memoryLimit(4, 1), memoryLimit(4, 2)], [150e6, 200e6, 260e6]);
  });

  test('compares the last minute after a load with the last minute before it', () => {
    const samples = samplesOf((atS) => (atS <= 600 ? 100e6 : atS <= 3540 ? 300e6 : 140e6));
    assert.equal(
      printAfterLoad(samples, { restS: 600, quiet: 10 }),
      [
        'RSS: 100.0 MB at rest, 140.0 MB 10 min after the load (1.40 times)',
        'JavaScript heaps: 4.0 MB at rest, 4.0 MB 10 min after the load (1.00 times)',
        'Buffers: 6.0 MB at rest, 6.0 MB 10 min after the load (1.00 times)',
        'Heap of the C library: 7.0 MB at rest, 7.0 MB 10 min after the load (1.00 times)',
      ].join('\n'),
    );
  });

  test('has a line of CSV for each sample', () => {
    const samples = samplesOf((atS) => 150e6 + atS * 1000);
    assert.equal(csvHead.trim().split(',').length, csvLine(samples[0]!).trim().split(',').length);
    assert.match(csvLine(samples[0]!), /^10,150010000,1000000,/);
  });
});
