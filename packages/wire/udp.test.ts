import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openUdp } from './udp.ts';

test('an answer to a datagram whose source port is 0 is none, and no error (RFC 768)', async () => {
  const errors: unknown[] = [];
  const arrived = Promise.withResolvers<string>();
  const handlers = { tick: () => false, onError: (error: unknown) => void errors.push(error) };
  const here = await openUdp({ address: '127.0.0.1', port: 0 }, undefined, {
    ...handlers,
    receive: (packet) => arrived.resolve(Buffer.from(packet).toString()),
  });
  here.transmit(Buffer.from('lost'), '127.0.0.1', 0);
  here.transmit(Buffer.from('arrives'), '127.0.0.1', here.port);
  assert.equal(await arrived.promise, 'arrives');
  assert.deepEqual(errors, []);
  await here.close();
});
