import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openEvidenceRig } from '../../delivery/export/evidence.fixture.ts';
import { groupsFrom, START_US } from '../../recording/recording.fixture.ts';
import { noteExpiry } from './expiry-notes.ts';

const S = 1_000_000;

suite('retention, in a chain of evidence', () => {
  test('is noted once for each horizon that passes media, and never for a stream without any', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 5));
    await opened.evidence.seal('s');
    const notes: [string, number][] = [];
    const pass = noteExpiry({
      blocks: opened.evidence.blocks,
      nameOf: (id) => (id === 'removed' ? undefined : id),
      note: ({ id }, note) => notes.push([id, note.what === 'expired' ? (note.before - START_US) / S : 0]),
      nowUs: () => START_US,
    });
    for (const id of ['s', 'idle', 'removed']) {
      for (const afterS of [-600, 0, 4, 4, 600, 600, 1200]) await pass(id, START_US + afterS * S);
    }
    assert.deepEqual(notes, [
      ['s', 4],
      ['s', 600],
    ]);
  });
});
