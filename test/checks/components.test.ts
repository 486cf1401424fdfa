import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMissingExports, findUndeclared } from '../../scripts/check-components.ts';

const componentOf = (markup: string) => new Map([['a.svelte', `<script lang="ts">let a = 1;</script>${markup}`]]);

test('a component may use what it declares and what browsers define', () => {
  assert.deepEqual(findUndeclared(componentOf('<p>{a}{window.innerWidth}</p>')), []);
});

test('a name that its markup uses and nothing declares is a problem', () => {
  assert.deepEqual(findUndeclared(componentOf('<p>{b}</p>')), ['a.svelte: The b variable is undeclared.']);
});

test('a name that a component imports must be exported by that file', () => {
  const imports = "import { type Task, run } from './work.ts';";
  const components = new Map([['web/src/a.svelte', `<script lang="ts">${imports} run();</script>`]]);
  const work = 'export interface Task {}\nexport async function run(): Promise<void> {}';
  assert.deepEqual(
    findMissingExports(components, (path) => (path === 'web/src/work.ts' ? work : '')),
    [],
  );
  assert.deepEqual(
    findMissingExports(components, () => work.replace('run', 'start')),
    ['web/src/a.svelte: ./work.ts does not export run.'],
  );
});
