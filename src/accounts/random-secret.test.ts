import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSecret } from './random-secret.ts';

test('a secret begins with a letter, so that no command takes it for an option', () => {
  for (let n = 0; n < 1000; n++) assert.match(createSecret(9), /^[A-Za-f][\w-]{11}$/);
});
