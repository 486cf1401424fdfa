import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { splitRtp } from '@oxbow/media/rtp/packet';
import { printStun, stunAttribute, stunType } from './ice/stun-message.ts';
import { type Connection, type Host, Received, rtpPacket, SimulatedNetwork } from './simulated-network.fixture.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

function world(seed = 1, maxPeers?: number) {
  const network = new SimulatedNetwork(seed);
  const server = network.host({ address: '192.0.2.1', port: 8000 }, maxPeers);
  const hosts: Host[] = [server];
  const client = (address: string, port = 5000) => {
    const host = network.host({ address, port });
    hosts.push(host);
    return host;
  };
  return { network, server, client, hosts };
}

/** Ten packets in both directions arrive. */
function assertMedia(
  network: SimulatedNetwork,
  { server, client, atServer, atClient }: Connection,
  what: string,
): void {
  const before = [atServer.packets, atClient.packets];
  for (let n = 0; n < 10; n++) {
    server.send(splitRtp(rtpPacket())!);
    client.send(splitRtp(rtpPacket())!);
    network.run(20);
  }
  network.run(100);
  assert.deepEqual([atServer.packets - before[0]!, atClient.packets - before[1]!], [10, 10], what);
}

/** A check with the credentials of the client, as a client may send it with a forged address. */
function checkOf({ local, remote }: Connection, transaction: number): Uint8Array {
  const attributes = new Map<number, Uint8Array>([
    [stunAttribute.username, utf8(`${local.ufrag}:${remote.ufrag}`)],
    [stunAttribute.iceControlling, new Uint8Array(8)],
    [stunAttribute.useCandidate, new Uint8Array()],
  ]);
  const id = new Uint8Array(12).fill(transaction);
  return printStun({ type: stunType.bindingRequest, transaction: id, attributes }, local.password);
}

for (const dtls of ['client', 'server'] as const) {
  test(`peers connect through 20 % loss; the server is DTLS ${dtls} (40 networks, seeded)`, () => {
    for (let seed = 0; seed < 40; seed++) {
      const { network, server, client } = world(seed);
      network.loss = 20;
      const connection = network.open(server, client('198.51.100.1'), dtls);
      network.run(14_000);
      assert.ok(connection.atServer.isConnected && connection.atClient.isConnected, `seed ${seed}`);
      network.loss = 0;
      assertMedia(network, connection, `seed ${seed}`);
    }
  });
}

test('a peer stays connected without media, and without errors', () => {
  const { network, server, client, hosts } = world();
  const connection = network.connect(server, client('198.51.100.1'));
  network.loss = 20;
  network.run(600_000);
  network.loss = 0;
  assertMedia(network, connection, 'after 10 minutes');
  assert.deepEqual(
    hosts.flatMap(({ errors }) => errors),
    [],
  );
});

test('floods of strangers and 200 half-open peers do not disturb a connected peer, and tables have their bound', () => {
  const { network, server, client } = world();
  const connection = network.connect(server, client('198.51.100.1'));
  const halfOpen = Array.from({ length: 200 }, (_, n) => {
    // They check, so that they own addresses, and then are silent.
    const host = client('203.0.113.1', 1000 + n);
    const opened = network.open(server, host, 'server');
    network.run(n % 20 === 0 ? 60 : 0);
    return { host, opened };
  });
  network.run(60);
  for (const { host } of halfOpen) network.remove(host);
  const random = seeded(7);
  const bytes = (length: number) => Uint8Array.from({ length }, () => random(256));
  for (let n = 0; n < 5000; n++) {
    const from = { address: `203.0.113.${random(256)}`, port: 1 + random(65_535) };
    const attributes = new Map([[stunAttribute.username as number, utf8(`${random(1e6)}:x`)]]);
    const request = printStun({ type: stunType.bindingRequest, transaction: bytes(12), attributes }, 'x');
    const success = printStun({ type: stunType.bindingSuccess, transaction: bytes(12), attributes: new Map() }, 'x');
    const hello = Uint8Array.of(22, 0xfe, 0xfd, ...bytes(60));
    const datagram = [request, success, hello, Uint8Array.of(0x80, ...bytes(40))][n % 4]!;
    network.carry(datagram, n % 8 < 4 ? from : connection.client.remote!, server.endpoint);
    if (n % 100 === 0) network.run(10);
  }
  assert.ok(server.router.entries <= 201 * (1 + 4 + 24), `${server.router.entries} entries`);
  assertMedia(network, connection, 'during the flood');
  network.run(16_000);
  assert.equal(server.router.size, 1);
  assert.ok(server.router.entries <= 3, `${server.router.entries} entries`);
  for (const { opened } of halfOpen) assert.ok(opened.atServer.closed);
  assertMedia(network, connection, 'after the flood');
  assert.ok(server.router.stats.stray >= 2000);
});

test('garbage from the address of a connected peer changes nothing (20,000 datagrams, seeded)', () => {
  const { network, server, client } = world();
  const host = client('198.51.100.1');
  const connection = network.connect(server, host);
  const random = seeded(9);
  for (let n = 0; n < 20_000; n++) {
    const garbage = Uint8Array.from({ length: random(120) }, () => random(256));
    if (garbage.length > 0) garbage[0] = [0, 20, 21, 22, 23, 128, 144, 255, 64][random(9)]!;
    if (n % 5 === 0 && garbage.length >= 8) garbage.set([0x21, 0x12, 0xa4, 0x42], 4);
    server.router.receive(garbage, host.endpoint);
  }
  network.run(60); // the work between two ticks is limited
  assertMedia(network, connection, 'after the garbage');
  assert.deepEqual(server.errors, []);
  assert.equal(connection.atServer.closed, undefined);
});

test('the work of forged packets is limited, and the connection continues after them', () => {
  const { network, server, client } = world();
  const host = client('198.51.100.1');
  const connection = network.connect(server, host);
  const forged = rtpPacket();
  for (let n = 0; n < 600; n++) server.router.receive(forged, host.endpoint);
  connection.client.send(splitRtp(rtpPacket())!);
  network.run(20);
  const during = connection.atServer.packets;
  network.run(60);
  assertMedia(network, connection, 'after the forged packets');
  assert.equal(during, 0, 'nothing was read until the next tick');
  assert.equal(connection.server.stats.rejected, 601);
});

test('garbage does not keep a vanished peer open: it is closed 15 s after its last packet', () => {
  const { network, server, client } = world();
  const host = client('198.51.100.1');
  const connection = network.connect(server, host);
  network.remove(host);
  for (let n = 0; n < 14; n++) {
    network.carry(Uint8Array.of(22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0), host.endpoint, server.endpoint);
    network.carry(rtpPacket(), host.endpoint, server.endpoint);
    network.run(700);
  }
  assert.equal(connection.atServer.closed, undefined);
  network.run(6000);
  assert.match(connection.atServer.closed!, /silent/);
  assert.deepEqual([server.router.size, server.router.entries], [0, 0]);
});

test('a peer whose network is lost is given up by both sides', () => {
  const { network, server, client } = world();
  const host = client('198.51.100.1');
  const connection = network.connect(server, host);
  network.loss = 100;
  network.run(21_000);
  assert.ok(connection.atServer.closed && connection.atClient.closed);
  assert.deepEqual([server.router.entries, host.router.entries], [0, 0]);
});

test('a client stops sending to a server that answers no checks, although media arrives (RFC 7675 5.1)', () => {
  const { network, server, client } = world();
  const connection = network.connect(server, client('198.51.100.1'));
  network.remove(server);
  for (let n = 0; n < 42; n++) {
    connection.server.send(splitRtp(rtpPacket())!);
    network.run(500);
  }
  assert.match(connection.atClient.closed!, /does not answer/);
  assert.ok(connection.atClient.packets > 15);
});

test('a new peer with the port of one that has vanished connects', () => {
  const { network, server, client } = world();
  const before = client('198.51.100.1');
  const old = network.connect(server, before);
  network.remove(before);
  const connection = network.open(server, client('198.51.100.1'));
  network.run(10_000);
  assert.ok(connection.atServer.isConnected && connection.atClient.isConnected);
  assert.equal(old.atServer.packets, 0);
  assertMedia(network, connection, 'of the new peer');
  network.run(16_000);
  assert.match(old.atServer.closed!, /silent/);
  assertMedia(network, connection, 'after the old peer was closed');
});

test('a new peer with the port of one that has closed connects at once', () => {
  const { network, server, client } = world();
  const host = client('198.51.100.1');
  network.connect(server, host).client.close();
  assertMedia(network, network.connect(server, host), 'of the new peer');
  assert.equal(server.router.size, 1);
});

test('a peer cannot take the address of another one, or direct media to it', () => {
  const { network, server, client } = world();
  const victim = client('198.51.100.1');
  const attacked = network.connect(server, victim);
  const attacker = network.connect(server, client('198.51.100.2'));
  for (let n = 0; n < 50; n++) {
    network.carry(checkOf(attacker, n), victim.endpoint, server.endpoint);
    network.run(100);
  }
  assertMedia(network, attacked, 'of the victim');
  assertMedia(network, attacker, 'of the attacker, at its own address');
});

test('media follows a client that moves to another network', () => {
  const { network, server, client } = world();
  const host = client('198.51.100.1');
  const connection = network.connect(server, host);
  for (let n = 0; n < 12; n++) {
    host.endpoint = { address: `203.0.113.${1 + (n % 5)}`, port: 6000 + (n % 5) };
    network.run(7000); // the next check for consent nominates the new address
    assertMedia(network, connection, `move ${n}`);
  }
  assert.deepEqual(connection.server.remote, host.endpoint);
});

test('a path leads to where the client is, from its first media until the peer is closed', () => {
  const { network, server, client } = world(3);
  server.hasPaths = true;
  const host = client('198.51.100.1');
  const connection = network.connect(server, host);
  assert.deepEqual(server.paths, []);
  for (let n = 0; n < 5; n++) {
    assertMedia(network, connection, `network ${n}`);
    assert.deepEqual(server.paths, [host.endpoint]);
    host.endpoint = { address: '203.0.113.1', port: 6000 + n };
    network.run(6000); // until its next check
  }
  connection.server.close();
  assert.deepEqual(server.paths, []);
});

test('a client that claims to move with every packet makes the server open a path for each tick, not more', () => {
  const { network, server, client } = world();
  server.hasPaths = true;
  const host = client('198.51.100.1');
  const connection = network.connect(server, host);
  const away = { address: '203.0.113.1', port: 6000 };
  const home = host.endpoint;
  for (const endpoint of [away, home]) {
    host.endpoint = endpoint;
    network.run(7000); // it is proven
  }
  assertMedia(network, connection, 'at home');
  const { opened } = server;
  for (let n = 0; n < 100; n++) {
    server.router.receive(checkOf(connection, n), n % 2 === 0 ? away : home);
    connection.server.send(splitRtp(rtpPacket())!);
  }
  assert.equal(server.opened, opened);
  network.run(50);
  assert.ok(server.opened <= opened + 1);
  assert.equal(server.paths.length, 1);
});

test('a client that changes between two networks again and again keeps both addresses', () => {
  const { network, server, client } = world();
  const host = client('198.51.100.1');
  const connection = network.connect(server, host);
  for (let n = 0; n < 9; n++) {
    host.endpoint = { address: `203.0.113.${n % 2}`, port: 6000 };
    network.run(7000);
    assertMedia(network, connection, `move ${n}`);
  }
});

test('peers beyond the limit are refused by name, until there is room again', () => {
  const { network, server, client } = world(1, 2);
  const first = network.open(server, client('198.51.100.1'));
  network.open(server, client('198.51.100.2'));
  assert.equal(server.router.hasRoom, false);
  assert.throws(() => network.open(server, client('198.51.100.3')), { name: 'EndpointFull' });
  first.server.close();
  assert.ok(server.router.hasRoom);
  network.open(server, client('198.51.100.4'));
});

test('a close ends all peers, which their clients notice, and no more can be opened', () => {
  const { network, server, client } = world();
  const connections = [1, 2, 3].map((n) => network.connect(server, client(`198.51.100.${n}`)));
  server.router.close();
  network.run(100);
  for (const { atClient } of connections) assert.equal(atClient.closed, 'closed by the peer');
  assert.deepEqual([server.router.size, server.router.entries, server.router.hasRoom], [0, 0, false]);
  assert.throws(() => network.open(server, client('198.51.100.9')), { name: 'EndpointFull' });
});

test('a handler that throws ends its own peer only', () => {
  const { network, server, client } = world();
  const connection = network.connect(server, client('198.51.100.1'));
  const broken = new Received();
  broken.onPacket = () => {
    throw new TypeError('a bug');
  };
  const other = network.open(server, client('198.51.100.2'), 'client', broken);
  network.run(1000);
  other.client.send(splitRtp(rtpPacket())!);
  network.run(100);
  assert.match(String(server.errors), /a bug/);
  assert.equal(broken.closed, 'internal error');
  assert.equal(other.atClient.closed, 'closed by the peer');
  assertMedia(network, connection, 'of the other peer');
});
