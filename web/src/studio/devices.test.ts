import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemOf } from './devices.ts';

test('errors of devices are named by their cause', () => {
  for (const [name, problem] of [
    ['NotAllowedError', 'denied'],
    ['SecurityError', 'denied'],
    ['NotFoundError', 'missing'],
    ['OverconstrainedError', 'missing'],
    ['NotReadableError', 'busy'],
    ['AbortError', 'busy'],
    ['TypeError', 'failed'],
  ] as const) {
    assert.equal(problemOf(new DOMException('', name)), problem, name);
  }
  assert.equal(problemOf('no error'), 'failed');
});
