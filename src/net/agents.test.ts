import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, get, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { createAgents, MAX_IDLE } from './agents.ts';

test('bytes that connections keep until they are read are not those of the buffer that all share', async (t) => {
  const ends: Socket[] = [];
  const server = createServer((socket) => ends.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agents = createAgents();
  const agent = agents.of(new URL('http://a/'), false);
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of [...sockets, ...ends]) socket.destroy();
    agents.close();
    server.close();
  });
  for (const _ of 'ab') {
    const options = Object.assign({ host: '127.0.0.1', port }, (agent as unknown as { options: object }).options);
    const socket = agent.createConnection(options, () => {}) as Socket;
    socket.on('error', () => {});
    sockets.push(socket);
    await Promise.all([once(server, 'connection'), once(socket, 'connect')]);
  }
  // Without a reader of data, as between two requests.
  for (const [i, socket] of sockets.entries()) {
    const arrived = once(socket, 'readable');
    ends[i]!.write('ab'[i]!.repeat(1000));
    await arrived;
  }
  assert.deepEqual(
    sockets.map((socket) => String(socket.read())),
    ['a'.repeat(1000), 'b'.repeat(1000)],
  );
});

test('idle connections of another client count towards the bound of 100', async () => {
  const server = createHttpServer((_, response) => response.end('x'));
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
