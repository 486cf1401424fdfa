import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { readShared } from './shared-reads.ts';

test('connections that share a buffer get their own bytes, are paused, answered and closed like others', async () => {
  const received = ['', ''];
  const reads = new EventEmitter();
  const until = async (index: number, has: (text: string) => boolean) => {
    while (!has(received[index]!)) await once(reads, 'read');
  };
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (accepted) => {
    const index = sockets.length;
    const take = (bytes: Uint8Array) => {
      received[index] += Buffer.from(bytes).toString('latin1');
      reads.emit('read');
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
  for (const index of [0, 1]) await until(index, ({ length }) => length >= 100_000);
  assert.ok(!received[0]!.includes('b') && !received[1]!.includes('a'));

  sockets[0]!.pause();
  await new Promise((written) => first.write('c', written));
  // What was written later on the other connection arrives, twice, so that it is not a matter of order within
  // one turn.
  for (const text of ['d', 'e']) {
    second.write(text);
    await until(1, (all) => all.endsWith(text));
  }
  assert.ok(!received[0]!.includes('c'), 'it is paused');
  sockets[0]!.resume();
  await until(0, (all) => all.endsWith('c'));

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
