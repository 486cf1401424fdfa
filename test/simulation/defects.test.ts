import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { withChanges } from '../mutations/defect.ts';
import { defects } from './defects.ts';
import { quickSeeds } from './seeds.ts';

suite('the simulation of the first tier finds each reintroduced defect', () => {
  for (const { name, seed, ...change } of defects) {
    test(name, async () => {
      const script = path.join(import.meta.dirname, 'find-defect.ts');
      const seeds = JSON.stringify([...new Set([seed, ...quickSeeds])]);
      const { stdout } = await promisify(execFile)(process.execPath, [script, seeds], { env: withChanges([change]) });
      assert.match(stdout, /^seed \d+: /);
    });
  }
});
