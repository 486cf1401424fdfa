/**
 * The format of evidence is what its page says: a second verifier, written after the page alone, agrees with
 * oxbow about intact and about changed files.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { openEvidenceRig, reportOn } from '../../src/delivery/export/evidence.fixture.ts';
import { groupsFrom, START_US } from '../../src/recording/recording.fixture.ts';
import { verifyAgain } from '../fixtures/evidence/second-verifier.ts';

const S = 1_000_000;

/** What the second verifier says; a file that it cannot read is wrong too. */
function isProvedAgain(file: Buffer, trusted: readonly string[]): boolean {
  try {
    return verifyAgain(file, trusted).length === 0;
  } catch {
    return false;
  }
}

suite('the page of evidence', () => {
  test('is enough to write a verifier: it proves what oxbow proves, and nothing that was changed', async () => {
    await using opened = await openEvidenceRig();
    const gap = { fromUs: START_US + 12 * S, toUs: START_US + 15 * S, cause: 'disk' as const, detail: '' };
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 6));
    await opened.evidence.seal('s');
    await opened.record(groupsFrom({ msn: 7, startUs: START_US + 15 * S, run: 2, gaps: [gap] }, 6));
    const file = Buffer.from(await opened.exported({ fromUs: START_US + 3 * S, toUs: START_US + 25 * S }));
    const trusted = [opened.keys.id];
    assert.deepEqual(verifyAgain(file, trusted), []);
    assert.deepEqual((await reportOn(file, trusted)).findings, []);
    assert.notDeepEqual(verifyAgain(file, ['another']), [], 'the key counts');
    const clip = Buffer.from(await opened.clipped({ fromUs: START_US + 3 * S, toUs: START_US + 25 * S }));
    assert.deepEqual(verifyAgain(clip, trusted), []);
    const media = clip.indexOf('mdat') + 10;
    clip[media]! ^= 1;
    assert.notDeepEqual(verifyAgain(clip, trusted), [], 'a clip that was changed');
    const random = seeded(7);
    for (let i = 0; i < 200; i++) {
      const at = random(file.length);
      const bit = 1 << random(8);
      file[at]! ^= bit;
      assert.equal(isProvedAgain(file, trusted), false, `bit ${bit} of byte ${at}`);
      file[at]! ^= bit;
    }
    const dropped = await opened.exportedWith(
      { groups: (groups) => groups.toSpliced(4, 1) },
      { fromUs: START_US + 3 * S, toUs: START_US + 25 * S },
    );
    assert.equal(isProvedAgain(Buffer.from(dropped), trusted), false);
  });
});
