import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSwitchingServer } from '../../lib/switching-server.fixture.ts';
import { ServerClient, Unreachable } from './server-client.ts';

test('a server that answers with another protocol is one that is not reached, at once', { timeout: 5000 }, async () => {
  await using server = await openSwitchingServer();
  using client = new ServerClient({ url: server.url, token: 'x' });
  const { signal } = new AbortController();
  const refused = (error: unknown) => error instanceof Unreachable && /another protocol/.test(error.message);
  await assert.rejects(client.open({ method: 'GET', path: '/jobs', signal }), refused);
  const body = async function* () {
    yield Buffer.alloc(10);
  };
  await assert.rejects(client.open({ method: 'PUT', path: '/jobs', body, signal }), refused);
});
