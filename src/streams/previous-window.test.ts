import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Generation } from '../packager/generation.ts';
import { DEFAULT_LIMITS } from '../packager/live-window.ts';
import { LiveWindowWriter } from '../packager/live-window-writer.ts';
import { InitTable } from '../recording/init-table.ts';
import { groupsFrom, initOf, openRig, START_US } from '../recording/recording.fixture.ts';
import { restorePreviousWindow } from './previous-window.ts';

const SECOND = 1_000_000;
const init = initOf();

function generation(targetDurationS: number): Generation {
  const holdBackS = 3 * targetDurationS;
  return { number: 7, firstMsn: 1, family: 'test', targetDurationS, holdBackS, bandwidths: {} };
}

suite('the live playlist of the last process', () => {
  for (const { durationS, windowS } of [
    { durationS: 1, windowS: 10 },
    { durationS: 2, windowS: 30 },
    { durationS: 6, windowS: 10 },
  ]) {
    test(`begins no earlier than the served playlist: ${windowS} s of ${durationS} s, the last two segments lost (RFC 8216bis 6.2.2)`, async () => {
      await using rig = await openRig();
      const windowUs = windowS * SECOND;
      const promised = generation(durationS);
      const shown = new LiveWindowWriter({ ...DEFAULT_LIMITS, windowUs });
      shown.begin(promised, init.tracks);
      const groups = groupsFrom({ msn: 1, startUs: START_US, durationUs: durationS * SECOND }, 40);
      for (const group of groups) {
        shown.openSegment(group);
        shown.seal(group);
      }
      for (const group of groups.slice(0, -2)) rig.recorder.write(group);
      await rig.recorder.seal();
      const inits = new InitTable([init], { async save() {}, failed: assert.ifError, nowMs: () => 0 });
      const { recording } = rig;
      const view = (await restorePreviousWindow(promised, { recording, inits, windowUs }))!;
      assert.ok(view.segments[0]!.msn >= shown.list.segments[0]!.msn, `${view.segments[0]!.msn}`);
      assert.equal(view.segments.at(-1)!.msn, 38);
      assert.ok(view.segments.length >= 4, 'what players hold back is there');
      assert.equal(view.ended, true);
    });
  }
});
