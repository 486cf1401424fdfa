import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { suite, test } from 'node:test';
import { splitRtp } from '@oxbow/media/rtp/packet';
import { EndpointFull, openWebRtcEndpoint, type WebRtcEndpoint } from './endpoint.ts';
import { createIceCredentials } from './ice/ice-session.ts';
import type { Peer, PeerHandlers } from './peer.ts';

const open = (address = '127.0.0.1', maxPeers = 10) =>
  openWebRtcEndpoint({ address, port: 0, maxPeers, nowMs: Date.now(), onError: (error) => assert.fail(error) });

/** A peer, and what it received. */
function listen() {
  const connected = Promise.withResolvers<void>();
  const packet = Promise.withResolvers<Uint8Array>();
  const report = Promise.withResolvers<Uint8Array>();
  const closed = Promise.withResolvers<string | undefined>();
  const handlers: PeerHandlers = {
    onConnected: connected.resolve,
    onPacket: packet.resolve,
    onReport: report.resolve,
    onClosed: closed.resolve,
  };
  return {
    handlers,
    connected: connected.promise,
    packet: packet.promise,
    report: report.promise,
    closed: closed.promise,
  };
}

/** Two connected peers of two endpoints. */
function connect(
  offering: WebRtcEndpoint,
  answering: WebRtcEndpoint,
  dtls: 'client' | 'server',
  address = '127.0.0.1',
) {
  const [a, b] = [listen(), listen()];
  const local = createIceCredentials();
  const other = createIceCredentials();
  const answer: Peer = answering.openPeer({
    ...b.handlers,
    role: 'answer',
    dtls: dtls === 'client' ? 'server' : 'client',
    local: other,
    remote: { ...local, fingerprint: offering.fingerprint, candidates: [] },
  });
  const offer: Peer = offering.openPeer({
    ...a.handlers,
    role: 'offer',
    dtls,
    local,
    remote: {
      ...other,
      fingerprint: answering.fingerprint,
      candidates: [
        { address, port: 9 },
        { address, port: answering.port },
      ],
    },
  });
  return { offer, answer, a, b };
}

for (const dtls of ['client', 'server'] as const) {
  test(`two endpoints connect, and exchange media; the side that offered is DTLS ${dtls}`, async () => {
    await using offering = await open();
    await using answering = await open();
    const { offer, answer, a, b } = connect(offering, answering, dtls);
    await Promise.all([a.connected, b.connected]);
    const packet = new Uint8Array(100).fill(7);
    packet[0] = 0x80;
    packet[1] = 96;
    offer.send(splitRtp(packet)!);
    assert.deepEqual(new Uint8Array(await b.packet), packet);
    const report = Uint8Array.of(0x80, 201, 0, 1, 0, 0, 0, 9);
    answer.sendReport(report);
    assert.deepEqual(new Uint8Array(await a.report), report);
    answer.close();
    assert.equal(await a.closed, undefined);
    assert.deepEqual([offering.size, answering.size], [0, 0]);
  });
}

test('a peer with another certificate than that of its SDP is refused by both sides', async () => {
  await using offering = await open();
  await using answering = await open();
  await using stranger = await open();
  const { a } = connect(
    offering,
    Object.assign(Object.create(answering), { fingerprint: stranger.fingerprint }),
    'client',
  );
  assert.match((await a.closed)!, /certificate of the peer is not the one of its SDP/);
});

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

suite('an endpoint of all addresses', { skip: hasIPv6 ? false : 'this computer has no IPv6' }, () => {
  for (const [from, to] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::', '127.0.0.1'],
    ['::', '::1'],
    ['::1', '::1'],
  ] as const) {
    test(`is reached at ${to} from ${from}, and reports plain addresses`, async () => {
      await using offering = await open(from);
      await using answering = await open('::');
      const { offer, answer, a, b } = connect(offering, answering, 'client', to);
      await Promise.all([a.connected, b.connected]);
      assert.deepEqual(offer.remote, { address: to, port: answering.port });
      assert.deepEqual(answer.remote, { address: to, port: offering.port });
    });
  }

  test('candidates without a route are counted, and the others still connect', async () => {
    await using offering = await open('127.0.0.1');
    await using answering = await open('127.0.0.1');
    const { offer, a, b } = connect(offering, answering, 'client');
    offer.addCandidate({ address: '2001:db8::1', port: 9 });
    await Promise.all([a.connected, b.connected]);
    assert.ok(offering.stats.unsent > 0);
  });
});

test('an endpoint has a limit of peers, and none after it was closed', async () => {
  await using offering = await open('127.0.0.1', 1);
  await using answering = await open('127.0.0.1');
  assert.ok(offering.hasRoom);
  connect(offering, answering, 'client');
  assert.equal(offering.hasRoom, false);
  assert.throws(() => connect(offering, answering, 'client'), EndpointFull);
  await answering.close();
  await answering.close();
  assert.deepEqual([answering.size, answering.hasRoom], [0, false]);
});
