import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Shutdown } from '../features/shutdown.ts';
import { levelOfFailure } from './observation.ts';

test('work that the shutdown aborts is not an error in the log; work that fails or takes too long is', async () => {
  const shutdown = new Shutdown(new AbortController().signal);
  shutdown.begin();
  assert.equal(levelOfFailure(shutdown.signal.reason), 'debug');
  assert.equal(levelOfFailure(new DOMException('no answer', 'TimeoutError')), 'error');
  assert.equal(levelOfFailure(new Error('EIO')), 'error');
});
