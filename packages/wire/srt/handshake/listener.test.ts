import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Handshake,
  handshakeType,
  parseHandshake,
  printHandshake,
  SRT_MAGIC,
  srtFlag,
} from '../packet/handshake.ts';
import { control, destinationOf, writeControlHeader } from '../packet/header.ts';
import { srtRejections } from '../rejection.ts';
import { countArrivals, SimulatedNetwork, sendNumbered } from '../simulated-network.fixture.ts';
import type { SrtAnswer, SrtChannel, SrtListenerOptions, SrtRequest } from '../srt.ts';
import { ListenerProtocol } from './listener.ts';
import { ownParameters } from './negotiate.ts';
import { SecretLimiter } from './secret-limiter.ts';

/** A listener in virtual time that keeps what it sends. */
function open(options: Partial<SrtListenerOptions> = {}) {
  const state = { nowUs: 1_000_000, sentBytes: 0, receivedBytes: 0 };
  const sent: { packet: Uint8Array; address: string; port: number }[] = [];
  const errors: unknown[] = [];
  const listener = new ListenerProtocol(
    {
      address: '192.0.2.1',
      port: 8890,
      accept: () => ({ onConnection: () => {} }),
      onError: (error) => errors.push(error),
      ...options,
    },
    {
      now: () => state.nowUs,
      transmit: (packet, address, port) => {
        state.sentBytes += packet.length;
        sent.push({ packet, address, port });
      },
    },
  );
  const receive = (handshake: Handshake, address = '192.0.2.9', port = 4000) => {
    const packet = printHandshake(handshake);
    writeControlHeader(packet, control.handshake, 0, 0, 0, 0);
    state.receivedBytes += packet.length;
    listener.receive(packet, address, port);
  };
  /** Sends an induction and returns the cookie. */
  const induce = (address?: string, port?: number) => {
    receive(induction, address, port);
    return parseHandshake(sent.at(-1)!.packet).cookie;
  };
  return { listener, state, sent, errors, receive, induce };
}

const base = {
  encryption: 0,
  extensionField: 2,
  sequence: 1000,
  mtu: 1500,
  flowWindow: 8192,
  socketId: 77,
  cookie: 0,
  peerAddress: new Uint8Array(16),
};
const induction: Handshake = { ...base, version: 4, type: handshakeType.induction };
const conclusion: Handshake = {
  ...base,
  version: 5,
  type: handshakeType.conclusion,
  parameters: ownParameters(120, 120),
};

/** Lets the promise of `accept` resolve. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('an induction is answered with a cookie, the magic number and no more bytes than it had', () => {
  const { sent, induce, state, listener } = open();
  assert.notEqual(induce(), 0);
  const { packet, address, port } = sent[0]!;
  assert.deepEqual([address, port, destinationOf(packet)], ['192.0.2.9', 4000, 77]);
  const answer = parseHandshake(packet);
  assert.deepEqual([answer.version, answer.extensionField, answer.type], [5, SRT_MAGIC, handshakeType.induction]);
  assert.equal(state.sentBytes, state.receivedBytes);
  assert.equal(listener.stats.pending + listener.stats.connections, 0);
});

test('a listener needs ticks while a caller waits, is connected or was rejected, and none while it is alone', async () => {
  const { listener, induce, receive, state } = open();
  assert.equal(listener.tick(), false);
  const cookie = induce();
  assert.equal(listener.tick(), false, 'an induction leaves nothing behind');
  receive({ ...conclusion, cookie });
  assert.equal(listener.tick(), true);
  await settle();
  assert.equal(listener.stats.connections, 1);
  assert.equal(listener.tick(), true);
  for (let ms = 0; ms < 30_000; ms += 10) {
    state.nowUs += 10_000;
    listener.tick();
  }
  assert.equal(listener.stats.connections, 0, 'the caller was silent');
  assert.equal(listener.tick(), false);
});

test('a caller whose channel ended while it was decided about gets no connection', async () => {
  const answers = [Promise.withResolvers<SrtAnswer>(), Promise.withResolvers<SrtAnswer>()];
  let asked = 0;
  const { listener, induce, sent } = open({ accept: () => answers[asked++]!.promise });
  const said: string[] = [];
  const channel: SrtChannel & { mayOpen: boolean } = {
    name: 'srtla/1',
    address: '192.0.2.9',
    port: 4000,
    mayOpen: true,
    links: () => [],
    transmit: (packet: Uint8Array) => void said.push(packet.length > 24 ? String(parseHandshake(packet).type) : 'end'),
    opened: () => void said.push('opened'),
    closed: () => void said.push('closed'),
  };
  const cookie = induce();
  for (const socketId of [77, 78]) {
    const packet = printHandshake({ ...conclusion, cookie, socketId });
    writeControlHeader(packet, control.handshake, 0, 0, 0, 0);
    listener.receive(packet, '192.0.2.9', 4000, { channel });
  }
  answers[0]!.resolve({ onConnection: () => said.push('connected') });
  await settle();
  assert.deepEqual(said.splice(0), ['opened', 'connected', String(handshakeType.conclusion)]);
  channel.mayOpen = false;
  listener.closeThrough(channel);
  assert.ok(said.splice(0).includes('closed'));
  answers[1]!.resolve({ onConnection: () => said.push('connected') });
  await settle();
  assert.deepEqual(said, [String(srtRejections.backlog.code)]);
  assert.deepEqual([listener.stats.connections, sent.length], [0, 1]);
});

test('a flood of 100,000 inductions leaves no state, and is answered 10,000 times a second at most', () => {
  const { listener, state, receive } = open();
  for (let number = 0; number < 100_000; number++) {
    if (number % 1000 === 0) {
      state.nowUs += 10_000;
      listener.tick();
    }
    receive({ ...induction, socketId: number }, `198.51.${(number >> 8) & 0xff}.${number & 0xff}`, number & 0xffff);
  }
  assert.equal(listener.stats.inductions, 10_000);
  assert.equal(listener.stats.ignoredHandshakes, 90_000);
  assert.equal(listener.stats.pending + listener.stats.connections, 0);
  assert.ok(state.sentBytes <= state.receivedBytes);
});

test('a conclusion without the cookie of its address and port, or with an old one, gets no answer', async () => {
  const { sent, receive, induce, state, listener } = open();
  const cookie = induce();
  const count = sent.length;
  receive({ ...conclusion, cookie: 0 });
  receive({ ...conclusion, cookie: cookie ^ 1 });
  receive({ ...conclusion, cookie }, '192.0.2.10');
  receive({ ...conclusion, cookie }, '192.0.2.9', 4001);
  state.nowUs += 61_000_000;
  receive({ ...conclusion, cookie });
  await settle();
  assert.equal(sent.length, count);
  assert.equal(listener.stats.ignoredHandshakes, 5);
  const fresh = induce();
  state.nowUs += 29_000_000;
  receive({ ...conclusion, cookie: fresh });
  await settle();
  assert.equal(listener.stats.accepted, 1);
});

test('a repeated conclusion gets the same answer and no second connection', async () => {
  let decisions = 0;
  const { sent, receive, induce, state, listener } = open({
    accept: () => {
      decisions++;
      return { onConnection: () => {} };
    },
  });
  const cookie = induce();
  for (let times = 0; times < 3; times++) receive({ ...conclusion, cookie });
  await settle();
  state.nowUs += 250_000;
  receive({ ...conclusion, cookie });
  assert.equal(decisions, 1);
  assert.equal(listener.stats.connections, 1);
  const answers = sent.slice(-2).map(({ packet }) => parseHandshake(packet));
  assert.equal(answers[0]!.type, handshakeType.conclusion);
  assert.deepEqual({ ...answers[0] }, { ...answers[1] });
});

test('1,000 callers that finish no handshake are bounded, time out, and are rejected with a reason', async () => {
  const signals: AbortSignal[] = [];
  const { listener, state, receive, induce, sent } = open({
    maxConnections: 1000,
    accept: ({ signal }: SrtRequest) => {
      signals.push(signal);
      return new Promise<SrtAnswer>(() => {});
    },
  });
  for (let number = 0; number < 1000; number++) {
    listener.tick();
    const address = `203.0.113.${number & 0xff}`;
    receive({ ...conclusion, cookie: induce(address, number + 1), socketId: number + 1 }, address, number + 1);
  }
  assert.equal(listener.stats.pending, 64);
  assert.equal(parseHandshake(sent.at(-1)!.packet).type, srtRejections.backlog.code);
  state.nowUs += 6_000_000;
  listener.tick();
  assert.equal(listener.stats.pending, 0);
  assert.equal(signals.filter((signal) => signal.aborted).length, 64);
  assert.equal(listener.stats.connections, 0);
});

test('the limit of connections rejects the next caller', async () => {
  const { listener, receive, induce, sent } = open({ maxConnections: 2 });
  for (let port = 1; port <= 3; port++) {
    receive({ ...conclusion, cookie: induce('192.0.2.9', port) }, '192.0.2.9', port);
    await settle();
  }
  assert.equal(listener.stats.connections, 2);
  assert.equal(parseHandshake(sent.at(-1)!.packet).type, srtRejections.backlog.code);
});

for (const [what, handshake, reason] of [
  ['version 4', { version: 4 }, 'version'],
  ['SRT 1.2', { parameters: { ...ownParameters(0, 0), version: 0x010203 } }, 'version'],
  ['no parameters', { parameters: undefined, streamId: 'x' }, 'rogue'],
  ['the stream API', { parameters: { ...ownParameters(0, 0), flags: srtFlag.stream } }, 'message-api'],
  ['file mode', { congestion: 'file' }, 'congestion'],
  ['encryption without a passphrase here', { keyMaterial: new Uint8Array(56), encryption: 2 }, 'unsecure'],
] as const) {
  test(`a caller with ${what} is rejected with the code of the draft`, async () => {
    const { receive, induce, sent, listener } = open();
    receive({ ...conclusion, ...handshake, cookie: induce() });
    await settle();
    assert.equal(parseHandshake(sent.at(-1)!.packet).type, srtRejections[reason].code);
    assert.equal(listener.stats.connections, 0);
  });
}

test('groups, packet filters and rendezvous are rejected with the code of the draft', async () => {
  for (const [type, reason] of [
    [8, 'group'],
    [7, 'filter'],
  ] as const) {
    const { listener, induce, sent } = open();
    // The printer does not write these extensions.
    const printed = printHandshake({ ...conclusion, cookie: induce() });
    const packet = Buffer.concat([printed, Buffer.from([0, type, 0, 1]), Buffer.from('cef,')]);
    writeControlHeader(packet, control.handshake, 0, 0, 0, 0);
    listener.receive(packet, '192.0.2.9', 4000);
    assert.equal(parseHandshake(sent.at(-1)!.packet).type, srtRejections[reason].code);
  }
  const { receive, sent, state } = open();
  receive({ ...base, version: 5, type: handshakeType.waveAHand });
  assert.equal(parseHandshake(sent.at(-1)!.packet).type, srtRejections['rendezvous-cookie'].code);
  assert.ok(state.sentBytes <= state.receivedBytes);
});

test('an error of the decision rejects the caller and is reported', async () => {
  const { receive, induce, sent, errors } = open({
    accept: () => {
      throw new Error('decision');
    },
  });
  receive({ ...conclusion, cookie: induce() });
  await settle();
  assert.equal(parseHandshake(sent.at(-1)!.packet).type, srtRejections['server-error'].code);
  assert.equal(errors.length, 1);
});

test('an address may try ten wrong passphrases a minute', () => {
  const limiter = new SecretLimiter();
  for (let failures = 0; failures < 10; failures++) {
    assert.equal(limiter.allows('192.0.2.9', 1_000_000), true);
    limiter.fail('192.0.2.9', 1_000_000);
  }
  assert.equal(limiter.allows('192.0.2.9', 2_000_000), false);
  assert.equal(limiter.allows('192.0.2.10', 2_000_000), true);
  assert.equal(limiter.allows('192.0.2.9', 62_000_000), true);
});

test('a flood of handshakes costs a running stream no packet', async () => {
  const network = new SimulatedNetwork({ seed: 21, loss: 0.02, delayMs: 10 }, {}, { latencyMs: 400 });
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  const packet = printHandshake(induction);
  writeControlHeader(packet, control.handshake, 0, 0, 0, 0);
  let number = 0;
  network.every(1000, () => {
    for (let times = 0; times < 20; times++)
      network.listener.receive(packet, `10.0.${++number & 0xff}.1`, number & 0xffff);
  });
  const sent = sendNumbered(network, caller, 2);
  assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
  assert.ok(network.listener.stats.ignoredHandshakes > 20_000);
});
