import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvidenceBlock } from './block.ts';
import type { EvidenceBundle } from './bundle.ts';
import { FileCheck } from './file-check.ts';
import type { ProvedSegment } from './verify-chain.ts';

const S = 1_000_000;

/**
 * Checks a file that is signed as a whole.
 *
 * @param count segments of 2 s in the chain
 * @param covers those that the file names
 */
async function checkSealed(count: number, covers: (msns: number[]) => number[], toUs: number) {
  const block = { seq: 1, segments: [] as never[], notes: [] } as unknown as EvidenceBlock;
  const segments = Array.from({ length: count }, (_, msn) => {
    return { msn, run: 1, from: msn * 2 * S, duration: 2 * S, tracks: [], block } as unknown as ProvedSegment;
  });
  const entries = [{ covers: covers(segments.map(({ msn }) => msn)), pieces: [] }];
  const range = { from: 0, to: toUs, exact: 1 as const, entries };
  const check = new FileCheck({
    file: { size: 0, read: async () => new Uint8Array(0) },
    parts: { form: 'sealed', headBytes: 0, mediaBytes: undefined, tracks: [], seal: '', bundle: new Uint8Array(0) },
    bundle: { ranges: [range], configs: [] } as unknown as EvidenceBundle,
    chain: {
      segments,
      byMsn: new Map(segments.map((segment) => [segment.msn, segment])),
      blocks: [block],
      keys: [],
      keyBytes: new Map(),
      accepted: new Set(),
      anchors: [],
      findings: [],
    },
    crypto: { sha256: async () => new Uint8Array(32), verify: async () => true },
  });
  const report = await check.run();
  return {
    segments: report.segments,
    findings: report.findings.map(({ code, fromUs, toUs: endUs }) => [code, fromUs, endUs]),
  };
}

test('a file that is signed as a whole may be made of days of segments', async () => {
  const count = 200_000;
  assert.deepEqual(await checkSealed(count, (msns) => msns, (count + 1) * 2 * S), {
    segments: count,
    findings: [['unproven', count * 2 * S, (count + 1) * 2 * S]],
  });
});

test('a part of a file of which the chain has nothing is a finding that can be printed', async () => {
  const { findings } = await checkSealed(3, () => [], 6 * S);
  assert.ok(findings.some(([code]) => code === 'missing'));
  for (const [, ...times] of findings) for (const us of times) assert.ok(us === undefined || Number.isSafeInteger(us));
});
