import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldOf, mayRecordAnyway } from './problems.ts';

test('a source that may come later can be recorded anyway; a wrong address cannot', () => {
  assert.equal(mayRecordAnyway('source-failed'), true);
  assert.equal(mayRecordAnyway('bad-source'), false);
});

test('a failure is shown at the field that caused it', () => {
  assert.equal(fieldOf('bad-source'), 'url');
  assert.equal(fieldOf('stream-exists'), 'name');
  assert.equal(fieldOf('source-failed'), undefined);
});
