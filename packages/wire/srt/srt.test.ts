import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  control,
  controlType,
  destinationOf,
  HEADER_BYTES,
  isControl,
  writeControlHeader,
  writeU32,
} from './packet/header.ts';
import { SrtRejectedError } from './rejection.ts';
import { CALLER, countArrivals, numberedPayload, SimulatedNetwork, sendNumbered } from './simulated-network.fixture.ts';

const PASSPHRASE = 'passphrase123';

for (const loss of [0, 0.02, 0.05, 0.1]) {
  for (const passphrase of [undefined, PASSPHRASE]) {
    const kind = passphrase ? 'encrypted ' : '';
    test(`${kind}packets arrive complete and in order with ${loss * 100} % loss, 50 ms jitter and 600 ms latency`, async () => {
      const network = new SimulatedNetwork(
        { seed: 11, loss, delayMs: 20, jitterMs: 50, duplicate: 0.01 },
        { latencyMs: 600 },
        { passphrase, keyLength: 32 },
        () => ({ passphrase }),
      );
      const { caller, listener } = await network.connect();
      const arrivals = countArrivals(listener);
      const sent = sendNumbered(network, caller, 30);
      assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
      assert.equal(listener.latencyMs, 600);
      assert.deepEqual(network.errors, []);
      const stats = listener.stats();
      assert.equal(stats.undecryptable + stats.invalidReports + caller.stats().invalidReports, 0);
    });
  }
}

test('with a latency of about one round trip, packets that cannot be repaired in time are counted and skipped', async () => {
  const network = new SimulatedNetwork({ seed: 3, loss: 0.1, delayMs: 20, jitterMs: 50 });
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  const sent = sendNumbered(network, caller, 30);
  assert.equal(arrivals.wrong, 0);
  assert.equal(arrivals.delivered + arrivals.lost, sent);
  assert.equal(listener.stats().dropped, arrivals.lost);
  assert.ok(arrivals.lost > 0 && arrivals.lost < sent / 20, `${arrivals.lost} of ${sent}`);
});

test('with a latency of less than two round trips, jitter takes no time from the repair of losses', async () => {
  const network = new SimulatedNetwork({ seed: 7, loss: 0.05, delayMs: 10, jitterMs: 50 }, { latencyMs: 120 });
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  const sent = sendNumbered(network, caller, 60);
  assert.equal(arrivals.wrong, 0);
  assert.equal(arrivals.delivered + arrivals.lost, sent);
  assert.ok(arrivals.lost <= sent * 0.001, `${arrivals.lost} of ${sent}`);
});

test('media flows from listener to caller too', async () => {
  const network = new SimulatedNetwork({ seed: 7, loss: 0.05, delayMs: 10, jitterMs: 20 }, {}, { latencyMs: 500 });
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(caller);
  const sent = sendNumbered(network, listener, 10);
  assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
});

test('sequence numbers and timestamps wrap without a loss', async () => {
  // Sequence numbers wrap at once, timestamps after 71.6 minutes; between the two there is only silence.
  const network = new SimulatedNetwork(
    { seed: 5, loss: 0.02, delayMs: 10, jitterMs: 5, sequence: 0x7fff_ff00 },
    {},
    { latencyMs: 400, passphrase: PASSPHRASE },
    () => ({ passphrase: PASSPHRASE }),
  );
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  let sent = sendNumbered(network, caller, 5 * 60, 100_000);
  network.run(64 * 60 * 1_000_000);
  sent += sendNumbered(network, caller, 6 * 60, 100_000, sent);
  assert.ok(network.nowUs > 2 ** 32);
  assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
});

test('a clock of the sender that drifts by 400 ppm costs no packet in half an hour', async () => {
  const network = new SimulatedNetwork({ seed: 6, loss: 0.02, delayMs: 10, driftPpm: -400 }, {}, { latencyMs: 300 });
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  const sent = sendNumbered(network, caller, 1800, 50_000);
  assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
});

test('keys are refreshed in both directions while packets are lost', async () => {
  const keyRefresh = { afterPackets: 2000, announcePackets: 600 };
  const network = new SimulatedNetwork(
    { seed: 7, loss: 0.05, delayMs: 10, jitterMs: 20 },
    { latencyMs: 600, keyRefresh },
    { passphrase: PASSPHRASE, keyLength: 24, keyRefresh },
    () => ({ passphrase: PASSPHRASE }),
  );
  const { caller, listener } = await network.connect();
  const there = countArrivals(listener);
  const back = countArrivals(caller);
  let answered = 0;
  network.every(2105, () => {
    if (answered < 10_000) listener.send(numberedPayload(answered++));
  });
  const sent = sendNumbered(network, caller, 30);
  assert.deepEqual(there, { delivered: sent, lost: 0, wrong: 0 });
  assert.deepEqual(back, { delivered: answered, lost: 0, wrong: 0 });
});

test('an interruption of two seconds loses what is too late, and the stream continues', async () => {
  let isDown = false;
  const network = new SimulatedNetwork({ seed: 9, delayMs: 10, filter: () => !isDown });
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  network.at(network.nowUs + 3_000_000, () => {
    isDown = true;
  });
  network.at(network.nowUs + 5_000_000, () => {
    isDown = false;
  });
  const sent = sendNumbered(network, caller, 10);
  assert.equal(arrivals.wrong, 0);
  assert.equal(arrivals.delivered + arrivals.lost, sent);
  assert.ok(arrivals.lost >= 400 && arrivals.lost <= 1000, `${arrivals.lost}`);
});

test('a process that was busy reads what waits in its socket before it gives packets up', async () => {
  let skipped = 0;
  const network: SimulatedNetwork = new SimulatedNetwork({
    seed: 7,
    delayMs: 20,
    // One packet is lost just before the listener is busy; its repetition arrives meanwhile.
    filter: (packet, fromCaller) => !(fromCaller && !isControl(packet) && network.nowUs > lossUs && skipped++ === 0),
  });
  let lossUs = Number.POSITIVE_INFINITY;
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  lossUs = network.nowUs + 1_000_000;
  network.at(lossUs + 50_000, () => network.stallListener(400_000));
  const sent = sendNumbered(network, caller, 12);
  assert.ok(skipped > 0);
  assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
});

test('a silent peer is given up after the idle time on both sides', async () => {
  let isDown = false;
  const network = new SimulatedNetwork({ seed: 10, delayMs: 10, filter: () => !isDown });
  const { caller, listener } = await network.connect();
  network.run(20_000_000);
  assert.equal(network.listener.stats.connections, 1, 'keep-alives hold an unused connection open');
  isDown = true;
  network.run(5_500_000);
  assert.equal(await listener.closed, 'no packets for 5 s');
  assert.equal(await caller.closed, 'no packets for 5 s');
  assert.equal(network.listener.stats.connections, 0);
});

test('closing one side closes the other', async () => {
  const network = new SimulatedNetwork({ seed: 12, delayMs: 10 });
  const { caller, listener } = await network.connect();
  caller.close();
  network.run(50_000);
  assert.equal(await caller.closed, 'closed');
  assert.equal(await listener.closed, 'closed by the peer');
  assert.equal(caller.send(numberedPayload(0)), false);
});

test('an owner that throws loses its connection and nothing else', async () => {
  const network = new SimulatedNetwork({ seed: 13 });
  const { caller, listener } = await network.connect();
  listener.onData = () => {
    throw new Error('owner');
  };
  caller.send(numberedPayload(0));
  network.run(50_000);
  assert.equal(await listener.closed, 'the owner failed');
  assert.equal(network.errors.length, 1);
});

test('a bug in one connection ends that connection, and is reported', async () => {
  const network = new SimulatedNetwork({ seed: 17 });
  const { caller, listener } = await network.connect();
  const broken = () => {
    throw new Error('bug');
  };
  Object.assign(listener, { tick: broken });
  Object.assign(caller, { tick: broken });
  network.run(50_000);
  assert.equal(await listener.closed, 'an internal error');
  assert.match(await caller.closed, /internal error|closed by the peer/);
  assert.ok(network.errors.length > 0);
  assert.equal(network.listener.stats.connections, 0);
});

test('the first handshakes may be lost or repeated', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const network = new SimulatedNetwork(
      { seed, loss: 0.4, delayMs: 10, jitterMs: 300, duplicate: 0.3 },
      {},
      { connectMs: 60_000 },
    );
    await network.connect();
    assert.equal(network.listener.stats.accepted, 1, `seed ${seed}`);
  }
});

test('a wrong, a missing and a needless passphrase are rejected with their reasons', async () => {
  for (const [own, peers, reason] of [
    ['passphrase124', PASSPHRASE, 'bad-secret'],
    [undefined, PASSPHRASE, 'unsecure'],
    [PASSPHRASE, undefined, 'unsecure'],
  ] as const) {
    const network = new SimulatedNetwork({ seed: 1, delayMs: 5 }, {}, { passphrase: own }, () => ({
      passphrase: peers,
    }));
    await assert.rejects(network.connect(), (error) => error instanceof SrtRejectedError && error.reason === reason);
    assert.equal(network.listener.stats.connections, 0);
  }
});

test('the reason of the owner reaches the caller, and repeated handshakes get it without another decision', async () => {
  let decisions = 0;
  const network = new SimulatedNetwork(
    { seed: 1, delayMs: 300 },
    {
      accept: ({ streamId, remote }) => {
        decisions++;
        assert.equal(streamId, 'publish:door');
        assert.equal(remote, `${CALLER.address}:${CALLER.port}`);
        return { reject: 'forbidden' };
      },
    },
    { streamId: 'publish:door' },
  );
  await assert.rejects(network.connect(), { message: 'SRT connection rejected: access is denied (1403)' });
  network.run(1_000_000);
  assert.equal(decisions, 1);
});

test('a caller without an answer fails in time', async () => {
  const network = new SimulatedNetwork({ seed: 1, loss: 1 }, {}, { connectMs: 1000 });
  await assert.rejects(network.connect(), {
    message: 'SRT connection to 192.0.2.1 port 8890 failed: no answer within 1 s',
  });
});

test('reports about packets that were never sent are counted and ignored', async () => {
  const network = new SimulatedNetwork({ seed: 14, delayMs: 5 });
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  sendNumbered(network, caller, 1);
  const forged = (type: number, words: number[]) => {
    const packet = Buffer.alloc(HEADER_BYTES + 4 * words.length);
    writeControlHeader(packet, type, 0, 1, 0, 0);
    words.forEach((word, index) => {
      writeU32(packet, HEADER_BYTES + 4 * index, word);
    });
    return packet;
  };
  const before = caller.stats();
  for (let word = 0; word < 2 ** 31; word += 2 ** 25 + 12_345) {
    caller.receive(forged(control.ack, [word, 1, 1, 100]), network.nowUs);
    caller.receive(forged(control.nak, [(word | 0x8000_0000) >>> 0, (word + 5) & 0x7fff_ffff]), network.nowUs);
    caller.receive(forged(control.ackAck, []), network.nowUs);
  }
  assert.ok(caller.stats().invalidReports > 100);
  assert.equal(caller.stats().retransmitted, before.retransmitted);
  sendNumbered(network, caller, 1);
  assert.equal(arrivals.wrong, arrivals.delivered / 2, 'numbers begin again at 0: the second half is in order as well');
});

test('malformed packets of the peer end nothing', async () => {
  const network = new SimulatedNetwork({ seed: 15, delayMs: 5 });
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  let captured: Uint8Array | undefined;
  const original = network.listener.receive.bind(network.listener);
  network.listener.receive = (packet, address, port) => {
    if (!isControl(packet)) captured ??= Buffer.from(packet);
    original(packet, address, port);
  };
  sendNumbered(network, caller, 1);
  const id = captured!.subarray(12, 16);
  let state = 1;
  for (let round = 0; round < 20_000; round++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const packet = Buffer.alloc(16 + (state % 40), state & 0xff);
    packet.writeUInt32BE((0x8000_0000 | (state & 0x000f_ffff)) >>> 0, 0);
    if (controlType(packet) === control.shutdown || controlType(packet) === control.peerError) continue;
    packet.set(id, 12);
    original(packet, CALLER.address, CALLER.port);
  }
  assert.equal(network.listener.stats.connections, 1);
  assert.ok(network.listener.stats.ignoredPackets > 0);
  assert.equal(arrivals.wrong, 0);
});

test('packets from another address are ignored, even with the right socket id', async () => {
  const network = new SimulatedNetwork({ seed: 16, delayMs: 5 });
  const { caller, listener } = await network.connect();
  const arrivals = countArrivals(listener);
  const original = network.listener.receive.bind(network.listener);
  network.listener.receive = (packet, address, port) => {
    // Each packet has a forged copy from another port and from another host, and a shutdown.
    const forged = Buffer.from(packet);
    forged.fill(0, HEADER_BYTES);
    original(forged, address, port + 1);
    original(Buffer.from(forged), '192.0.2.66', port);
    const shutdown = Buffer.alloc(20);
    writeControlHeader(shutdown, control.shutdown, 0, 0, 0, destinationOf(packet));
    original(shutdown, '192.0.2.66', port);
    original(packet, address, port);
  };
  const sent = sendNumbered(network, caller, 2);
  assert.deepEqual(arrivals, { delivered: sent, lost: 0, wrong: 0 });
  assert.ok(network.listener.stats.ignoredPackets >= 3 * sent);
});
