import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openUdp, type UdpSocket } from './udp.ts';

interface Arrived {
  readonly text: string;
  readonly port: number;
}

/** A socket of this computer, and what it receives. */
async function open() {
  const arrived: Arrived[] = [];
  const waiting: (() => void)[] = [];
  const errors: Error[] = [];
  const socket: UdpSocket = await openUdp({ address: '127.0.0.1', port: 0 }, undefined, {
    receive(packet, _address, port) {
      arrived.push({ text: Buffer.from(packet).toString(), port });
      for (const resume of waiting.splice(0)) resume();
    },
    tick: () => false,
    onError: (error) => errors.push(error),
  });
  return {
    socket,
    arrived,
    errors,
    /** The next datagrams, as soon as there are `count`. */
    async take(count: number): Promise<Arrived[]> {
      while (arrived.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
      return arrived.splice(0, count);
    },
    send: (to: UdpSocket, text: string) => socket.transmit(Buffer.from(text), '127.0.0.1', to.port),
    [Symbol.asyncDispose]: () => socket.close(),
  };
}

const isLinux = process.platform === 'linux';

test('a path sends from the port of its socket, at once: the bytes may change afterwards', {
  skip: !isLinux,
}, async () => {
  await using server = await open();
  await using peer = await open();
  const path = server.socket.openPath('127.0.0.1', peer.socket.port) ?? assert.fail('no path');
  const bytes = Buffer.from('a');
  for (let n = 0; n < 20; n++) {
    assert.ok(path.send(bytes));
    bytes[0]!++;
  }
  const received = await peer.take(20);
  assert.deepEqual(received.map(({ text }) => text).join(''), 'abcdefghijklmnopqrst');
  assert.ok(received.every(({ port }) => port === server.socket.port));
});

test('all datagrams arrive, of peers with and without a path, while paths are opened and closed', {
  skip: !isLinux,
}, async () => {
  await using server = await open();
  const peers = [await open(), await open(), await open()];
  const ports = peers.map(({ socket }) => socket.port);
  for (let round = 0; round < 30; round++) {
    for (const peer of peers) peer.send(server.socket, `before ${round}`);
    const path = server.socket.openPath('127.0.0.1', ports[round % 3]!);
    for (const peer of peers) peer.send(server.socket, `after ${round}`);
    const received = await server.take(6);
    path?.close();
    for (const text of [`before ${round}`, `after ${round}`]) {
      const from = received.filter((each) => each.text === text).map(({ port }) => port);
      assert.deepEqual(from.sort(), [...ports].sort());
    }
  }
  assert.deepEqual(server.errors, []);
  for (const peer of peers) await peer.socket.close();
});

test('no other server can begin on a port that has paths', { skip: !isLinux }, async () => {
  await using server = await open();
  await using peer = await open();
  server.socket.openPath('127.0.0.1', peer.socket.port);
  const handlers = { receive: () => {}, tick: () => false, onError: () => {} };
  const place = { address: '127.0.0.1', port: server.socket.port };
  await assert.rejects(openUdp(place, undefined, handlers), { code: 'EADDRINUSE' });
});

test('a peer whose port has closed is no error, and the socket of all continues', { skip: !isLinux }, async () => {
  await using server = await open();
  await using other = await open();
  const peer = await open();
  const path = server.socket.openPath('127.0.0.1', peer.socket.port) ?? assert.fail('no path');
  await peer.socket.close();
  for (let n = 0; n < 10; n++) {
    path.send(Buffer.from('lost'));
    other.send(server.socket, 'still here');
    await server.take(1);
  }
  assert.deepEqual(server.errors, []);
});

test('a datagram that the system refuses, because of a message of the network, is left to the socket of all', {
  skip: !isLinux,
}, async () => {
  await using server = await open();
  const peer = await open();
  const path = server.socket.openPath('127.0.0.1', peer.socket.port) ?? assert.fail('no path');
  await peer.socket.close();
  const datagram = Buffer.from('lost');
  // The network of this computer answers at once (ICMP): the next write fails with that.
  assert.deepEqual([path.send(datagram), path.send(datagram), path.send(datagram)], [true, false, true]);
  assert.deepEqual(server.errors, []);
});

test('a datagram that arrives by a path starts the tick again, as others do', { skip: !isLinux }, async () => {
  let ticks = 0;
  let ticked = () => {};
  let isReceived = false;
  const socket = await openUdp({ address: '127.0.0.1', port: 0 }, undefined, {
    receive: () => {
      isReceived = true;
    },
    tick: () => {
      ticks++;
      ticked();
      return false;
    },
    onError: assert.fail,
  });
  const nextTick = () => new Promise<void>((resolve) => (ticked = resolve));
  await nextTick(); // that of the opened socket; it is the last one without a datagram
  await using peer = await open();
  socket.openPath('127.0.0.1', peer.socket.port) ?? assert.fail('no path');
  const next = nextTick();
  peer.send(socket, 'wake up');
  await next;
  assert.ok(isReceived);
  assert.equal(ticks, 2);
  await socket.close();
});

test('a path that is closed sends nothing, and the port is free after the socket has closed', {
  skip: !isLinux,
}, async () => {
  const server = await open();
  await using peer = await open();
  const place = { address: '127.0.0.1', port: server.socket.port };
  const paths = [0, 1].map(() => server.socket.openPath('127.0.0.1', peer.socket.port) ?? assert.fail('no path'));
  paths[0]!.close();
  paths[0]!.close();
  assert.equal(paths[0]!.send(Buffer.from('lost')), false);
  await server.socket.close();
  assert.equal(paths[1]!.send(Buffer.from('lost')), false);
  assert.equal(server.socket.openPath('127.0.0.1', peer.socket.port), undefined);
  const handlers = { receive: () => {}, tick: () => false, onError: () => {} };
  await (await openUdp(place, undefined, handlers)).close();
});

test('a socket has at most 512 paths', { skip: !isLinux }, async () => {
  await using server = await open();
  const paths = Array.from({ length: 520 }, (_, n) => server.socket.openPath('127.0.0.1', 10_000 + n));
  assert.equal(paths.filter((path) => path !== undefined).length, 512);
  paths[7]!.close();
  assert.ok(server.socket.openPath('127.0.0.1', 9999));
});
