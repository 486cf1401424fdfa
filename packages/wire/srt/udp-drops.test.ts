import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { parseUdpDrops, readUdpDrops } from './udp-drops.ts';

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  407: 0100007F:22BA 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 71234 2 0000000000000000 12
  408: 00000000:22BA 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 71235 2 0000000000000000 3
  981: 0100007F:24FE 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 71236 2 0000000000000000 400
`;

test('the drops of all sockets of a port are added', () => {
  assert.equal(parseUdpDrops(TABLE, 8890), 15);
  assert.equal(parseUdpDrops(TABLE, 9470), 400);
  assert.equal(parseUdpDrops(TABLE, 1), 0);
});

test('datagrams that a full receive buffer cannot take are counted', {
  skip: process.platform !== 'linux',
}, async () => {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4096 });
  const sender = createSocket('udp4');
  try {
    await once(socket.bind(0, '127.0.0.1'), 'listening');
    const { port } = socket.address();
    assert.equal(await readUdpDrops(port), 0);
    // Sent within one turn of the loop, so that nothing is read in between.
    await once(sender.bind(0, '127.0.0.1'), 'listening');
    const sent = Array.from(
      { length: 50 },
      () => new Promise((done) => sender.send(Buffer.alloc(1316), port, '127.0.0.1', done)),
    );
    await Promise.all(sent);
    assert.ok((await readUdpDrops(port))! > 0);
  } finally {
    socket.close();
    sender.close();
  }
});
