import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offeredScopes } from './scopes.ts';

test('a user is offered only scopes of their own rights', () => {
  const user = { isAdmin: false, hasAccount: true, mayUpload: false };
  assert.deepEqual(offeredScopes(user), ['view', 'account']);
  assert.deepEqual(offeredScopes({ ...user, mayUpload: true }), ['view', 'upload', 'account']);
});

test('the administrator of the command line has no account to act for', () => {
  assert.deepEqual(offeredScopes({ isAdmin: true, hasAccount: false, mayUpload: true }), [
    'view',
    'upload',
    'worker',
    'admin',
  ]);
});
