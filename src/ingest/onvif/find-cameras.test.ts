import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { freePort } from '../../../test/fixtures/free-port.ts';
import { openLiveCamera } from '../../../test/fixtures/rtsp/live-camera.ts';
import { findCameras } from './find-cameras.ts';

const { signal } = new AbortController();

test('cameras answer a multicast probe, and each is listed once with the address from which it answered', async () => {
  const group = { host: '239.255.255.250', port: await freePort() };
  await using first = await openLiveCamera({ media: {}, group, name: 'first' });
  await using second = await openLiveCamera({ media: {}, group, name: 'second' });
  const cameras = await findCameras({ ...group, waitMs: 700 }, { signal });
  assert.deepEqual(cameras.map(({ name, address }) => [name, address.port]).sort(), [
    ['first', `${first.port}`],
    ['second', `${second.port}`],
  ]);
});

test('answers that name another host, that are for another probe, or that are no SOAP list nothing', async () => {
  const liar = createSocket('udp4');
  liar.on('message', (bytes, { port, address }) => {
    const id = /<a:MessageID>([^<]+)</.exec(bytes.toString())?.[1];
    const answer = (relatesTo: string | undefined, url: string) =>
      `<E:Envelope xmlns:E="http://www.w3.org/2003/05/soap-envelope"><E:Header><RelatesTo>${relatesTo}</RelatesTo></E:Header><E:Body><ProbeMatches><ProbeMatch><EndpointReference><Address>urn:x</Address></EndpointReference><XAddrs>${url}</XAddrs></ProbeMatch></ProbeMatches></E:Body></E:Envelope>`;
    const own = `http://127.0.0.1:80/onvif/device_service`;
    const answers = [
      answer(id, 'http://169.254.169.254/latest'),
      answer(id, 'file://127.0.0.1/etc'),
      answer('urn:other', own),
    ];
    for (const text of [...answers, 'no xml', '<', '<!DOCTYPE x>']) liar.send(text, port, address);
  });
  const bound = once(liar, 'listening');
  liar.bind(0, '127.0.0.1');
  await bound;
  try {
    const search = { host: '127.0.0.1', port: liar.address().port, waitMs: 300 };
    assert.deepEqual(await findCameras(search, { signal }), []);
  } finally {
    liar.close();
  }
});

test('a search ends with its signal', async () => {
  const ends = new AbortController();
  const search = findCameras({ host: '127.0.0.1', port: 9, waitMs: 60_000 }, { signal: ends.signal });
  ends.abort(new Error('over'));
  await assert.rejects(search, /over/);
});
