import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnavailable, storeError } from './errors.ts';

const withCode = (code: string, message = 'x') => Object.assign(new Error(message), { code });

test('a server that cannot be reached, shuts down or is full is not ready; another try may succeed', () => {
  for (const code of ['ECONNREFUSED', 'ECONNRESET', '08006', '57P01', '57P03', '53300', '53100', '25006', '57014']) {
    assert.equal(isUnavailable(withCode(code)), true, code);
  }
  for (const message of [
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Query read timeout',
  ]) {
    assert.equal(isUnavailable(new Error(message)), true, message);
  }
  assert.match(String(storeError(withCode('ECONNREFUSED', 'no'))), /PostgreSQL does not respond: No\./);
});

test('an error of a statement is not', () => {
  for (const code of ['23505', '42P01', '22P02', '28P01', '3D000']) {
    const error = withCode(code, 'duplicate key value: timeout');
    assert.equal(isUnavailable(error), false, code);
    assert.equal(storeError(error), error);
  }
});
