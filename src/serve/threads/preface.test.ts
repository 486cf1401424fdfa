import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { type Client, parsePreface, printPreface, readPreface } from './preface.ts';

const secret = 'a-secret-for-these-tests-1';
const ends = { remoteAddress: '2001:db8::7', remotePort: 50_001, localAddress: '2001:db8::1', localPort: 443 };
const client: Client = { ...ends, isSecure: true, protocol: 'http1' };

suite('the first line of a connection from a serving thread', () => {
  let server: Server;
  const taken: { socket: Socket; client: Client; text: string }[] = [];
  before(async () => {
    server = createServer((socket) => {
      readPreface(socket, secret, (own, from) => {
        const one = { socket: own, client: from, text: '' };
        taken.push(one);
        own.on('data', (bytes) => {
          one.text += bytes;
        });
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => server.close());

  const open = () => connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });

  test('names the client’s connection', () => {
    for (const given of [
      client,
      { ...ends, remoteAddress: '192.0.2.1', isSecure: false, protocol: 'http1' },
      { ...ends, remoteAddress: '', localAddress: '', isSecure: false, protocol: 'http1' },
    ] as const) {
      assert.deepEqual(parsePreface(printPreface(secret, given), secret), given);
    }
  });

  test('is refused with another secret, or malformed', () => {
    const random = seeded(7);
    const line = printPreface(secret, client);
    assert.equal(parsePreface(printPreface('another-secret-of-that-len', client), secret), undefined);
    for (let i = 0; i < 2000; i++) {
      const bytes = Buffer.from(line);
      bytes[random(bytes.length)] = random(256);
      const cut = bytes.toString('latin1').slice(0, 1 + random(bytes.length));
      const found = parsePreface(cut, secret);
      if (found) assert.ok(cut.startsWith(`oxbow ${secret} `));
    }
  });

  test('is removed in whatever chunks it arrives, and the rest is as the client sent it', async () => {
    const socket = open();
    for (const byte of `${printPreface(secret, client)}GET / HT`) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end('TP/1.1\r\n');
    while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [one] = taken.splice(0) as [(typeof taken)[0]];
    const { socket: own, client: from } = one;
    assert.deepEqual(from, client);
    assert.equal(own.remoteAddress, client.remoteAddress);
    assert.ok('encrypted' in own);
    await once(own, 'end');
    assert.equal(one.text, 'GET / HTTP/1.1\r\n');
    own.destroy();
  });

  test('a connection that begins otherwise is closed', async () => {
    for (const begin of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'x'.repeat(300), printPreface('no', client)]) {
      const socket = open();
      socket.on('error', () => {});
      socket.write(begin);
      await once(socket, 'close');
    }
    assert.equal(taken.length, 0);
  });
});
