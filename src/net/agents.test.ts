import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createAgents, MAX_IDLE } from './agents.ts';

test('idle connections of another client count towards the bound of 100', async () => {
  const server = createServer((_, response) => response.end('x'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  let elsewhere = MAX_IDLE;
  const agents = createAgents(undefined, () => elsewhere);
  const read = async () => {
    const request = get(url, { agent: agents.of(url, true) });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const closed = once(request, 'close');
    response.resume();
    await closed;
  };
  await read();
  assert.equal(agents.idle(), 0, 'the other client has all of them');
  elsewhere = MAX_IDLE - 1;
  await read();
  assert.equal(agents.idle(), 1);
  agents.close();
  server.close();
});
