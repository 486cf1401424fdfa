import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IdempotencyKeys } from './idempotency.ts';

test('a repeated request waits for no one: 409 while the first one runs, then its answer; each principal has its own keys', async () => {
  const keys = new IdempotencyKeys(() => 0);
  const running = Promise.withResolvers<{ readonly status: number }>();
  const first = keys.once('admin POST /things', 'k', { a: 1 }, () => running.promise);
  const again = (scope: string, body: object) => keys.once(scope, 'k', body, async () => ({ status: 299 }));
  assert.throws(() => again('admin POST /things', { a: 1 }), { code: 'idempotency-key-in-use' });
  assert.throws(() => again('admin POST /things', { a: 2 }), { code: 'idempotency-key-reused' });
  assert.equal((await again('token:a POST /things', { a: 1 })).status, 299);
  running.resolve({ status: 201 });
  await first;
  assert.equal((await again('admin POST /things', { a: 1 })).status, 201);
});
