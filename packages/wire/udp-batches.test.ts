import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openBatch } from './udp-batch.ts';
import { UdpBatches } from './udp-batches.ts';

interface Arrived {
  readonly packet: Uint8Array;
  readonly address: string;
  readonly port: number;
}

async function bind(address: string, kind: 'udp4' | 'udp6' = 'udp4'): Promise<Socket> {
  const socket = createSocket(kind);
  socket.bind({ address, port: 0, exclusive: true });
  await once(socket, 'listening');
  return socket;
}

/** A socket with batches, as `openUdp` has them, and senders to it. */
async function open({
  address = '127.0.0.1',
  kind = 'udp4',
  buffer = 4 * 1024 * 1024,
  received = () => {},
}: {
  address?: string;
  kind?: 'udp4' | 'udp6';
  buffer?: number;
  received?: (batches: UdpBatches, isByNode: boolean) => void;
} = {}) {
  const socket = await bind(address, kind);
  socket.setRecvBufferSize(buffer);
  const arrived: Arrived[] = [];
  let resume = () => {};
  const take = (packet: Uint8Array, from: string, port: number, isByNode: boolean) => {
    arrived.push({ packet, address: from, port });
    received(batches, isByNode);
    resume();
  };
  const receive = (packet: Uint8Array, from: string, port: number) => take(packet, from, port, false);
  const time = { ms: 0 }; // a period ends when a test says so
  const batches = new UdpBatches({ socket, receive, nowMs: () => time.ms });
  let byNode = 0;
  socket.on('message', (packet, from) => {
    byNode++;
    take(packet, from.address, from.port, true);
    batches.received(packet.length);
  });
  const senders: Socket[] = [];
  return {
    socket,
    batches,
    time,
    arrived,
    get byNode() {
      return byNode;
    },
    async sender() {
      const sender = await bind(address, kind);
      senders.push(sender);
      return sender;
    },
    /** Sends datagrams to it, and returns when they have left. */
    async send(sender: Socket, datagrams: readonly Uint8Array[]) {
      const { port } = socket.address();
      await Promise.all(
        datagrams.map(
          (datagram) => new Promise<void>((resolve) => sender.send(datagram, port, address, () => resolve())),
        ),
      );
    },
    /** The next datagrams, as soon as there are `count`. */
    async take(count: number) {
      while (arrived.length < count) {
        await new Promise<void>((resolve) => {
          resume = resolve;
        });
      }
      return arrived.splice(0, count);
    },
    [Symbol.dispose]() {
      batches.close();
      for (const each of [socket, ...senders]) each.close();
    },
  };
}

/** Numbered datagrams of different lengths. */
function numbered(count: number, from = 0): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, n) => {
    const datagram = Buffer.alloc(8 + ((from + n) % 7) * 200, from + n);
    datagram.writeUInt32BE(from + n);
    return datagram;
  });
}

const hasNone = openBatch(-1) === undefined;
const skip = hasNone && 'this Node cannot call the C library';

/** Makes it busy: two periods of 150 datagrams. */
async function makeBusy(busy: Awaited<ReturnType<typeof open>>, sender: Socket) {
  while (!busy.batches.isActive) {
    const before = busy.arrived.length;
    await busy.send(sender, numbered(50));
    await busy.take(before + 50);
  }
}

test('all datagrams of a busy socket arrive once, in order, whole, and with their sender', { skip }, async () => {
  using busy = await open();
  const senders = [await busy.sender(), await busy.sender(), await busy.sender()];
  await makeBusy(busy, senders[0]!);
  const before = busy.byNode;
  const sent = numbered(300);
  for (let from = 0; from < sent.length; from += 50) {
    for (const sender of senders) await busy.send(sender, sent.slice(from, from + 50));
  }
  const received = await busy.take(3 * sent.length);
  const bursts = (3 * sent.length) / 50;
  assert.ok(busy.byNode - before <= bursts, `Node has received ${busy.byNode - before} of ${bursts} bursts`);
  for (const sender of senders) {
    const { port } = sender.address();
    const from = received.filter((each) => each.port === port && each.address === '127.0.0.1');
    assert.deepEqual(
      from.map(({ packet }) => Buffer.from(packet)),
      sent,
    );
  }
});

test('datagrams that are kept stay as they are, and may be changed', { skip }, async () => {
  using busy = await open();
  const sender = await busy.sender();
  await makeBusy(busy, sender);
  await busy.send(sender, numbered(100));
  const kept = (await busy.take(100)).map(({ packet }) => packet);
  kept[3]!.fill(0xff);
  for (let round = 0; round < 5; round++) {
    await busy.send(sender, numbered(100, 1000));
    await busy.take(100);
  }
  const expected = numbered(100).map((packet, n) => (n === 3 ? new Uint8Array(packet.length).fill(0xff) : packet));
  assert.deepEqual(
    kept.map((packet) => Buffer.from(packet)),
    expected.map((packet) => Buffer.from(packet)),
  );
});

test('IPv6 senders have the address that Node gives them', { skip }, async () => {
  using busy = await open({ address: '::1', kind: 'udp6' });
  const sender = await busy.sender();
  await makeBusy(busy, sender);
  const before = busy.byNode;
  await busy.send(sender, numbered(20));
  const received = await busy.take(20);
  assert.ok(busy.byNode - before < 20);
  const { port } = sender.address();
  assert.ok(received.every((each) => each.address === '::1' && each.port === port));
});

test('a longer datagram than all before leaves the socket to Node; it is lost, and no part of it arrives', {
  skip,
}, async () => {
  using busy = await open();
  const sender = await busy.sender();
  await makeBusy(busy, sender);
  await busy.send(sender, [Buffer.alloc(1536, 1), Buffer.alloc(1537, 2)]);
  await busy.take(1);
  while (busy.batches.isActive) await turn();
  await busy.send(sender, [Buffer.alloc(1537, 3)]);
  const [{ packet } = assert.fail()] = await busy.take(1);
  assert.deepEqual([packet.length, packet[0]], [1537, 3]);
  for (let round = 0; round < 10; round++) {
    await busy.send(sender, numbered(50));
    await busy.take(50);
  }
  assert.ok(!busy.batches.isActive);
});

test('a socket with a small buffer, or with few datagrams in a period, is left to Node', { skip }, async () => {
  using small = await open({ buffer: 256 * 1024 });
  using quiet = await open();
  const sender = await small.sender();
  for (let round = 0; round < 10; round++) {
    for (const each of [small, quiet]) {
      await each.send(sender, numbered(50));
      await each.take(50);
    }
    quiet.time.ms += 50;
  }
  assert.ok(!small.batches.isActive && !quiet.batches.isActive);
});

test('batches end after a second with few datagrams, and Node receives again', { skip }, async () => {
  using busy = await open();
  const sender = await busy.sender();
  await makeBusy(busy, sender);
  while (busy.batches.isActive) {
    busy.time.ms += 100;
    await busy.send(sender, numbered(1));
    await busy.take(1);
  }
  assert.ok(busy.time.ms >= 1000, `ended after ${busy.time.ms} ms`);
  const before = busy.byNode;
  await busy.send(sender, numbered(10));
  await busy.take(10);
  assert.equal(busy.byNode, before + 10);
  await makeBusy(busy, sender);
});

test('who closes them while a datagram is received gets no other one of the batch', { skip }, async () => {
  let closes = false;
  using busy = await open({ received: (batches, isByNode) => closes && !isByNode && batches.close() });
  const sender = await busy.sender();
  await makeBusy(busy, sender);
  closes = true;
  const before = busy.byNode;
  await busy.send(sender, numbered(20));
  while (busy.batches.isActive) await turn();
  assert.equal(busy.arrived.length - (busy.byNode - before), 1);
});
