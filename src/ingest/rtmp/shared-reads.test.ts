import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readShared } from './shared-reads.ts';

test('connections that share a buffer get their own bytes, are paused, answered and closed like others', async () => {
  const received = ['', ''];
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (accepted) => {
    const index = sockets.length;
    const take = (bytes: Uint8Array) => {
      received[index] += Buffer.from(bytes).toString('latin1');
    };
    sockets.push(readShared(accepted, take));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const first = connect(port, '127.0.0.1');
  await once(first, 'connect');
  const second = connect(port, '127.0.0.1');
  await once(second, 'connect');
  first.write('a'.repeat(100_000));
  second.write('b'.repeat(100_000));
  while (received[0]!.length < 100_000 || received[1]!.length < 100_000) await sleep(5);
  assert.ok(!received[0]!.includes('b') && !received[1]!.includes('a'));

  sockets[0]!.pause();
  first.write('c');
  await sleep(50);
  assert.ok(!received[0]!.includes('c'), 'it is paused');
  sockets[0]!.resume();
  while (!received[0]!.includes('c')) await sleep(5);

  sockets[0]!.write('answer');
  const [answer] = (await once(first, 'data')) as [Buffer];
  assert.equal(answer.toString(), 'answer');
  first.end();
  await once(sockets[0]!, 'close');
  second.destroy();
  await once(sockets[1]!, 'close');
  server.close();
  await once(server, 'close');
});
