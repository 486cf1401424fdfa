import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chromiumOffer } from '@oxbow/media/sdp/chromium-offer.fixture';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import type { LiveSource, PublishAccess } from '../publish-access.ts';
import { WebRtcServer } from './webrtc-server.ts';

const anyPort = { address: '127.0.0.1', port: 0 };

/** A server whose sessions are not opened by these tests. */
function openServer({ isOff = false, access }: { isOff?: boolean; access?: PublishAccess } = {}) {
  const metrics = createMetrics();
  const unused = () => assert.fail('no session is opened');
  const server = new WebRtcServer({
    access: access ?? { publish: unused, read: unused },
    isOff,
    addresses: [],
    maxSessions: 10,
    keyIntervalMs: 2000,
    openOpus: unused,
    iceServers: () => [],
    countViewer: unused,
    clock: createSystemClock(),
    log: createSilentLog(),
    metrics,
  });
  return { server, [Symbol.dispose]: () => metrics[Symbol.dispose]() };
}

async function refusalOf(server: WebRtcServer): Promise<string> {
  const request = { name: 'cam', key: undefined, remote: '127.0.0.1:1', reachedAt: undefined, userAgent: undefined };
  const codes: string[] = [];
  for (const open of [
    server.publish({ ...request, offer: '' }),
    server.play({ ...request, offer: '' }, { signal: new AbortController().signal }),
  ]) {
    await assert.rejects(open, ({ code }: { code: string }) => codes.push(code) > 0);
  }
  assert.equal(codes[0], codes[1]);
  return codes[0]!;
}

suite('the port of WebRTC', () => {
  test('clients that come while oxbow starts or stops try again, as a restart must not end a publisher', async () => {
    using opened = openServer();
    const { server } = opened;
    assert.equal(await refusalOf(server), 'not-ready');
    const port = await server.listen(anyPort);
    assert.equal(await refusalOf(server), 'bad-offer');
    await port.close();
    assert.equal(await refusalOf(server), 'not-ready');
    assert.equal(server.isOff, false);
  });

  test('a port that is off, or could not be opened, stays so', async () => {
    using off = openServer({ isOff: true });
    assert.equal(await refusalOf(off.server), 'webrtc-off');
    using first = openServer();
    using second = openServer();
    const port = await first.server.listen(anyPort);
    await assert.rejects(second.server.listen({ ...anyPort, port: port.port }), { code: 'EADDRINUSE' });
    assert.equal(await refusalOf(second.server), 'webrtc-off');
    await port.close();
  });

  test('viewers of one address take no more than their share, viewers of all leave places for publishers', async () => {
    const reading = Promise.withResolvers<LiveSource>();
    let decided = 0;
    const publish = async () => {
      decided += 1;
      throw new OxbowError('publish-denied', 'wrong');
    };
    using opened = openServer({ access: { publish, read: () => reading.promise } });
    const { server } = opened;
    const port = await server.listen(anyPort);
    const codes: string[] = [];
    const request = (address: string) => ({
      name: 'cam',
      key: undefined,
      remote: `${address}:5000`,
      reachedAt: undefined,
      userAgent: undefined,
      offer: chromiumOffer,
    });
    const play = (address: string) =>
      server.play(request(address), { signal: new AbortController().signal }).then(
        () => codes.push('open'),
        ({ code }: OxbowError) => codes.push(code),
      );
    const ofOne = Array.from({ length: 20 }, () => play('203.0.113.9'));
    await Promise.all(ofOne.slice(4));
    assert.deepEqual(codes, Array(16).fill('webrtc-full'), 'four of eight');
    const ofOthers = Array.from({ length: 10 }, (_, i) => play(`198.51.100.${i}`));
    await Promise.all(ofOthers.slice(4));
    assert.equal(codes.length, 22, 'eight of ten');
    await assert.rejects(server.publish(request('203.0.113.9')), { code: 'publish-denied' });
    assert.equal(decided, 1, 'the key of a publisher is looked at');
    reading.reject(new OxbowError('stream-unknown', 'gone'));
    await Promise.all([...ofOne, ...ofOthers]);
    assert.deepEqual([...new Set(codes)], ['webrtc-full', 'stream-unknown']);
    await play('203.0.113.9');
    assert.equal(codes.at(-1), 'stream-unknown', 'places are free again');
    await port.close();
  });
});
