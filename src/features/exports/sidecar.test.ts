import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBundle } from '@oxbow/media/evidence/bundle';
import { parseEvidenceText } from '@oxbow/media/evidence/evidence-box';
import type { ExportResult } from '../../api/jobs/job-shapes.ts';
import { openEvidenceRig, reportOn } from '../../delivery/export/evidence.fixture.ts';
import { groupsFrom, START_US } from '../../recording/recording.fixture.ts';
import { FileDigest } from './file-digest.ts';
import { printSidecar, recordsIn } from './sidecar.ts';

const S = 1_000_000;

/** The result of an export with parts between these times, seconds after the start of the recording. */
function resultOf(...parts: (readonly [number, number])[]): ExportResult {
  const at = (seconds: number) => new Date(START_US / 1000 + seconds * 1000).toISOString();
  const result = { digest: 'x', bytes: 1, filename: 'door.ts', evidence: 'apart' };
  return Object.assign(result, {
    parts: parts.map(([from, to]) => ({ at: 0, from: at(from), to: at(to) })),
  }) as unknown as ExportResult;
}

test('the evidence next to a file names the segments of each of its parts, in the order of the file', async () => {
  await using opened = await openEvidenceRig();
  await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 10));
  const read = async (result: ExportResult, isOneRange: boolean) => {
    const text = await printSidecar(opened.evidence, { id: 's', name: 'door' }, result, isOneRange);
    return parseBundle(Buffer.from(parseEvidenceText(text)!.bundle).toString()).ranges.map(({ entries }) => {
      return entries.flatMap(({ covers }) => covers);
    });
  };
  const parts = resultOf([2, 6], [7, 8.5], [14, 20]);
  assert.deepEqual(await read(parts, true), [[2, 3, 4, 5, 8, 9, 10]]);
  assert.deepEqual(await read(parts, false), [
    [2, 3],
    [4, 5],
    [8, 9, 10],
  ]);
  // A range may come twice, and out of order; a part that ends in a segment shares it with the next one.
  assert.deepEqual(await read(resultOf([14, 20], [2, 5], [5, 6]), false), [[8, 9, 10], [2, 3], [3]]);
  assert.deepEqual(await read(resultOf([2, 5], [5, 6]), true), [[2, 3]]);
});

test('media that was found after an export is none that its file lacks', async () => {
  await using opened = await openEvidenceRig();
  const gap = { fromUs: START_US + 6 * S, toUs: START_US + 16 * S, cause: 'source-down' as const, detail: '' };
  await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 3));
  await opened.record(groupsFrom({ msn: 8, startUs: gap.toUs, run: 2, gaps: [gap] }, 2));
  const file = Buffer.from('a file');
  const digest = new FileDigest();
  digest.add(file);
  const result = Object.assign(resultOf([0, 6], [16, 20]), { digest: digest.finish(), bytes: file.length });
  const verify = async () => {
    const sidecar = await printSidecar(opened.evidence, { id: 's', name: 'door' }, result, true);
    return reportOn(file, [opened.keys.id], sidecar);
  };
  const first = await verify();
  assert.deepEqual(first.findings, []);
  // It is signed with what is recorded then.
  const found = opened.evidence.healedSinkOf({ id: 's', name: 'door' });
  for (const group of groupsFrom({ msn: 100, startUs: gap.fromUs, run: 9 }, 5)) found.add(group);
  await opened.record(groupsFrom({ msn: 10, startUs: START_US + 60 * S, run: 3 }, 2));
  await opened.evidence.seal('s');
  const later = await verify();
  assert.deepEqual([later.findings, later.gaps, later.segments], [[], first.gaps, 5]);
});

test('the segments of a file of thousands of parts are found without comparing each with each part', () => {
  const count = 20_000;
  let reads = 0;
  const segments = Array.from({ length: count }, (_, i) => ({
    duration: 2 * S,
    get from() {
      reads++;
      return i * 2 * S;
    },
  }));
  const parts = Array.from({ length: count / 10 }, (_, i) => ({ fromUs: i * 20 * S, toUs: (i * 20 + 18) * S }));
  assert.equal(recordsIn(segments, parts).length, 0.9 * count);
  assert.ok(reads < 20 * count, `${reads} comparisons`);
});
