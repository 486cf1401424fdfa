import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OxbowError } from '../../lib/errors.ts';
import { readEnd, readInstant } from './instant-field.ts';

const isBadTime = (error: unknown) => error instanceof OxbowError && error.code === 'bad-time';

test('an instant fits into whole microseconds: a stored one beyond them could never be read again', () => {
  assert.ok(Number.isSafeInteger(1000 * readInstant('at', '2255-06-05T23:47:34Z')));
  for (const text of ['9999-12-31T23:59:59Z', '99991231235959', '2255-06-06T00:00:00Z', '9999999999', '9999999999999'])
    assert.throws(() => readInstant('at', text), isBadTime, text);
  assert.throws(() => readEnd('to', '36525d', readInstant('from', '2255-01-01T00:00:00Z')), isBadTime);
});
