import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findUndeclared } from '../../scripts/check-components.ts';

const componentOf = (markup: string) => new Map([['a.svelte', `<script lang="ts">let a = 1;</script>${markup}`]]);

test('a component may use what it declares and what browsers define', () => {
  assert.deepEqual(findUndeclared(componentOf('<p>{a}{window.innerWidth}</p>')), []);
});

test('a name that its markup uses and nothing declares is a problem', () => {
  assert.deepEqual(findUndeclared(componentOf('<p>{b}</p>')), ['a.svelte: The b variable is undeclared.']);
});
