import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import breakpoints from '../../breakpoints.json' with { type: 'json' };

const root = join(import.meta.dirname, '..');

test('media queries use breakpoints by name only', () => {
  for (const file of globSync('**/*.{svelte,css}', { cwd: root })) {
    for (const [rule] of readFileSync(join(root, file), 'utf8').matchAll(/@media [^{]+/g)) {
      assert.doesNotMatch(rule, /width|height/, `${file}: ${rule}`);
      for (const [, name] of rule.matchAll(/\(--(\w+)\)/g)) assert.ok(name! in breakpoints, `${file}: ${name}`);
    }
  }
});
