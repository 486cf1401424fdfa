import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { parseVersions, probeQuic } from './quic-probe.ts';

const client = Buffer.from('abcdefgh');

/** A Version Negotiation packet (RFC 9000 17.2.1). */
function negotiation(to: Uint8Array, from: Uint8Array, versions: readonly number[]): Buffer {
  const list = Buffer.alloc(4 * versions.length);
  for (const [i, version] of versions.entries()) list.writeUInt32BE(version, 4 * i);
  return Buffer.concat([Buffer.from([0x80, 0, 0, 0, 0, to.length]), to, Buffer.from([from.length]), from, list]);
}

/** A server on this computer that answers packets with `answer`; undefined: not. */
async function serve(answer: (packet: Buffer, count: number) => Buffer | undefined) {
  const socket = createSocket('udp4');
  let count = 0;
  socket.on('message', (packet, { port, address }) => {
    count += 1;
    const bytes = answer(packet, count);
    if (bytes) socket.send(bytes, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, [Symbol.dispose]: () => void socket.close() };
}

const idsOf = (packet: Buffer) => {
  const destinationEnd = 6 + packet[5]!;
  const source = packet.subarray(destinationEnd + 1, destinationEnd + 1 + packet[destinationEnd]!);
  return { destination: packet.subarray(6, destinationEnd), source };
};

test('versions are read from a packet for this client, without the reserved ones', () => {
  const packet = negotiation(client, Buffer.from('server'), [1, 0x3a4a5a6a, 0x6b3343cf, 0xff00001d]);
  assert.deepEqual(parseVersions(packet, client), ['1', '2', 'ff00001d']);
  assert.equal(parseVersions(packet, Buffer.from('hgfedcba')), undefined, 'for another client');
  assert.equal(parseVersions(Buffer.from('HTTP/1.1 400'), client), undefined);
  for (let length = 0; length < packet.length; length++) parseVersions(packet.subarray(0, length), client);
});

test('a server answers a first packet of 1200 bytes with a version that it does not know (RFC 9000 6.1, 14.1)', async () => {
  using server = await serve((packet, count) => {
    if (count === 1) return undefined; // lost
    assert.deepEqual([packet.length, packet[0]! & 0xc0, packet.readUInt32BE(1) & 0x0f0f0f0f], [1200, 0xc0, 0x0a0a0a0a]);
    const { source, destination } = idsOf(packet);
    return negotiation(source, destination, [1]);
  });
  const { signal } = new AbortController();
  assert.deepEqual(await probeQuic({ address: '127.0.0.1', port: server.port }, { signal, tryMs: 50 }), ['1']);
});

test('a port that does not answer is undefined; an abort ends the wait', async () => {
  using server = await serve(() => undefined);
  const where = { address: '127.0.0.1', port: server.port };
  const controller = new AbortController();
  assert.equal(await probeQuic(where, { signal: controller.signal, tryMs: 5 }), undefined);
  const asked = probeQuic(where, { signal: controller.signal });
  controller.abort(new DOMException('stop', 'AbortError'));
  await assert.rejects(asked, /stop/);
});
