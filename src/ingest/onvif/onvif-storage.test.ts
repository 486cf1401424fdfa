import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type OnvifCameraOptions, openOnvifCamera } from '../../../test/fixtures/rtsp/onvif-camera.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { createNet } from '../../net/net.ts';
import { openOnvifStorage } from './onvif-storage.ts';
import { isOnvifUrl, parseOnvifUrl } from './onvif-url.ts';

const { signal } = new AbortController();
const recordings = [
  { token: 'R1', fromMs: 1_790_000_000_000, toMs: 1_790_000_600_000, uri: 'rtsp://192.0.2.9:8554/r?t=1' },
  { token: 'R2', fromMs: 1_790_000_000_000, toMs: 1_790_000_600_000, uri: 'rtsp://192.0.2.9/r2' },
];

async function withCamera(options: Partial<OnvifCameraOptions>, login = '') {
  await using camera = await openOnvifCamera({ recordings, ...options });
  await using net = createNet({ allow: [] });
  const address = parseOnvifUrl(`onvif://${login}127.0.0.1:${camera.port}`);
  const storage = await openOnvifStorage({ address, trusted: true, net, clock: createSystemClock() }, { signal });
  const all = await storage.recordings({ signal });
  const replay = await storage.replayAddress('R1', { signal });
  return { all, replay, aheadMs: storage.aheadMs, requests: camera.requests };
}

test('the recordings of a camera and their addresses are found, with each way to sign in', async () => {
  for (const usesHttpDigest of [false, true]) {
    const login = { user: 'admin', password: 'p@ss', usesHttpDigest, aheadMs: 3_600_000 };
    const { all, replay, aheadMs, requests } = await withCamera(login, 'admin:p%40ss@');
    assert.deepEqual(
      all.map(({ token, fromMs }) => [token, fromMs]),
      [
        ['R1', 1_790_000_000_000],
        ['R2', 1_790_000_000_000],
      ],
    );
    // The camera names an address within its network: its host is the configured one.
    assert.equal(replay.requestUrl, 'rtsp://127.0.0.1:8554/r?t=1');
    assert.deepEqual([replay.user, replay.password], ['admin', 'p@ss']);
    assert.ok(Math.abs(aheadMs - 3_600_000) < 2000, String(aheadMs));
    assert.equal(requests[0], 'GetSystemDateAndTime');
  }
});

test('services of another host are requested at the configured one', async () => {
  const { all } = await withCamera({ ownAddress: 'http://192.0.2.7:8000' });
  assert.equal(all.length, 2);
});

test('a service whose path begins with a host is requested at the camera, and nowhere else', async () => {
  for (const ownAddress of ['http://192.0.2.7//127.0.0.1:1', 'http://192.0.2.7/%2F/127.0.0.1:1']) {
    const { requests } = await withCamera({ ownAddress });
    assert.ok(requests.includes('FindRecordings'));
  }
});

test('a wrong password, a camera without storage and another server are refused with the reason', async () => {
  const failure = (reason: string, message: RegExp) => ({ code: 'source-failed', extra: { reason }, message });
  for (const usesHttpDigest of [false, true]) {
    const camera = withCamera({ user: 'admin', password: 'right', usesHttpDigest }, 'admin:wrong@');
    await assert.rejects(camera, failure('credentials', /refuses/));
  }
  await assert.rejects(withCamera({ hasNoStorage: true }), failure('no-replay', /has no storage/));
});

test('a password is never sent in clear, although the camera requests that', async (context) => {
  const fields: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    fields.push(request.headers.authorization);
    request.resume();
    response.writeHead(401, { 'www-authenticate': 'Basic realm="cam"' }).end();
  });
  context.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  await using net = createNet({ allow: [] });
  const address = parseOnvifUrl(`onvif://admin:right@127.0.0.1:${(server.address() as AddressInfo).port}`);
  const opening = openOnvifStorage({ address, trusted: true, net, clock: createSystemClock() }, { signal });
  await assert.rejects(opening, { code: 'source-failed', extra: { reason: 'credentials' } });
  assert.deepEqual(fields, [undefined]);
});

test('an address has the path of the device service unless it names another', () => {
  assert.ok(isOnvifUrl('onvifs://a') && !isOnvifUrl('rtsp://a'));
  const { device, recording } = parseOnvifUrl('onvifs://u:p@h:8443/x?recording=R%201');
  assert.deepEqual([device.href, recording], ['https://h:8443/x', 'R 1']);
  assert.equal(parseOnvifUrl('onvif://10.0.0.2').device.href, 'http://10.0.0.2/onvif/device_service');
  assert.throws(() => parseOnvifUrl('onvif://'), { name: 'FormatError' });
});
