/**
 * `kill -9` next to the changes that every activity makes; `npm run soak -- kill` takes 50 moments of each.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { openFolder } from '../fixtures/server.ts';
import { activities } from './moments/all.ts';
import { killAtMoments } from './moments/moments.ts';

suite('killed at a change, and started again: what was there is there, what was begun ends, nothing is left over', {
  skip: need('ffmpeg'),
  concurrency: 3,
}, () => {
  for (const activity of activities) {
    test(activity.name, async () => {
      await using folder = await openFolder(`kill-${activity.name}`);
      const moments = activity.steps.length;
      const tally = await killAtMoments(activity, { moments, seed: 1, folder: folder.path, rehearsal: false });
      assert.deepEqual(tally, { byTime: 0, byStep: moments, late: 0, steps: moments });
    });
  }
});
