import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendingOf, withoutSilence } from './call-peer.ts';
import { incomingOf } from './forwarded.ts';
import { Mesh } from './mesh.ts';
import type { CallSignal } from './mesh-peer.ts';

// The capabilities of the browser are not needed.
Object.assign(globalThis, { RTCRtpReceiver: { getCapabilities: () => null } });

/** A connection that records what is done with it; `negotiate` is the browser's `negotiationneeded`. */
class FakeConnection {
  readonly done: string[] = [];
  signalingState = 'stable';
  connectionState = 'new';
  localDescription: { type: string; sdp: string } | null = null;
  onnegotiationneeded = () => {};
  onicecandidate = () => {};
  ontrack = () => {};
  onconnectionstatechange: (() => void) | null = () => {};
  readonly transceivers: object[] = [];

  addTransceiver(kind: string) {
    const track = { id: `${kind} ${this.transceivers.length}` };
    const sender = { track: null, replaceTrack: async () => {} };
    const transceiver = { direction: '', sender, receiver: { track }, setCodecPreferences: () => {} };
    this.transceivers.push(transceiver);
    return transceiver;
  }
  getTransceivers() {
    return this.transceivers;
  }
  async setLocalDescription() {
    await null;
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    this.localDescription = { type, sdp: 'own' };
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
    this.done.push(`local ${type}`);
  }
  async setRemoteDescription({ type }: { type: string }) {
    this.done.push(`remote ${type}`);
    this.signalingState = type === 'offer' ? 'have-remote-offer' : 'stable';
  }
  async addIceCandidate({ candidate }: { candidate: string }) {
    this.done.push(candidate);
  }
  restartIce() {
    this.done.push('restart');
  }
  close() {
    this.done.push('close');
  }
}

function setUp(own: string) {
  const made: FakeConnection[] = [];
  const sent: { to: string; signal: CallSignal }[] = [];
  const mesh = new Mesh({
    own,
    iceServers: [],
    changed: () => {},
    tracks: () => ({ microphone: null, camera: null, screen: null }),
    send: (to, signal) => sent.push({ to, signal }),
    createConnection: () => {
      const connection = new FakeConnection();
      made.push(connection);
      return connection as unknown as RTCPeerConnection;
    },
  });
  const people = (...ids: string[]) => mesh.update(ids.map((id) => ({ id })));
  return { mesh, made, sent, people };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));
const offer: CallSignal = { description: { type: 'offer', sdp: 'theirs' } };

test('who joined later prepares one description for each source, who was there before waits', () => {
  const { made, people } = setUp('b');
  people('a', 'b', 'c');
  assert.equal(made.length, 2);
  assert.deepEqual(
    made.map(({ transceivers }) => transceivers.length),
    [3, 0],
    'an offer to a, none to c',
  );
});

test('an offer is answered', async () => {
  const { mesh, made, sent, people } = setUp('a');
  people('a', 'b');
  await mesh.receive('b', offer);
  assert.deepEqual(made[0]?.done, ['remote offer', 'local answer']);
  assert.deepEqual(sent, [{ to: 'b', signal: { description: { type: 'answer', sdp: 'own' } } }]);
});

test('of two offers at the same time the polite side takes the other one, the impolite side keeps its own', async () => {
  for (const [own, other, expected] of [
    ['a', 'b', ['local offer', 'remote offer', 'local answer']],
    ['b', 'a', ['local offer']],
  ] as const) {
    const { mesh, made, people } = setUp(own);
    people(own, other);
    made[0]!.onnegotiationneeded();
    await settled();
    await mesh.receive(other, offer);
    await mesh.receive(other, { candidate: { candidate: 'of the offer' } });
    assert.deepEqual(made[0]!.done.slice(0, expected.length), expected, own);
  }
});

test('a connection that has failed begins again, one of a participant who has left is closed', async () => {
  const { mesh, made, people } = setUp('a');
  people('a', 'b');
  const [connection] = made as [FakeConnection];
  connection.connectionState = 'failed';
  connection.onconnectionstatechange?.();
  people('a');
  assert.deepEqual(connection.done, ['restart', 'close']);
  await mesh.receive('b', offer);
  assert.deepEqual(connection.done, ['restart', 'close'], 'a late signal is ignored');
});

test('a slot shows the source that the server names, and no other', () => {
  const receivers = ['3', '4', '18'].map((mid) => ({ mid, receiver: { mid } as unknown as RTCRtpReceiver }));
  const slots = [
    { mid: '18', participant: 'b', source: 'screen' },
    { mid: '3', participant: 'b', source: 'microphone' },
    { mid: '99', participant: 'c', source: 'camera' },
  ] as const;
  const incoming = incomingOf(slots, receivers).map(({ from, source, receiver }) => [from, source, receiver]);
  assert.deepEqual(incoming, [
    ['b', 'screen', receivers[2]!.receiver],
    ['b', 'microphone', receivers[0]!.receiver],
  ]);
});

test('a camera is small in a forwarded call, and never enlarged', () => {
  assert.deepEqual(sendingOf('camera', 'forwarded', 360), {
    maxBitrate: 300_000,
    maxFramerate: 15,
    scaleResolutionDownBy: 2,
  });
  assert.equal(sendingOf('screen', 'mesh', 720).scaleResolutionDownBy, 1);
});

test('silence is not sent: the parameter is added to Opus once', () => {
  const sdp = 'a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=fmtp:97 apt=96\r\n';
  const changed = withoutSilence(sdp);
  assert.match(changed, /^a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r$/m);
  assert.match(changed, /^a=fmtp:97 apt=96\r$/m);
  assert.equal(withoutSilence(changed), changed);
  assert.equal(withoutSilence('v=0\r\n'), 'v=0\r\n');
});
