import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { isLinux } from '../lib/platform.ts';
import { openTcp, readWaiting } from './tcp.ts';

const { signal } = new AbortController();

/** A connection from `openTcp` that reads nothing by itself after its first bytes, and its other end. */
async function openPair() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const { port } = server.address() as AddressInfo;
  const received: Buffer[] = [];
  const onBytes = (bytes: Uint8Array) => {
    received.push(Buffer.from(bytes));
    return false;
  };
  const host = { host: '127.0.0.1', port, addresses: [{ address: '127.0.0.1', family: 4 as const }] };
  const socket = await openTcp(host, false, { signal, onBytes });
  const [peer] = await accepted;
  server.close();
  return { socket, peer, onBytes, bytes: () => Buffer.concat(received) };
}

test('what waits in a socket is read at once, all of it and in order, and nothing is not an end', {
  skip: !isLinux,
}, async () => {
  const { socket, peer, onBytes, bytes } = await openPair();
  const sent = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => i >> 8));
  peer.write(sent);
  while (bytes().length < sent.length) {
    assert.equal(readWaiting(socket, onBytes), true);
    await setImmediate();
  }
  assert.ok(bytes().equals(sent));
  assert.equal(readWaiting(socket, onBytes), true);
  socket.destroy();
  assert.equal(readWaiting(socket, onBytes), false, 'a closed socket has no descriptor');
  peer.destroy();
});

test('the end of a connection is left to Node, which closes the socket; a reset closes it with its reason', {
  skip: !isLinux,
}, async () => {
  for (const [leave, reason] of [
    ['end', undefined],
    ['resetAndDestroy', 'ECONNRESET'],
  ] as const) {
    const { socket, peer, onBytes } = await openPair();
    const codes: unknown[] = [];
    socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    assert.equal(readWaiting(socket, onBytes), true);
    peer[leave]();
    while (readWaiting(socket, onBytes)) await setImmediate();
    if (!socket.destroyed) socket.resume();
    await closed;
    assert.deepEqual(codes, reason ? [reason] : []);
    peer.destroy();
  }
});
