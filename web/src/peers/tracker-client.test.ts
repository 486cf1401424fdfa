import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, suite, test } from 'node:test';
import { Blame } from './blame.ts';
import { Introductions } from './introductions.ts';
import { PeerLink } from './peer-link.ts';
import TrackerClient from './tracker-client.ts';

const URL = 'wss://tv.example/introductions';
const bytesOf = (text: string) => new TextEncoder().encode(text);
const NAME = 'n'.repeat(20);

/** A WebSocket that a test opens and answers. */
class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static last: FakeSocket;
  readyState = FakeSocket.OPEN;
  readonly sent: Record<string, unknown>[] = [];
  constructor() {
    super();
    FakeSocket.last = this;
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  receive(message: object) {
    const data = JSON.stringify(Object.assign({ info_hash: NAME }, message));
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
}

/** A connection of WebRTC that makes no offers. */
class FakePeer extends EventTarget {
  static readonly all: FakePeer[] = [];
  static isRefused = false;
  readonly channel = Object.assign(new EventTarget(), { readyState: 'open', close() {} });
  isClosed = false;
  constructor() {
    super();
    if (FakePeer.isRefused) throw new DOMException('too many', 'UnknownError');
    FakePeer.all.push(this);
  }
  createDataChannel() {
    return this.channel;
  }
  async createOffer() {
    throw new DOMException('no', 'OperationError');
  }
  close() {
    this.isClosed = true;
  }
}

suite('meeting other viewers', () => {
  const { WebSocket: socketBefore, RTCPeerConnection: peerBefore } = globalThis;
  let introductions: Introductions;
  const open = (peer: string) => {
    const client = new TrackerClient({ infoHash: bytesOf(NAME), peerId: bytesOf(peer), announce: [URL] });
    client.start();
    return client;
  };
  const settled = async () => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };

  beforeEach(() => {
    Object.assign(globalThis, { WebSocket: FakeSocket, RTCPeerConnection: FakePeer });
    Object.assign(FakePeer, { isRefused: false });
    FakePeer.all.length = 0;
    mock.timers.enable({ apis: ['setTimeout'] });
    introductions = new Introductions(URL);
  });
  afterEach(() => {
    introductions.close();
    mock.timers.reset();
    Object.assign(globalThis, { WebSocket: socketBefore, RTCPeerConnection: peerBefore });
  });

  test('a page announces itself again where the server did not answer', () => {
    const client = open('a'.repeat(20));
    const { sent } = FakeSocket.last;
    assert.equal(sent.length, 1);
    for (const count of [2, 3]) {
      mock.timers.tick(25_000);
      assert.equal(sent.length, count);
    }
    client.destroy();
    mock.timers.tick(100_000);
    assert.equal(sent.length, 4, 'it has said that it leaves');
  });

  test('a loader that takes the place of another one is not announced as gone', () => {
    const [first, second] = [open('a'.repeat(20)), open('a'.repeat(20))];
    const { sent } = FakeSocket.last;
    first.destroy();
    assert.ok(sent.every(({ event }) => event === undefined));
    second.destroy();
    assert.equal(sent.at(-1)!.event, 'stopped');
  });

  test('connections that cannot make an offer are closed, and one that cannot be opened fails quietly', async () => {
    open('a'.repeat(20));
    FakeSocket.last.receive({ complete: 5 });
    await settled();
    assert.ok(FakePeer.all.length > 0);
    assert.ok(FakePeer.all.every(({ isClosed }) => isClosed));
    FakePeer.isRefused = true;
    FakeSocket.last.receive({ complete: 5 });
    const offer = { type: 'offer', sdp: 'v=0' };
    FakeSocket.last.receive({ peer_id: 'b'.repeat(20), offer_id: 'o'.repeat(20), offer });
    await settled();
  });

  test('a peer that sends a command without end is disconnected', () => {
    const link = new PeerLink({}, { initiator: true });
    const { channel } = FakePeer.all[0]!;
    let received = 0;
    link.on('data', () => received++);
    const send = (start: string) => {
      const data = new Uint8Array(60_000);
      data.set(bytesOf(start));
      channel.dispatchEvent(new MessageEvent('message', { data: data.buffer }));
    };
    for (let count = 0; count < 10; count++) send('cstr'); // each is another command
    for (let count = 0; count < 10; count++) send('abcd'); // bytes of segments
    send('dstr');
    assert.ok(!link.isDestroyed);
    send('dstr');
    assert.ok(link.isDestroyed);
    assert.equal(received, 21);
  });
});

suite('who is to blame for wrong bytes', () => {
  test('a peer that has sent all of them, found before or after the loader had them all', () => {
    const blame = new Blame();
    blame.started('7', 'liar');
    blame.foundWrong('7');
    assert.equal(blame.dropped('7'), 'liar');
    blame.started('7', 'other');
    assert.equal(blame.dropped('7'), null, 'it was not compared');
    blame.started('8', 'liar');
    blame.loaded('8');
    blame.foundWrong('8');
    assert.equal(blame.dropped('8'), null);
  });

  test('not one that has sent the rest of what another began', () => {
    const blame = new Blame();
    blame.started('7', 'liar');
    blame.started('7', 'honest');
    blame.foundWrong('7');
    assert.equal(blame.dropped('7'), null);
    blame.started('7', 'liar');
    blame.foundWrong('7');
    assert.equal(blame.dropped('7'), 'liar', 'the next time it is clear');
  });
});
