import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openWebRtcEndpoint, type WebRtcEndpoint } from './endpoint.ts';
import { createIceCredentials } from './ice/ice-session.ts';
import type { Peer, PeerHandlers } from './peer.ts';

const open = () =>
  openWebRtcEndpoint({ address: '127.0.0.1', port: 0, nowMs: Date.now(), onError: (error) => assert.fail(error) });

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
function connect(offering: WebRtcEndpoint, answering: WebRtcEndpoint, dtls: 'client' | 'server') {
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
        { address: '127.0.0.1', port: 9 },
        { address: '127.0.0.1', port: answering.port },
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
    offer.send(packet);
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
