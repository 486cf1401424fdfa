import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSwitchingServer } from '../../lib/switching-server.fixture.ts';
import { openOxbowClient } from './oxbow-client.ts';

test('a vault that answers with another protocol is an error at once', { timeout: 5000 }, async () => {
  await using server = await openSwitchingServer();
  const client = openOxbowClient({ endpoint: server.url, secret: 'x'.repeat(32) } as never);
  await assert.rejects(client.head('o/1', { signal: new AbortController().signal }), /another protocol/);
  await client[Symbol.asyncDispose]();
});
