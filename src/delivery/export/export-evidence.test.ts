import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { groupsFrom, START_US } from '../../recording/recording.fixture.ts';
import { openEvidenceRig, reportOn } from './evidence.fixture.ts';

const S = 1_000_000;

suite('the evidence of an exported file', () => {
  test('a file with a gap is complete, with the gap and its cause, and signed by the key of the server', async () => {
    await using opened = await openEvidenceRig();
    const { evidence, keys, record, exported } = opened;
    const gap = {
      fromUs: START_US + 20 * S,
      toUs: START_US + 23.2 * S,
      cause: 'source-down' as const,
      detail: 'HTTP 404',
    };
    await record([
      ...groupsFrom({ msn: 100, startUs: START_US }, 10),
      ...groupsFrom({ msn: 110, startUs: START_US + 23.2 * S, run: 2, gaps: [gap] }, 10),
    ]);
    await evidence.seal('s');
    const file = await exported({ fromUs: START_US + 4 * S, toUs: START_US + 31 * S });
    const report = await reportOn(file, [keys.id]);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(report.parts, [
      { fromUs: START_US + 4 * S, toUs: START_US + 20 * S, segments: 8 },
      { fromUs: START_US + 23.2 * S, toUs: START_US + 31.2 * S, segments: 4 },
    ]);
    assert.deepEqual(report.gaps, [[gap.fromUs, gap.toUs, 'source-down', 'HTTP 404']]);
    assert.deepEqual(report.keys, [{ id: keys.id, trusted: true }]);
    assert.equal(report.ok, true);
    assert.equal(report.samples, 12 * 9);
  });
});
