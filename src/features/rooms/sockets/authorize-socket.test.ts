import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForwarded } from '../../../serve/client/local-request.ts';
import { keptFields } from './authorize-socket.ts';

test('of a request to upgrade only fields that were sent are kept, so that no proxy seems to have sent it', () => {
  const kept = keptFields({ host: 'tv.example', cookie: 'a=b', upgrade: 'websocket' });
  assert.deepEqual(kept, { host: 'tv.example', cookie: 'a=b' });
  assert.ok(!isForwarded(kept));
  assert.ok(isForwarded(keptFields({ host: 'tv.example', 'x-forwarded-proto': 'https' })));
});
