import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { PassedClient } from '../../cluster/processes/process-link.ts';
import { PassedClients } from './passed-clients.ts';

const client: PassedClient = { protocol: 'rtmp', remote: '192.0.2.1:5000', received: '', answered: 0 };

/** A process that receives nothing until `take` is called. */
function createProcess() {
  const waiting: { readonly socket: Socket; readonly sent: (error: Error | null) => void }[] = [];
  const process = Object.assign(new EventEmitter(), {
    connected: true,
    send(_message: unknown, socket: Socket, sent: (error: Error | null) => void) {
      waiting.push({ socket, sent });
      return true;
    },
  });
  return { process: process as unknown as Parameters<PassedClients['pass']>[0] & EventEmitter, waiting };
}

test('a process gets a bounded number of clients, and those that it has not received end with it', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const open = async () => {
    const end = connect(port, '127.0.0.1').on('error', () => {});
    const [accepted] = (await once(server, 'connection')) as [Socket];
    return { accepted, closed: once(end, 'close') };
  };
  const clients = new PassedClients();
  const { process, waiting } = createProcess();
  const opened = [];
  for (let number = 0; number < 257; number++) {
    const connection = await open();
    opened.push(connection);
    clients.pass(process, client, connection.accepted);
  }
  assert.equal(waiting.length, 256);
  await opened[256]!.closed;
  waiting[0]!.sent(null);
  process.emit('exit');
  await Promise.all(opened.slice(1).map(({ closed }) => closed));
  assert.equal(waiting[0]!.socket.destroyed, false, 'the process has it');
  waiting[0]!.socket.destroy();
  for (const to of [undefined, { ...process, connected: false } as typeof process]) {
    const connection = await open();
    clients.pass(to, client, connection.accepted);
    await connection.closed;
  }
  clients.pass(process, client, undefined); // the client has left
  server.close();
});
