import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { createAgents } from './agents.ts';

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
