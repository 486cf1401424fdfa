import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createSystemClock } from '../../lib/clock.ts';
import { createSilentLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { WebRtcServer } from './webrtc-server.ts';

const anyPort = { address: '127.0.0.1', port: 0 };

/** A server whose sessions are not opened by these tests. */
function openServer({ isOff = false } = {}) {
  const metrics = createMetrics();
  const unused = () => assert.fail('no session is opened');
  const server = new WebRtcServer({
    ...{ access: { publish: unused, read: unused }, isOff, addresses: [], maxSessions: 10, keyIntervalMs: 2000 },
    ...{ openOpus: unused, iceServers: () => [], countViewer: unused },
    ...{ clock: createSystemClock(), log: createSilentLog(), metrics },
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
});
