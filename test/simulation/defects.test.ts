import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { defects } from './defects.ts';

const SEEDS = 200;

suite('the simulation finds each reintroduced defect', () => {
  for (const { name } of defects) {
    test(name, async () => {
      const script = path.join(import.meta.dirname, 'find-defect.ts');
      const { stdout } = await promisify(execFile)(process.execPath, [script, name, String(SEEDS)]);
      assert.match(stdout, /^seed \d+: /);
    });
  }
});
