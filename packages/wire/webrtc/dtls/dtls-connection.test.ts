import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { AES_CM, AES_GCM } from '../srtp/packet-cipher.ts';
import { handshakeType, printFragments } from './handshake-message.ts';
import { contentType, parseRecords, printRecord } from './record.ts';
import { certificates, SimulatedPath } from './simulated-path.fixture.ts';

/** Both sides have the same keys, and none of them twice. */
function assertConnected(
  { secrets: { client, server }, closed, client: a, server: b }: SimulatedPath,
  name = '',
): void {
  assert.ok(client && server, `${name}: ${JSON.stringify(closed)}, ${a.pending}, ${b.pending}`);
  assert.deepEqual(client.local, server.remote);
  assert.deepEqual(client.remote, server.local);
  assert.notDeepEqual(client.local, client.remote);
  assert.equal(client.profile, server.profile);
}

/** A handshake record that is not protected. */
const plain = (fragment: Uint8Array, sequence = 99) =>
  printRecord({ type: contentType.handshake, epoch: 0, sequence, fragment });

/** The header of a fragment with its bytes, whatever these say. */
function fragmentOf(type: number, length: number, sequence: number, at: number, bytes: Uint8Array): Uint8Array {
  const u24 = (value: number) => [value >> 16, (value >> 8) & 0xff, value & 0xff];
  const header = [type, ...u24(length), sequence >> 8, sequence & 0xff, ...u24(at), ...u24(bytes.length)];
  return Uint8Array.from([...header, ...bytes]);
}

/** Changes the handshake messages of a datagram that have a type. */
function rewrite(datagram: Uint8Array, type: number, body: Uint8Array): Uint8Array {
  const records = parseRecords(datagram).map((record) => {
    if (record.type !== contentType.handshake || record.epoch > 0 || record.fragment[0] !== type) return record;
    const sequence = record.fragment[5]!;
    return { ...record, fragment: printFragments({ type, sequence, body }, 1100)[0]! };
  });
  return concatBytes(records.map(printRecord));
}

test('client and server agree on keys, in datagrams that fit into every path', () => {
  const path = new SimulatedPath().run();
  assertConnected(path);
  assert.equal(path.secrets.client!.profile, AES_GCM.id);
  assert.equal(path.secrets.client!.local.salt.length, 12);
  for (const { length } of [...path.sent.client, ...path.sent.server]) assert.ok(length <= 1200, `${length} bytes`);
});

test('the server prefers by its own order, and a client with one profile gets it', () => {
  const path = new SimulatedPath({ client: { srtpProfiles: [AES_CM] } }).run();
  assertConnected(path);
  assert.equal(path.secrets.server!.profile, AES_CM.id);
  assert.equal(path.secrets.server!.local.salt.length, 14);
});

test('without a common profile the handshake ends at once', () => {
  const path = new SimulatedPath({ client: { srtpProfiles: [AES_CM] }, server: { srtpProfiles: [AES_GCM] } }).run();
  assert.match(path.closed.server!, /no SRTP profile/);
  assert.equal(path.secrets.client, undefined);
});

for (const loss of [10, 20, 30]) {
  test(`with ${loss} % loss, reordering and repetition it connects (100 networks, seeded)`, () => {
    let slow = 0;
    for (let seed = 0; seed < 100; seed++) {
      const path = new SimulatedPath({ seed: 1000 * loss + seed, loss, repeated: 20, jitterMs: 150 }).run();
      assertConnected(path, `seed ${seed}`);
      if (path.nowMs > 15_000) slow++;
    }
    assert.ok(slow <= 1, `${slow} of 100 needed more than the 15 s that a peer has`);
  });
}

test('a ClientHello in small fragments that arrive in any order is read', () => {
  for (let seed = 0; seed < 20; seed++) {
    const path = new SimulatedPath({
      seed,
      jitterMs: 100,
      change: (datagram, from) => {
        const [record] = parseRecords(datagram);
        if (from === 'server' || record!.fragment[0] !== handshakeType.clientHello) return [datagram];
        const message = { type: handshakeType.clientHello, sequence: 0, body: record!.fragment.subarray(12) };
        return printFragments(message, 12 + 40).map((fragment, sequence) => plain(fragment, sequence));
      },
    });
    assertConnected(path.run(), `seed ${seed}`);
  }
});

test('a ClientHello that is larger than a datagram, as that of Chromium, is answered', () => {
  const path = new SimulatedPath({
    change: (datagram, from) => {
      const [record] = parseRecords(datagram);
      if (from === 'server' || record!.fragment[0] !== handshakeType.clientHello) return [datagram];
      const body = record!.fragment.subarray(12);
      // The extensions are at the end: version, random, no session, no cookie, suites, compression.
      const at = 2 + 32 + 1 + 1 + 2 + 4 + 2;
      const padding = concatBytes([Uint8Array.of(0, 21, 3000 >> 8, 3000 & 0xff), new Uint8Array(3000)]);
      const length = body.length - at - 2 + padding.length;
      const large = concatBytes([
        body.subarray(0, at),
        Uint8Array.of(length >> 8, length & 0xff),
        body.subarray(at + 2),
        padding,
      ]);
      return printFragments({ type: handshakeType.clientHello, sequence: 0, body: large }, 1100).map((each) =>
        plain(each),
      );
    },
  });
  path.step();
  path.step();
  assert.equal(path.sent.server.length, 1);
  assert.equal(parseRecords(path.sent.server[0]!)[0]!.fragment[0], handshakeType.serverHello);
});

suite('a peer that is not the one of its SDP is refused', () => {
  for (const side of ['client', 'server'] as const) {
    test(`another certificate, of the ${side}`, () => {
      const other = side === 'client' ? 'server' : 'client';
      const path = new SimulatedPath({ [side]: { certificate: certificates[other] } }).run();
      assert.match(path.closed[other]!, /not the one of its SDP/);
      assert.deepEqual(path.secrets, {});
    });

    test(`a certificate whose key the ${side} does not have`, () => {
      const other = side === 'client' ? 'server' : 'client';
      const stolen = { ...certificates[side], privateKey: certificates[other].privateKey };
      const path = new SimulatedPath({ [side]: { certificate: stolen } }).run();
      assert.match(path.closed[other]!, /does not have the key of its certificate/);
      assert.deepEqual(path.secrets, {});
    });

    test(`no certificate, of the ${side}`, () => {
      const other = side === 'client' ? 'server' : 'client';
      const path = new SimulatedPath({
        change: (datagram, from) =>
          from === side ? [rewrite(datagram, handshakeType.certificate, new Uint8Array(3))] : [datagram],
      }).run();
      assert.match(path.closed[other]!, /sent no certificate/);
      assert.deepEqual(path.secrets, {});
    });
  }

  test('a client that leaves its certificate out', () => {
    const path = new SimulatedPath({
      change: (datagram, from) => {
        const rest = parseRecords(datagram).filter(({ fragment }) => fragment[0] !== handshakeType.certificate);
        return from === 'client' && rest.length > 0 ? [concatBytes(rest.map(printRecord))] : [datagram];
      },
    }).run(15_000);
    assert.deepEqual(path.secrets, {});
    assert.match(path.server.pending, /waits for certificate/);
  });

  test('an old version of DTLS', () => {
    const path = new SimulatedPath({
      change: (datagram, from) => {
        const body = parseRecords(datagram)[0]!.fragment.slice(12);
        body[1] = 0xff;
        return [from === 'client' ? rewrite(datagram, handshakeType.clientHello, body) : datagram];
      },
    }).run();
    assert.match(path.closed.server!, /does not have DTLS 1.2/);
  });
});

test('malformed messages do not crash the handshake, and the right ones still count', () => {
  const { client, server } = handshakeTypes;
  for (const [from, types] of [
    ['client', client],
    ['server', server],
  ] as const) {
    for (const type of types) {
      let isDone = false;
      const path = new SimulatedPath({
        // A message of one byte before the first right one.
        change: (datagram, side) => {
          const record = parseRecords(datagram).find(({ epoch, fragment }) => epoch === 0 && fragment[0] === type);
          if (side !== from || !record || isDone) return [datagram];
          isDone = true;
          return [rewrite(datagram, type, Uint8Array.of(7)), datagram];
        },
      }).run();
      assert.ok(isDone, `type ${type}`);
      assertConnected(path, `type ${type}`);
    }
  }
});

/** Messages that cannot consist of one byte. */
const handshakeTypes = {
  client: [handshakeType.clientHello, handshakeType.clientKeyExchange, handshakeType.certificateVerify],
  server: [handshakeType.serverHello, handshakeType.serverKeyExchange],
};

test('a running handshake survives garbage from the path (100 networks, seeded)', () => {
  for (let seed = 0; seed < 100; seed++) {
    const path = new SimulatedPath({
      seed,
      loss: 5,
      jitterMs: 100,
      change: (datagram, _from, random) => {
        const bytes = (below: number) => Uint8Array.from({ length: random(below) }, () => random(256));
        const garbage = Array.from({ length: random(4) }, () => {
          switch (random(6)) {
            case 0:
              return bytes(100);
            case 1:
              return printRecord({
                type: 20 + random(5),
                epoch: random(3),
                sequence: random(1000),
                fragment: bytes(80),
              });
            case 2: // an incomplete message with a wrong type or length where the next one is expected
              return plain(fragmentOf(random(256), 20_000 + random(20_000), random(10), random(100), bytes(50)));
            case 3:
              return plain(fragmentOf(random(256), 2000, random(10), random(100), bytes(50)));
            case 4: // an alert that anyone can send
              return printRecord({ type: contentType.alert, epoch: 0, sequence: 1, fragment: Uint8Array.of(2, 40) });
            default:
              return datagram.subarray(0, random(datagram.length));
          }
        });
        return [...garbage, datagram];
      },
    });
    assertConnected(path.run(), `seed ${seed}`);
  }
});

test('changed handshakes never throw, and never give two keys (1,500 handshakes, seeded)', () => {
  const ends = { connected: 0, closed: 0, waiting: 0 };
  for (let seed = 0; seed < 1500; seed++) {
    const path = new SimulatedPath({
      seed,
      change: (datagram, _from, random) => {
        const changed = Uint8Array.from(datagram);
        for (let n = random(3); n > 0; n--) changed[random(changed.length)]! ^= 1 << random(8);
        return random(4) === 0 ? [changed.subarray(0, random(changed.length)), changed] : [changed];
      },
    }).run(3000);
    const reasons = [path.closed.client, path.closed.server, path.client.pending, path.server.pending].join();
    assert.doesNotMatch(reasons, /[0-9a-f]{16}/i, 'no key is in a reason');
    if (path.secrets.client && path.secrets.server) {
      assertConnected(path);
      ends.connected++;
    } else if (path.closed.client || path.closed.server) ends.closed++;
    else ends.waiting++;
  }
  assert.ok(ends.connected > 100 && ends.closed > 100, JSON.stringify(ends));
});

test('repeated last flights end, and do not begin a loop', () => {
  const path = new SimulatedPath().run();
  const { client, server } = path.sent;
  const before = client.length + server.length;
  for (let n = 0; n < 5; n++) {
    for (const datagram of [...server]) path.client.receive(datagram);
    for (const datagram of [...client]) path.server.receive(datagram);
  }
  for (let n = 0; n < 40; n++) path.step();
  assert.equal(client.length + server.length, before + 1, 'the server repeats its Finished once');
});

test('a server whose Finished is lost sends it again', () => {
  let lost = 0;
  const path = new SimulatedPath({
    change: (datagram, from) => {
      const isFinished = parseRecords(datagram).some(({ epoch }) => epoch === 1);
      return from === 'server' && isFinished && lost++ < 3 ? [] : [datagram];
    },
  }).run();
  assertConnected(path);
  assert.equal(lost, 4);
});

test('alerts count only when they are protected', () => {
  const path = new SimulatedPath().run();
  const alert = (level: number, number: number) =>
    printRecord({ type: contentType.alert, epoch: 0, sequence: 50, fragment: Uint8Array.of(level, number) });
  for (const forged of [alert(2, 40), alert(1, 0)]) assert.equal(path.client.receive(forged), false);
  assert.equal(path.closed.client, undefined);
  path.server.close();
  path.step();
  assert.equal(path.closed.client, 'closed');
});

test('between two ticks the work of forged messages is limited', () => {
  const path = new SimulatedPath();
  const hello = path.sent.client[0]!;
  const junk = plain(fragmentOf(handshakeType.clientHello, 1, 0, 0, Uint8Array.of(0)));
  for (let n = 0; n < 10; n++) path.server.receive(junk);
  path.server.receive(hello);
  assert.equal(path.sent.server.length, 0, 'the limit is reached');
  path.server.tick(50);
  path.server.receive(hello);
  assert.equal(path.sent.server.length, 1);
});

test('a second request for a cookie is ignored', () => {
  const path = new SimulatedPath({ change: () => [] });
  const request = (sequence: number) =>
    plain(fragmentOf(handshakeType.helloVerifyRequest, 5, sequence, 0, Uint8Array.of(0xfe, 0xff, 2, 1, sequence)));
  path.client.receive(request(0));
  path.client.receive(request(1));
  assert.equal(path.sent.client.length, 2);
  assert.match(path.client.pending, /rejected: unexpected handshake message 3/);
});
