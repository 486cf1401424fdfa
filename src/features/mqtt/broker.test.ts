import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { Broker } from './broker.ts';

/** A message of level 0. MQTT 3.1.1, 3.3. */
function publication(topic: string, payload: string, isRetained: boolean): Buffer {
  const body = Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic + payload)]);
  return Buffer.concat([Buffer.from([isRetained ? 0x31 : 0x30, body.length]), body]);
}

/** An MQTT server that answers a subscription with `code`, and then sends what is given. */
async function openServer(code: number, ...sent: readonly Buffer[]) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      if (data[0] === 0x10) socket.write(Buffer.from([0x20, 2, 0, 0]));
      if (data[0] !== 0x82) return;
      socket.write(Buffer.concat([Buffer.from([0x90, 3, data[2]!, data[3]!, code]), ...sent]));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const options = {
    url: `mqtt://127.0.0.1:${port}`,
    clientId: 'oxbow-test',
    statusTopic: 'oxbow/status',
    filter: 'oxbow/streams/+/record/set',
  };
  return { options, [Symbol.dispose]: () => void server.close() };
}

test('a command that the MQTT server has retained is not obeyed again with each connection', async () => {
  const topic = 'oxbow/streams/door/record/set';
  using server = await openServer(1, publication(topic, 'OFF', true), publication(topic, 'ON', false));
  const messages: string[] = [];
  const received = Promise.withResolvers<void>();
  await using _broker = await Broker.open({
    ...server.options,
    connected() {},
    failed: (reason) => received.reject(new Error(reason)),
    refused: (reason) => received.reject(new Error(reason)),
    message(topic, payload) {
      messages.push(`${topic} ${payload}`);
      if (payload === 'ON') received.resolve();
    },
  });
  await received.promise;
  assert.deepEqual(messages, [`${topic} ON`]);
});

test('a server that refuses commands is connected all the same', async () => {
  using server = await openServer(0x80);
  const reason = Promise.withResolvers<string>();
  await using broker = await Broker.open({
    ...server.options,
    connected() {},
    failed: (failure) => reason.reject(new Error(`the connection: ${failure}`)),
    refused: reason.resolve,
    message() {},
  });
  assert.match(await reason.promise, /./);
  assert.equal(broker.isConnected, true);
});
