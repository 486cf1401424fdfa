import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { isLinux } from '../../lib/platform.ts';
import { endsOf, findOwner, isOwnConnection } from './socket-owner.ts';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (own: string, other: string, state: string, uid: number) =>
  `   3: ${own} ${other} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 123456 1 0000000000000000 20 4 30 10 -1\n`;
const ends = { remoteAddress: '127.0.0.1', remotePort: 0xa2c4, localAddress: '127.0.0.1', localPort: 8080 };

test('the owner is that of the peer’s socket', () => {
  const table =
    head + row('0100007F:1F90', '0100007F:A2C4', '01', 0) + row('0100007F:A2C4', '0100007F:1F90', '01', 1000);
  assert.equal(findOwner(table, ends), 1000);
});

test('a socket of the same port to another server, or one that is closing, does not count', () => {
  const table = row('0100007F:A2C4', '0100007F:1F91', '01', 1000) + row('0100007F:A2C4', '0100007F:1F90', '06', 1000);
  assert.equal(findOwner(table, ends), undefined);
  assert.equal(findOwner('', ends), undefined);
});

test('IPv6, and IPv4 on an IPv6 socket, are found', () => {
  const one = '00000000000000000000000001000000';
  const mapped = '0000000000000000FFFF00000100007F';
  const six = { ...ends, remoteAddress: '::1', localAddress: '::1' };
  assert.equal(findOwner(row(`${one}:A2C4`, `${one}:1F90`, '01', 7), six), 7);
  assert.equal(findOwner(row(`${mapped}:A2C4`, `${mapped}:1F90`, '01', 8), ends), 8);
  assert.equal(
    findOwner(row('0100007F:A2C4', '0100007F:1F90', '01', 9), { ...ends, remoteAddress: '::ffff:127.0.0.1' }),
    9,
  );
});

test('a connection of this process is its own', { skip: !isLinux && 'Linux only' }, async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer().listen(0, host);
    const listening = await Promise.race([once(server, 'listening').then(() => true), once(server, 'error')]);
    if (listening !== true) continue; // this machine has no IPv6
    const client = connect((server.address() as AddressInfo).port, host);
    const [socket] = (await once(server, 'connection')) as [Socket];
    assert.equal(await isOwnConnection(endsOf(socket)), true);
    client.destroy();
    socket.destroy();
    server.close();
  }
});
